//! Upstreams that fall silent in the middle of an answer.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::{LAX, PATIENCE, client::Client, client::get, one_route, process::Gateway, upstream::Upstream};

fn start(upstream: &Upstream, timeout: &str) -> Gateway {
    Gateway::start_so(&one_route(upstream, LAX), &["--upstream-timeout", timeout], &[])
}

/// Begins an answer and says no more; and what it is told when its connection ends.
fn silent() -> (Upstream, mpsc::Receiver<()>) {
    let (ended, end) = mpsc::channel();
    let upstream = Upstream::start(move |exchange| {
        exchange.send(match exchange.path() {
            "/length" => "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npart",
            "/chunks" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n",
            _ => "HTTP/1.0 200 OK\r\n\r\npart",
        });
        exchange.wait_for_the_end();
        let _ = ended.send(());
    });
    (upstream, end)
}

#[test]
fn an_answer_that_does_not_go_on_is_cut_and_never_ended() {
    let (upstream, end) = silent();
    let gateway = start(&upstream, "1s");
    for path in ["/length", "/chunks", "/as-long-as-it-lasts"] {
        let begun = Instant::now();
        let mut client = Client::connect(gateway.at);
        client.patience(PATIENCE);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        let head = client.head();
        assert_eq!(head.status(), 200, "{path}");
        if path == "/length" {
            client.read_exactly(4);
        } else {
            assert_eq!(client.chunk().unwrap(), b"part", "{path}");
        }
        assert!(client.is_closed(), "{path}: cut, without the chunk that ends it");
        assert!(begun.elapsed() >= Duration::from_secs(1), "{path}: {:?}", begun.elapsed());
        end.recv_timeout(PATIENCE).expect("the upstream is let go");
    }
    let circuit = gateway.circuit("/{*rest}");
    assert_eq!(circuit["failure_count"], 0, "a call is judged once, by the head of its answer: {circuit}");
}

#[tokio::test]
async fn over_http2_its_stream_ends_in_an_error() {
    let (upstream, _end) = silent();
    let gateway = start(&upstream, "1s");
    let stream = tokio::net::TcpStream::connect(gateway.at).await.unwrap();
    let (mut send, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::get(format!("http://{}/chunks", gateway.at)).body(Full::<Bytes>::default()).unwrap();
    let answer = send.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    let body = tokio::time::timeout(PATIENCE, answer.into_body().collect()).await.expect("it ends");
    assert!(body.is_err());
}

#[test]
fn a_stream_that_is_kept_alive_goes_on() {
    const BEAT: Duration = Duration::from_millis(200);
    const BEATS: usize = 25;
    let upstream = Upstream::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
        for _ in 0..BEATS {
            thread::sleep(BEAT);
            exchange.send("3\r\n:\n\n\r\n");
        }
        exchange.send("0\r\n\r\n");
    });
    let gateway = start(&upstream, "3s");
    assert_eq!(get(gateway.at, "/events").body, b":\n\n".repeat(BEATS));
}

/// The upstream has said it all long since.
#[test]
fn a_caller_who_pauses_is_no_silent_upstream() {
    const SIZE: usize = 12 << 20;
    let upstream = Upstream::start(|exchange| exchange.reply("200 OK", &"x".repeat(SIZE)));
    let gateway = start(&upstream, "2s");
    let mut client = Client::connect_from_afar(gateway.at);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head().status(), 200);
    thread::sleep(Duration::from_secs(4));
    client.read_exactly(SIZE);
}

#[test]
fn a_head_that_does_not_come_is_504() {
    let (ended, end) = mpsc::channel();
    let upstream = Upstream::start(move |exchange| {
        exchange.wait_for_the_end();
        let _ = ended.send(());
    });
    let gateway = start(&upstream, "1s");
    assert_eq!(get(gateway.at, "/a").status, 504);
    end.recv_timeout(PATIENCE).expect("the upstream is let go");
}
