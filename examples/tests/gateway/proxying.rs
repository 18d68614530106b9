//! What goes through, and what it looks like on the other side.

use std::sync::mpsc;

use crate::{
    LAX,
    client::{Client, get, post},
    one_route,
    process::Gateway,
    until,
    upstream::Upstream,
};

#[test]
fn a_get_reaches_the_upstream_byte_for_byte() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let answer = get(gateway.at, "/a%2Fb/%C3%A4//c?x=%20y&&z=+%zz");
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"well"[..]));
    let seen = &upstream.seen()[0];
    assert_eq!(seen.start, "GET /a%2Fb/%C3%A4//c?x=%20y&&z=+%zz HTTP/1.1");
    assert_eq!(seen.get("host").unwrap(), upstream.at().to_string());
}

#[test]
fn a_post_takes_its_body_along_and_brings_one_back() {
    let upstream = Upstream::start(|exchange| {
        let body = String::from_utf8(exchange.body()).unwrap();
        exchange.send("HTTP/1.1 201 Created\r\nX-Kind: echo\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n");
        exchange.send(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let answer = post(gateway.at, "/orders", "one order");
    assert_eq!((answer.status, answer.body.as_slice()), (201, &b"one order"[..]));
    assert_eq!(answer.head.get("x-kind").unwrap(), "echo");
    let cookies = answer.head.fields.iter().filter(|(name, _)| name == "set-cookie").count();
    assert_eq!(cookies, 2, "lines that belong apart stay apart");
    assert_eq!(upstream.seen()[0].get("content-length").unwrap(), "9");
}

#[test]
fn bodies_stream_both_ways_at_once() {
    let upstream = Upstream::start(|exchange| {
        let first = exchange.chunk().unwrap();
        assert_eq!(first, b"ping");
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npong\r\n");
        assert_eq!(exchange.chunk().unwrap(), b"more");
        assert_eq!(exchange.chunk(), None);
        exchange.send("4\r\ndone\r\n0\r\n\r\n");
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let mut client = Client::connect(gateway.at);
    client.send("POST /talk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nping\r\n");
    let head = client.head();
    assert_eq!(head.status(), 200);
    assert_eq!(client.chunk().unwrap(), b"pong", "comes before the request has ended");
    client.send("4\r\nmore\r\n0\r\n\r\n");
    assert_eq!(client.chunk().unwrap(), b"done");
    assert_eq!(client.chunk(), None);
}

#[test]
fn a_large_body_is_not_kept() {
    const SIZE: usize = 64 << 20;
    let (go, wait) = mpsc::sync_channel::<()>(0);
    let wait = std::sync::Mutex::new(wait);
    let upstream = Upstream::start(move |exchange| {
        wait.lock().unwrap().recv().unwrap();
        let body = exchange.body();
        exchange.reply("200 OK", &body.len().to_string());
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let mut client = Client::connect(gateway.at);
    client.send(format!("PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n"));
    // As long as the upstream does not read, the sockets in between take a few megabytes and no more.
    client.write_until_full(SIZE / 2);
    go.send(()).unwrap();
    client.write_rest(SIZE);
    assert_eq!(client.answer().body, SIZE.to_string().as_bytes());
}

#[test]
fn what_is_for_one_connection_stays_behind() {
    let upstream = Upstream::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTrailer: X-T\r\n");
        exchange.send("Proxy-Authenticate: Basic\r\nUpgrade: h9\r\nX-Stays: 2\r\nContent-Length: 0\r\n\r\n");
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let mut client = Client::connect(gateway.at);
    client.send(
        "GET /a HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Secret,x-other\r\nConnection: X-Third\r\nX-Secret: 1\r\n\
         X-Other: 1\r\nX-Third: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers\r\nTrailer: X-T\r\nProxy-Connection: keep-alive\r\n\
         Proxy-Authorization: Basic eA==\r\nX-Stays: 2\r\n\r\n",
    );
    let answer = client.answer();
    for name in ["connection", "x-hop", "keep-alive", "trailer", "proxy-authenticate", "upgrade"] {
        assert_eq!(answer.head.get(name), None, "{name}");
    }
    assert_eq!(answer.head.get("x-stays").unwrap(), "2");
    let seen = &upstream.seen()[0];
    let gone = ["connection", "x-secret", "x-other", "x-third", "keep-alive", "te", "trailer", "proxy-connection"];
    for name in gone.into_iter().chain(["proxy-authorization"]) {
        assert_eq!(seen.get(name), None, "{name}");
    }
    assert_eq!(seen.get("x-stays").unwrap(), "2");
}

#[test]
fn forwarded_headers_are_added_to_and_not_taken_away() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let mut client = Client::connect(gateway.at);
    client.send(
        "GET /a HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: first.example\r\n\r\n",
    );
    client.answer();
    client.send(
        "GET /b HTTP/1.1\r\nHost: shop.example\r\nConnection: X-Forwarded-For\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n",
    );
    client.answer();
    let seen = upstream.seen();
    assert_eq!(seen[0].get("x-forwarded-for").unwrap(), "10.0.0.1, 10.0.0.2, 127.0.0.1");
    assert_eq!(seen[0].get("x-forwarded-proto").unwrap(), "https, http");
    assert_eq!(seen[0].get("x-forwarded-host").unwrap(), "first.example, shop.example");
    assert_eq!(seen[0].get("via").unwrap(), "1.1 gateway");
    assert_eq!(seen[1].get("x-forwarded-for").unwrap(), "127.0.0.1");
    assert_eq!(seen[1].get("x-forwarded-host").unwrap(), "shop.example");
}

#[test]
fn a_kept_connection_that_the_upstream_has_closed_is_no_failure() {
    let upstream = Upstream::start(|exchange| {
        exchange.reply("200 OK", "well");
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let before = gateway.descriptors();
    for _ in 0..20 {
        assert_eq!(get(gateway.at, "/a").status, 200);
        // Until its end has reached the gateway, nobody could know.
        until("the end of the connection", || (gateway.descriptors() == before).then_some(()));
    }
}

#[test]
fn a_post_that_may_have_been_received_is_not_sent_again() {
    let upstream = Upstream::start(|exchange| {
        exchange.body();
        if exchange.path() == "/first" {
            exchange.reply("200 OK", "well");
        } else {
            exchange.keep = false;
        }
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    assert_eq!(post(gateway.at, "/first", "a").status, 200);
    assert_eq!(post(gateway.at, "/second", "b").status, 502);
    let posts = upstream.seen().iter().filter(|head| head.start.contains("/second")).count();
    assert_eq!(posts, 1);
}
