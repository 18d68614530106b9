//! Posts each transition of a circuit to a URL.
//!
//! ```sh
//! cargo run --example webhook
//! ```
//!
//! In one process, in about three seconds, with a receiver of its own on a free port. What to watch:
//!
//! - the first message is answered 503 and comes again; the second is left without an answer, is given up after 2 s and
//!   comes again, with the same `Idempotency-Key`;
//! - then the receiver is down, for longer than a message is tried: one is given up;
//! - while it is down a circuit flaps. Eight messages wait, the oldest make room for newer ones and are counted, and what
//!   causes them waits for nothing. The receiver sees the gap in `generation`.
//!
//! What a real one would do besides: take the URL from its configuration, sign what it posts, and export `dropped` and
//! `given_up` as metrics, since a hook that fails is silent. To page somebody, use the alerts of
//! `tower-breaker-prometheus`: they outlive this process.

mod hook;
mod receiver;

use std::{
    error::Error,
    time::{Duration, Instant},
};

use axum::body::Body;
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{sleep, timeout};
use tower::ServiceBuilder;
use tower_breaker::{
    CircuitBreakerConfig, Circuits, Outcome, ResilienceLayer,
    retry::{BufferBody, HttpRetry, RetryConfig},
};

use hook::Webhook;
use receiver::Receiver;

/// So many messages may wait.
const QUEUE: usize = 8;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let receiver = Receiver::start().await?;

    // A POST is repeated because it has an `Idempotency-Key`. The budget is one for all messages, so an outage of the
    // receiver is not answered with three times the load.
    let layer = ResilienceLayer::builder()
        .http()
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::builder().base(Duration::from_millis(50)).budget(0.2).build()?)
        .policy(HttpRetry::new().connect_errors(legacy::Error::is_connect))
        .repeat(BufferBody::new().map_body(Body::new))
        .attempt_timeout(Duration::from_secs(2))
        .build()?;
    let http: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).build_http();
    let client = ServiceBuilder::new()
        .layer(layer)
        .map_response(|answer: http::Response<_>| answer.map(Body::new))
        .service(http);

    let hook = Webhook::new(QUEUE);
    // Keys must differ from those of an earlier run: the receiver may still know them.
    let process = format!("{}-{}", std::process::id(), humantime::format_rfc3339(std::time::SystemTime::now()));
    let to = format!("http://{}/circuits", receiver.address).parse()?;
    let delivering = tokio::spawn(hook::deliver(hook.clone(), to, process, client));

    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .open_duration(Duration::from_millis(100))
        .success_threshold(1)
        .build()?;
    let circuits = Circuits::builder().config(config).observe(hook.clone()).build();

    // One that opens and recovers, at its leisure.
    let orders = circuits.get_or_create("orders");
    for outcome in [Outcome::Failure, Outcome::Failure, Outcome::Failure, Outcome::Success] {
        if let Ok(permit) = orders.try_acquire() {
            permit.record(outcome);
        }
        sleep(Duration::from_millis(150)).await;
    }
    // Three messages, in five requests.
    receiver.has(5).await;

    // And one that flaps while the receiver is down.
    let prices = circuits.get_or_create("prices");
    prices.force_open();
    // The first is on its way, the others have to wait.
    receiver.has(6).await;
    let start = Instant::now();
    for _ in 0..19 {
        prices.reset();
        prices.force_open();
    }
    prices.reset();
    println!("        39 transitions took the circuit {} ms", start.elapsed().as_millis());
    receiver.let_go();

    hook.close();
    let delivered = timeout(Duration::from_secs(20), delivering).await??;
    println!("{} posted, {} given up, {} dropped for newer ones", delivered.sent, delivered.given_up, hook.dropped());
    Ok(())
}
