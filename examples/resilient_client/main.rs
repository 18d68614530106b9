//! A hyper-util client that lives with a server that fails, hangs, and goes down for a while.
//!
//! ```sh
//! cargo run --example resilient_client
//! ```
//!
//! In one process, on a port of its own, in about eight seconds. The server answers one request with 503, leaves one
//! without an answer, and is then down for four more, saying `Retry-After: 1`. The client wears a
//! [`ResilienceLayer`](tower_breaker::ResilienceLayer). What to watch:
//!
//! - call 2: the 503 is followed by another attempt, and the caller sees nothing of it;
//! - call 3: the attempt that hangs is given up after 2 s, and made again;
//! - call 4: the outage. The waits are the server's wish and not the backoff. The third failure in a row opens the circuit;
//!   the caller gets yesterday's price.
//! - from then on: the circuit refuses, and the fallback answers in no time. When its wait is over one call tries, and fails,
//!   and the circuit opens again; a later one finds the server well, and closes it.

mod flaky;

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy::{self, Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::sleep;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
use tower_breaker::{
    Bulkhead, Circuit, CircuitBreakerConfig, FallbackLayer, ResilienceLayer, Transition,
    fallback::{self, Cause, FellBack},
    retry::{BufferBody, HttpRetry, RetryConfig},
};

type Answer = Result<Response<Body>, legacy::Error>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = flaky::start().await?;

    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .open_duration(Duration::from_secs(1))
        .open_duration_multiplier(1.0)
        // So that every run looks the same; where there are many clients, chance keeps their probes apart.
        .open_duration_jitter(0.0)
        .success_threshold(1)
        .build()?;
    let circuit = Circuit::new("prices", config);
    circuit
        .observe(|transition: &Transition| println!("        circuit: {:?} -> {:?}", transition.from, transition.to));

    let yesterdays = fallback::from_fn(|(), _: &Cause| Ok(Response::new(Body::from("3.10 (yesterday)"))))
        // It needs nothing of the request.
        .keep(|_: &Request<Body>| ());
    let layer = ResilienceLayer::builder()
        .http()
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::builder().base(Duration::from_millis(50)).max(Duration::from_secs(2)).build()?)
        // Nothing was sent where no connection was made, so those are repeated whatever the method.
        .policy(HttpRetry::new().connect_errors(legacy::Error::is_connect))
        .repeat(BufferBody::new().map_body(Body::new))
        .bulkhead(Bulkhead::builder(64).max_queue(128).max_wait(Duration::from_millis(100)).build()?)
        .circuit(circuit.clone())
        .attempt_timeout(Duration::from_secs(2))
        .fallback(
            FallbackLayer::http(yesterdays)
                // Beside refusals and timeouts: errors, and what the server itself answers when it is broken.
                .or_when(|answer: &Answer| answer.as_ref().map_or(true, |answer| answer.status().is_server_error()))
                .header(HeaderName::from_static("x-fallback"), HeaderValue::from_static("default"))
                .circuit(circuit.clone()),
        )
        .build()?;

    let http: Client<_, Body> = Client::builder(TokioExecutor::new()).build_http();
    let mut prices = ServiceBuilder::new()
        .layer(layer)
        // What the stages answer themselves is a body of axum's, so the client's are, too.
        .map_response(|answer: Response<Incoming>| answer.map(Body::new))
        .service(service_fn(move |request: Request<Body>| attempt(http.clone(), request)));

    for number in 1..=16 {
        let call = Call { start: Instant::now(), attempts: Arc::default() };
        println!("call {number}");
        let request = Request::get(format!("http://{server}/tea")).extension(call.clone()).body(Body::empty())?;
        let answer = prices.ready().await?.call(request).await?;
        let (status, why) = (answer.status(), answer.extensions().get::<FellBack>().cloned());
        let price = axum::body::to_bytes(answer.into_body(), 1_000).await?;
        let price = String::from_utf8_lossy(&price);
        let from = why.map_or_else(String::new, |why| format!(", the fallback's: {}", why.cause));
        println!("        got {} {price} after {} ms{from}", status.as_u16(), call.start.elapsed().as_millis());
        sleep(Duration::from_millis(250)).await;
    }

    let totals = circuit.snapshot().totals;
    println!(
        "{} attempts were good, {} failed; {} answers were the fallback's",
        totals.successes,
        totals.failures,
        circuit.snapshot().fallbacks
    );
    Ok(())
}

/// What the attempts of one call have in common: an extension of its request, and so of each copy of it.
#[derive(Clone)]
struct Call {
    start: Instant,
    attempts: Arc<AtomicU32>,
}

/// One attempt: this is where the stages have no more to say.
async fn attempt(
    http: Client<HttpConnector, Body>,
    request: Request<Body>,
) -> Result<Response<Incoming>, legacy::Error> {
    let mut line = Line::new(request.extensions().get::<Call>());
    let answer = http.request(request).await;
    line.end = match &answer {
        Ok(answer) => answer.status().to_string(),
        Err(error) => error.to_string(),
    };
    answer
}

/// Printed when the attempt is over, however it ends: one whose time is up is dropped.
struct Line {
    number: u32,
    begun: Duration,
    start: Instant,
    end: String,
}

impl Line {
    fn new(call: Option<&Call>) -> Self {
        let number = call.map_or(1, |call| call.attempts.fetch_add(1, Ordering::Relaxed) + 1);
        let begun = call.map_or(Duration::ZERO, |call| call.start.elapsed());
        Self { number, begun, start: Instant::now(), end: "no answer, given up".to_owned() }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let (begun, took) = (self.begun.as_millis(), self.start.elapsed().as_millis());
        println!("        attempt {}, begun at {begun} ms: {} after {took} ms", self.number, self.end);
    }
}
