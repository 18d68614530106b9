//! What the whole stack takes from the throughput of a server: an axum hello over loopback, 64 connections, with the stack
//! and without, in turn. `cargo bench -p benches --bench http`, with `-- --quick` for a look.
//!
//! For comparison the same server with the time limit of tower-http and nothing else.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]
#![allow(clippy::cast_precision_loss, reason = "counts and nanoseconds stay far below 2^53")]

use std::{
    env,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use axum::{Router, body::Body, http::StatusCode, routing::get};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    task::JoinSet,
};
use tower_breaker::{
    Bulkhead, Circuit, CircuitBreakerConfig, ResilienceLayer,
    retry::{BufferBody, RetryConfig},
};
use tower_http::timeout::TimeoutLayer;

const CONNECTIONS: usize = 64;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: bench\r\n\r\n";

fn main() {
    let quick = env::args().any(|argument| argument == "--quick");
    let (rounds, requests) = if quick { (60, 25) } else { (300, 50) };

    let client = runtime();
    let mut sides =
        [("without", hello()), ("whole stack", guarded()), ("tower-http timeout", limited())].map(|(name, app)| {
            let address = serve(app);
            let connections = client.block_on(connect(address));
            (name, connections, Vec::new())
        });
    println!("{CONNECTIONS} connections, {rounds} rounds of {} requests a side, in turn", requests * CONNECTIONS);
    for round in 0..=rounds {
        // Whoever comes after another finds the machine as that one left it: each begins as often as any.
        for turn in 0..sides.len() {
            let (_, connections, rates) = &mut sides[(turn + round) % 3];
            let rate = client.block_on(drive(connections, requests));
            // The first round warms up.
            if round > 0 {
                rates.push(rate);
            }
        }
    }
    println!("{:>20} {:>12} {:>12} {:>15} {:>6}", "", "requests/s", "of without", "spread", "bar");
    let without = sides[0].2.clone();
    for (name, _, rates) in &sides {
        let shares: Vec<_> = rates.iter().zip(&without).map(|(rate, without)| rate / without).collect();
        let spread = format!("{:.3}..{:.3}", at(&shares, 0.1), at(&shares, 0.9));
        let bar = if *name == "whole stack" { "0.97" } else { "" };
        println!("{name:>20} {:>12.0} {:>12.3} {spread:>15} {bar:>6}", at(rates, 0.5), at(&shares, 0.5));
    }
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

fn guarded() -> Router {
    let layer = ResilienceLayer::builder()
        .http()
        .repeat(BufferBody::new().map_body(Body::new))
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::default())
        .bulkhead(Bulkhead::builder(64).max_queue(128).max_wait(Duration::from_millis(100)).build().unwrap())
        .circuit(Circuit::new("hello", CircuitBreakerConfig::default()))
        .attempt_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    hello().layer(layer)
}

fn limited() -> Router {
    hello().layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(10)))
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// A server on a thread of its own, for as long as the bench runs.
fn serve(app: Router) -> SocketAddr {
    let runtime = runtime();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || runtime.block_on(async { axum::serve(listener, app).await }));
    address
}

async fn connect(address: SocketAddr) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        let connection = TcpStream::connect(address).await.unwrap();
        connection.set_nodelay(true).unwrap();
        connections.push(connection);
    }
    connections
}

/// So many requests on each connection, one after the other; gives back how many were answered in a second.
async fn drive(connections: &mut Vec<TcpStream>, requests: usize) -> f64 {
    let start = Instant::now();
    let mut running: JoinSet<_> = connections.drain(..).map(|connection| ask(connection, requests)).collect();
    while let Some(connection) = running.join_next().await {
        connections.push(connection.unwrap());
    }
    (requests * CONNECTIONS) as f64 / start.elapsed().as_secs_f64()
}

async fn ask(mut connection: TcpStream, requests: usize) -> TcpStream {
    let mut answer = [0; 1_024];
    for _ in 0..requests {
        connection.write_all(REQUEST).await.unwrap();
        let mut read = 0;
        while !answer[..read].ends_with(b"\r\n\r\nhello") {
            let more = connection.read(&mut answer[read..]).await.unwrap();
            assert!(more > 0, "the server hung up");
            read += more;
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer[..read]));
    }
    connection
}

fn at(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share) as usize]
}
