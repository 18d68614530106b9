//! Callers who take their time: none of them keeps a connection, a place or a task for ever.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::{LAX, client::Client, client::get, one_route, process::Gateway, until, upstream::Upstream};

/// How long the gateways here wait for a caller.
const PATIENCE: Duration = Duration::from_secs(2);
/// A test is slow itself now and then.
const SLACK: Duration = Duration::from_secs(5);
/// Callers who are to be waited for pause for so long, so often: twice as long altogether as `patient` waits, and
/// never nearly as long at once.
const BEAT: Duration = Duration::from_millis(200);
const BEATS: usize = 40;

fn patient(upstream: &Upstream) -> Gateway {
    Gateway::start_so(&one_route(upstream, LAX), &["--client-timeout", "4s"], &[])
}

fn start(upstream: &Upstream, breaker: &str) -> Gateway {
    Gateway::start_so(&one_route(upstream, breaker), &["--client-timeout", "2s"], &[])
}

/// Connects and says this, then one byte after another until the connection is closed or an answer comes: not before it
/// was waited for.
fn drip(gateway: &Gateway, beginning: &str) -> Client {
    let start = Instant::now();
    let mut client = Client::connect(gateway.at);
    client.send(beginning);
    client.patience(Duration::from_millis(20));
    while !client.has_more() {
        assert!(start.elapsed() < PATIENCE + SLACK, "still open after {:?}", start.elapsed());
        client.send_what_is_taken("x");
    }
    assert!(start.elapsed() > PATIENCE, "{:?}", start.elapsed());
    client
}

fn closed_by_the_gateway(gateway: &Gateway) {
    until("the connection closed", || (gateway.metric("gateway_connections") == 0).then_some(()));
    assert_eq!(gateway.metric("gateway_connections_silent_total"), 1);
}

#[test]
fn a_head_that_drips_byte_by_byte_is_given_up() {
    let upstream = Upstream::well();
    let gateway = start(&upstream, LAX);
    for beginning in ["", "GET /a HTTP/1.1\r\nHost: a\r\nX-Slow: "] {
        assert!(drip(&gateway, beginning).is_closed());
    }
    assert_eq!(gateway.metric("gateway_connections_silent_total"), 2);
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_caller_who_says_nothing_is_given_up() {
    let gateway = start(&Upstream::well(), LAX);
    let mut client = Client::connect(gateway.at);
    assert!(client.is_closed());
    closed_by_the_gateway(&gateway);
}

#[test]
fn half_a_preface_and_a_connection_of_http2_without_streams_are_given_up() {
    let gateway = start(&Upstream::well(), LAX);
    let whole: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for sent in [&whole[..10], whole] {
        let mut client = Client::connect(gateway.at);
        client.send(sent);
        client.read_to_the_end();
    }
    until("both closed", || (gateway.metric("gateway_connections") == 0).then_some(()));
    assert_eq!(gateway.metric("gateway_connections_silent_total"), 2);
}

#[test]
fn pings_alone_keep_no_connection_of_http2() {
    let gateway = start(&Upstream::well(), LAX);
    let mut client = Client::connect(gateway.at);
    client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    let start = Instant::now();
    // Each is answered, until the connection has gone.
    while gateway.metric("gateway_connections_silent_total") == 0 {
        assert!(start.elapsed() < PATIENCE + SLACK, "still open");
        client.send_what_is_taken(b"\0\0\x08\x06\0\0\0\0\0pingping");
        thread::sleep(PATIENCE / 20);
    }
    closed_by_the_gateway(&gateway);
}

#[test]
fn a_kept_connection_is_closed_once_nothing_has_come_on_it_for_so_long() {
    let upstream = Upstream::well();
    let gateway = patient(&upstream);
    let mut client = Client::connect(gateway.at);
    for _ in 0..BEATS {
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.answer().status, 200);
        thread::sleep(BEAT);
    }
    assert!(client.is_closed());
    closed_by_the_gateway(&gateway);
}

#[test]
fn a_body_that_drips_is_408_and_not_held_against_the_upstream() {
    let upstream = Upstream::well();
    let gateway = start(&upstream, "failure_threshold = 1\non_cancel = \"failure\"");
    let mut client = drip(&gateway, "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n");
    client.patience(SLACK);
    assert_eq!(client.answer().status, 408);
    let circuit = gateway.circuit("/{*rest}");
    assert_eq!((&circuit["state"], &circuit["failure_count"]), (&"closed".into(), &0.into()));
    until("all given back", || (gateway.metric("gateway_connections") == 0).then_some(()));
}

/// A connection that is reset may take the answer down with it.
#[test]
fn what_still_comes_of_a_body_after_its_408_is_read_for_a_moment() {
    const REST: usize = 1 << 20;
    let upstream = Upstream::well();
    let gateway = patient(&upstream);
    let mut client = Client::connect(gateway.at);
    client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {REST}\r\n\r\n"));
    until("an answer", || client.has_more().then_some(()));
    for _ in 0..4 {
        thread::sleep(Duration::from_millis(10));
        client.send(vec![b'x'; REST / 4]);
    }
    assert_eq!(client.answer().status, 408);
}

#[test]
fn a_body_that_pauses_and_goes_on_is_taken_whole() {
    let upstream = Upstream::start(|exchange| {
        let body = exchange.body().len();
        exchange.reply("200 OK", &body.to_string());
    });
    let gateway = patient(&upstream);
    let mut client = Client::connect(gateway.at);
    let size = BEATS * 1000;
    client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n"));
    for _ in 0..BEATS {
        thread::sleep(BEAT);
        client.send([b'x'; 1000]);
    }
    assert_eq!(client.answer().body, size.to_string().as_bytes());
}

/// Who waits for the upstream is no silent caller.
#[test]
fn an_upstream_that_takes_longer_than_a_caller_may_is_waited_for() {
    let upstream = Upstream::start(|exchange| {
        thread::sleep(PATIENCE * 2);
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nlate");
        thread::sleep(PATIENCE * 2);
        exchange.send(" all");
        thread::sleep(PATIENCE * 2);
        exchange.send(" ok");
        exchange.send("!");
    });
    let gateway = start(&upstream, LAX);
    assert_eq!(get(gateway.at, "/a").body, b"late all");
}

#[test]
fn an_answer_that_nobody_takes_is_given_up() {
    let over = Arc::new(AtomicBool::new(false));
    let ended = Arc::clone(&over);
    let upstream = Upstream::start(move |exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        while exchange.sends(&chunk) {}
        ended.store(true, SeqCst);
        exchange.keep = false;
    });
    let gateway = start(&upstream, LAX);
    let mut client = Client::connect(gateway.at);
    client.send("GET /endless HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head().status(), 200);
    until("the upstream let go", || over.load(SeqCst).then_some(()));
    until("the connection closed", || (gateway.metric("gateway_connections") == 0).then_some(()));
}

/// Far more than the buffers in between have room for, and as little as fits into what the server keeps of an answer that
/// its upstream has ended.
#[test]
fn an_answer_that_is_taken_slowly_is_taken_whole() {
    const BITE: usize = 9 << 10;
    for size in [12 << 20, BEATS * BITE] {
        let upstream = Upstream::start(move |exchange| exchange.reply("200 OK", &"x".repeat(size)));
        let gateway = patient(&upstream);
        let mut client = Client::connect_from_afar(gateway.at);
        client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(client.head().get("content-length").unwrap(), size.to_string());
        for _ in 0..BEATS {
            thread::sleep(BEAT);
            client.read_exactly(BITE);
        }
        client.read_exactly(size - BEATS * BITE);
    }
}

#[tokio::test]
async fn streams_of_http2_that_nobody_takes_are_given_up() {
    let upstream = Upstream::start(|exchange| exchange.reply("200 OK", &"x".repeat(8 << 20)));
    let gateway = start(&upstream, LAX);
    let stream = tokio::net::TcpStream::connect(gateway.at).await.unwrap();
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let all: Vec<_> = (0..3)
        .map(|_| Request::get(format!("http://{}/a", gateway.at)).body(Full::<Bytes>::default()).unwrap())
        .map(|request| send.send_request(request))
        .collect();
    let mut held = Vec::new();
    for answer in all {
        held.push(answer.await.unwrap());
    }
    // The connection is read all the while, and every ping answered.
    let _ = tokio::time::timeout(PATIENCE + SLACK, connection).await.expect("it is closed");
    for answer in held {
        assert!(answer.into_body().collect().await.is_err());
    }
    let gateway = tokio::task::spawn_blocking(move || {
        closed_by_the_gateway(&gateway);
        gateway
    });
    drop(gateway.await);
}
