//! A reqwest client that lives with a server that fails, hangs, and goes down for a while, beside one that is well.
//!
//! ```sh
//! cargo run --example reqwest_client
//! ```
//!
//! In one process, on ports of its own, in about ten seconds. The server is that of `resilient_client`: it answers one
//! request with 503, leaves one without an answer, and is then down for four more, saying `Retry-After: 1`. The client wears a
//! [`ResilienceMiddleware`]; a middleware further in prints each attempt. What to watch:
//!
//! - call 2: the 503 is followed by another attempt, and the caller sees nothing of it;
//! - call 3: the attempt that hangs is given up after 2 s, and made again;
//! - call 4: the outage. The third failure in a row opens the circuit of that origin, and the server's own answer comes back;
//! - from then on calls are refused in no time, and [`rejected`] tells them from those that failed on the way, so that the last
//!   known price stands in. A call to the other origin goes through as ever;
//! - when the wait is over one call tries, and fails, and the circuit opens again; a later one finds the server well.

#[path = "../resilient_client/flaky.rs"]
mod flaky;

use std::{
    error::Error,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use tokio::time::sleep;
use tower_breaker::{Bulkhead, CircuitBreakerConfig, Circuits, Transition, retry::RetryConfig};
use tower_breaker_reqwest::{CallTimeout, Policy, ResilienceMiddleware, rejected, timed_out};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (flaky, well) = (flaky::start().await?, flaky::start().await?);

    let breaker = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .open_duration(Duration::from_secs(2))
        .open_duration_multiplier(1.0)
        // So that every run looks the same; where there are many clients, chance keeps their probes apart.
        .open_duration_jitter(0.0)
        .success_threshold(1)
        .build()?;
    let policy = Policy::builder()
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::builder().base(Duration::from_millis(50)).max(Duration::from_secs(2)).build()?)
        .bulkhead(Bulkhead::builder(64).max_queue(128).max_wait(Duration::from_millis(100)))
        .circuit_breaker(breaker)
        .attempt_timeout(Duration::from_secs(2))
        .build()?;
    let circuits = Circuits::builder()
        .name("origins")
        .observe(|transition: &Transition| println!("        circuit: {:?} -> {:?}", transition.from, transition.to))
        .build();
    let client = ClientBuilder::new(reqwest::Client::new())
        .with(ResilienceMiddleware::new(policy).with_circuits(circuits.clone()))
        .with(Attempts)
        .build();

    let mut last_known = "none".to_owned();
    for number in 1..=24 {
        println!("call {number}");
        let start = Instant::now();
        let answer = price(&client, &format!("http://{flaky}/tea")).await;
        let took = start.elapsed().as_millis();
        match answer {
            Ok(price) => {
                println!("        got {price} after {took} ms");
                last_known = price;
            }
            Err(why) => println!("        {why} after {took} ms; last known: {last_known}"),
        }
        if number == 6 {
            println!("        the other origin: {:?}", price(&client, &format!("http://{well}/tea")).await);
        }
        sleep(Duration::from_millis(250)).await;
    }

    for circuit in circuits.snapshots() {
        let (totals, refused) = (circuit.totals, circuit.refusals.enforced());
        let (good, failed) = (totals.successes, totals.failures);
        println!("{}: {good} attempts were good, {failed} failed, {refused} calls were refused", circuit.name);
    }
    Ok(())
}

/// The price, or what to tell whoever asked for it.
async fn price(client: &ClientWithMiddleware, url: &str) -> Result<String, String> {
    // This caller does not wait as long as the policy would.
    let request = client.get(url).with_extension(CallTimeout::new(Duration::from_secs(8)));
    let answered = match request.send().await {
        Ok(answer) => answer.error_for_status().map_err(reqwest_middleware::Error::from),
        Err(error) => Err(error),
    };
    match answered {
        Ok(answer) => answer.text().await.map_err(|error| error.to_string()),
        Err(error) => Err(match (rejected(&error), timed_out(&error)) {
            (Some(refused), _) => format!("refused, for another {:.1} s,", refused.remaining().as_secs_f64()),
            (_, Some(limit)) => format!("too late, {limit},"),
            _ => format!("failed, {},", error.without_url()),
        }),
    }
}

/// Prints each attempt: named after the stages, it stands inside of them.
struct Attempts;

#[async_trait]
impl Middleware for Attempts {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let mut line = Line { start: Instant::now(), end: "no answer, given up".to_owned() };
        let answer = next.run(request, extensions).await;
        line.end = match &answer {
            Ok(answer) => answer.status().to_string(),
            Err(error) => error.to_string(),
        };
        answer
    }
}

/// Printed when the attempt is over, however it ends: one whose time is up is dropped.
struct Line {
    start: Instant,
    end: String,
}

impl Drop for Line {
    fn drop(&mut self) {
        println!("        attempt: {} after {} ms", self.end, self.start.elapsed().as_millis());
    }
}
