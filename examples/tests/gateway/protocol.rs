//! The rules of HTTP at the gateway's front door.

use crate::{
    LAX,
    client::{Client, get},
    one_route,
    process::Gateway,
    upstream::Upstream,
};

/// The answer to a request written by hand.
fn ask(gateway: &Gateway, request: &str) -> (u16, Client) {
    let mut client = Client::connect(gateway.at);
    client.send(request);
    let status = client.answer().status;
    (status, client)
}

#[test]
fn an_upgrade_is_answered_501() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let websocket = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(ask(&gateway, websocket).0, 501);
    assert_eq!(ask(&gateway, "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n").0, 501);
    assert!(upstream.seen().is_empty());
}

#[test]
fn an_offer_of_http2_is_left_unanswered() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let offer = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n";
    assert_eq!(ask(&gateway, offer).0, 200);
    assert_eq!(upstream.seen()[0].get("http2-settings"), None);
}

#[test]
fn a_path_or_method_without_a_route_is_404() {
    let upstream = Upstream::well();
    let routes = one_route(&upstream, LAX).replace("/{*rest}\"", "/orders/{id}\"\nmethods = [\"GET\"]");
    let gateway = Gateway::start(&routes);
    assert_eq!(get(gateway.at, "/orders/7").status, 200);
    let nowhere = get(gateway.at, "/orders");
    assert_eq!(nowhere.status, 404);
    assert_eq!(nowhere.head.get("content-type").unwrap(), "application/problem+json");
    assert_eq!(ask(&gateway, "DELETE /orders/7 HTTP/1.1\r\nHost: a\r\n\r\n").0, 404);
    assert_eq!(ask(&gateway, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").0, 404);
    assert_eq!(get(gateway.at, "/health/circuits").status, 404, "the admin address is another one");
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn http_1_1_asks_for_one_host() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    assert_eq!(ask(&gateway, "GET /a HTTP/1.1\r\n\r\n").0, 400);
    assert_eq!(ask(&gateway, "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").0, 400);
    assert_eq!(ask(&gateway, "GET /a HTTP/1.0\r\n\r\n").0, 200);
    assert_eq!(ask(&gateway, "GET http://b.example/a HTTP/1.1\r\nHost: a\r\n\r\n").0, 200);
    let seen = upstream.seen();
    assert_eq!(seen[1].start, "GET /a HTTP/1.1");
    assert_eq!(seen[1].get("x-forwarded-host").unwrap(), "b.example");
}

#[test]
fn a_head_and_answers_without_bodies_keep_their_shape() {
    let upstream = Upstream::start(|exchange| match exchange.path() {
        "/length" => exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
        "/chunked" => exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "/none" => exchange.send("HTTP/1.1 204 No Content\r\n\r\n"),
        _ => exchange.send("HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\n"),
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let mut client = Client::connect(gateway.at);
    client.send("HEAD /length HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head().get("content-length").unwrap(), "500");
    client.send("HEAD /chunked HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head().get("content-length"), None);
    client.send("GET /none HTTP/1.1\r\nHost: a\r\n\r\n");
    let none = client.head();
    assert_eq!((none.status(), none.get("content-length")), (204, None));
    client.send("GET /unchanged HTTP/1.1\r\nHost: a\r\n\r\n");
    let unchanged = client.head();
    assert_eq!((unchanged.status(), unchanged.get("etag").as_deref()), (304, Some("\"x\"")));
    assert_eq!(unchanged.get("content-length"), None);
}

#[test]
fn a_get_may_have_a_body_without_a_length() {
    let upstream = Upstream::start(|exchange| {
        let body = String::from_utf8(exchange.body()).unwrap();
        exchange.reply("200 OK", &body);
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let mut client = Client::connect(gateway.at);
    client.send("GET /search HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nquery\r\n0\r\n\r\n");
    assert_eq!(client.answer().body, b"query");
}

#[test]
fn a_caller_that_waits_to_be_told_to_send_is_told() {
    let upstream = Upstream::start(|exchange| {
        let body = String::from_utf8(exchange.body()).unwrap();
        exchange.reply("200 OK", &body);
    });
    let routes = one_route(&upstream, LAX).replace("/{*rest}", "/orders");
    let gateway = Gateway::start(&routes);
    let mut client = Client::connect(gateway.at);
    client.send("POST /orders HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.head().start, "HTTP/1.1 100 Continue");
    client.send("order");
    assert_eq!(client.answer().body, b"order");
    assert_eq!(upstream.seen()[0].get("expect"), None, "who has been told to go on expects nothing");

    let mut client = Client::connect(gateway.at);
    client.send("POST /nowhere HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.answer().status, 404, "at once, without a 100 before it");
    assert!(client.is_closed(), "or after it");
}

#[test]
fn an_old_upstream_and_an_old_client_understand_each_other() {
    let upstream = Upstream::start(|exchange| {
        exchange.send("HTTP/1.0 200 OK\r\n\r\nas long as it lasts");
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let answer = get(gateway.at, "/a");
    assert_eq!((answer.head.start.as_str(), answer.body.as_slice()), ("HTTP/1.1 200 OK", &b"as long as it lasts"[..]));
    let mut client = Client::connect(gateway.at);
    client.send("GET /a HTTP/1.0\r\n\r\n");
    let head = client.head();
    assert_eq!(head.get("transfer-encoding"), None);
    assert!(!client.is_closed(), "the body comes first");
}

#[test]
fn an_answer_reaches_a_caller_that_is_still_sending() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX).replace("/{*rest}", "/orders"));
    let body = "x".repeat(4 << 20);
    let mut client = Client::connect(gateway.at);
    client.send(format!("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()));
    client.send(body);
    assert_eq!(client.answer().status, 404);
    client.send("GET /orders HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.answer().status, 200, "and the connection is good for more");
}
