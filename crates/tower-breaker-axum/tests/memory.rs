//! What those cost who listen to events and never read. Real sockets with small buffers, everything of the server on this
//! thread, so that what it keeps can be counted; time is paused, and passes only while nothing else is to do.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use allocation_counter::measure;
use tokio::{
    io::Interest,
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::{Builder, Runtime},
};
use tower_breaker_axum::CircuitRoutes;
use tower_breaker_core::{CircuitBreakerConfig, Circuits, Outcome};

const LISTENERS: usize = 50;
/// The least a system gives.
const SOCKET_BUFFER: u32 = 4_096;

fn circuits() -> Circuits {
    let config = CircuitBreakerConfig::builder().failure_threshold(1).build().unwrap();
    Circuits::builder().name("upstreams").config(config).build()
}

/// Opens and closes each of ten circuits `times` times.
fn transitions(circuits: &Circuits, times: usize) {
    for _ in 0..times {
        for name in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"] {
            let circuit = circuits.get_or_create(name);
            circuit.try_acquire().unwrap().record(Outcome::Failure);
            circuit.reset();
        }
    }
}

fn socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(SOCKET_BUFFER).unwrap();
    socket.set_recv_buffer_size(SOCKET_BUFFER).unwrap();
    socket
}

fn listener() -> TcpListener {
    let socket = socket();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(1_024).unwrap()
}

/// One who asks for events and has an answer, of which nothing is ever read.
async fn stuck(at: SocketAddr) -> TcpStream {
    let stream = socket().connect(at).await.unwrap();
    let ask = format!("GET /events HTTP/1.1\r\nHost: {at}\r\n\r\n");
    assert_eq!(stream.try_write(ask.as_bytes()).unwrap(), ask.len());
    stream.ready(Interest::READABLE).await.unwrap();
    stream
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().start_paused(true).build().unwrap()
}

#[test]
fn those_who_never_read_hold_a_bounded_queue_and_then_nothing_that_grows() {
    let circuits = circuits();
    let runtime = runtime();
    let routes = CircuitRoutes::new().circuits(circuits.clone()).max_listeners(LISTENERS).into_router();
    let mut all = Vec::new();
    let began = Instant::now();
    let flood = |seconds: u64| {
        for _ in 0..seconds * 10 {
            transitions(&circuits, 3);
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(100)).await });
        }
    };
    let first = measure(|| {
        let at = runtime.block_on(async {
            let listener = listener();
            let at = listener.local_addr().unwrap();
            tokio::spawn(async { axum::serve(listener, routes).await });
            for _ in 0..LISTENERS {
                all.push(stuck(at).await);
            }
            at
        });
        flood(30);
        // All have lost their places, or this one would be answered 503.
        runtime.block_on(async {
            let stream = stuck(at).await;
            let mut head = [0; 12];
            assert_eq!(stream.try_read(&mut head).unwrap(), 12);
            assert_eq!(&head, b"HTTP/1.1 200");
        });
    });
    // For each connection, what hyper holds back and what it was given room for: the messages themselves are shared.
    let most = i64::try_from(LISTENERS).unwrap() * (64 << 10) + (8 << 20);
    assert!(first.bytes_max < u64::try_from(most).unwrap(), "{first:?}");
    let later = measure(|| flood(300));
    assert!(later.bytes_current < 64 << 10, "{later:?}");
    assert!(began.elapsed() < Duration::from_secs(120), "far more than it takes: something is waited for");
    drop(all);
}

#[test]
fn a_transition_costs_its_call_no_more_with_a_hundred_who_never_read() {
    let circuits = circuits();
    let runtime = runtime();
    let routes = CircuitRoutes::new().circuits(circuits.clone()).into_router();
    let cost = || measure(|| transitions(&circuits, 100)).count_total;
    // The list of what happened is full from here on.
    transitions(&circuits, 100);
    let before = cost();
    let all = runtime.block_on(async {
        let listener = listener();
        let at = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, routes).await });
        let mut all = Vec::new();
        for _ in 0..100 {
            all.push(stuck(at).await);
        }
        all
    });
    assert_eq!(cost(), before);
    // Nor is anything done for them on the caller's thread at once.
    runtime.block_on(async { tokio::time::sleep(Duration::from_secs(5)).await });
    assert_eq!(cost(), before);
    drop(all);
}

#[test]
fn a_router_that_is_gone_keeps_nothing_of_what_happened() {
    let circuits = circuits();
    transitions(&circuits, 1);
    let kept = measure(|| {
        let routes = CircuitRoutes::new().circuits(circuits.clone()).into_router::<()>();
        transitions(&circuits, 100);
        drop(routes);
        transitions(&circuits, 100);
    });
    // What observes cannot be taken back.
    assert!(kept.bytes_current < 4 << 10, "{kept:?}");
}
