//! The end: what is under way ends well, for at most ten seconds.

use std::{
    net::TcpStream,
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    LAX,
    client::Client,
    one_route,
    process::Gateway,
    until,
    upstream::{Exchange, Upstream},
};

#[test]
fn requests_under_way_end_and_new_ones_are_turned_away() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::start(move |exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwe");
        wait.lock().unwrap().recv().unwrap();
        exchange.send("ll");
    });
    let mut gateway = Gateway::start(&one_route(&upstream, LAX));
    let mut idle = Client::connect(gateway.at);
    let mut client = Client::connect(gateway.at);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = client.head();
    gateway.signal(Signal::TERM);
    gateway.line("SIGTERM: ");
    until("nobody listening", || TcpStream::connect(gateway.at).is_err().then_some(()));
    assert!(idle.is_closed(), "a connection with nothing under way is closed");
    let later = Instant::now() + Duration::from_millis(300);
    until("some time of waiting", || (Instant::now() > later).then_some(()));
    go.send(()).unwrap();
    assert_eq!(client.body(&head).unwrap(), b"well");
    assert_eq!(gateway.end().code(), Some(0));
    gateway.line("all requests have ended");
}

#[test]
fn what_does_not_end_is_cut_off_after_ten_seconds() {
    let upstream = Upstream::start(Exchange::wait_for_the_end);
    let mut gateway = Gateway::start(&one_route(&upstream, LAX));
    let mut client = Client::connect(gateway.at);
    client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    until("the request", || (upstream.seen().len() == 1).then_some(()));
    let start = Instant::now();
    gateway.signal(Signal::INT);
    assert_eq!(gateway.end().code(), Some(0));
    assert!(start.elapsed() > Duration::from_secs(9), "{:?}", start.elapsed());
    assert!(client.is_closed());
}
