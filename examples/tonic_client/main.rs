//! A tonic client with a circuit breaker over its channel, and a server that goes down for a while.
//!
//! ```sh
//! cargo run --example tonic_client
//! ```
//!
//! In one process, on a port of its own, in about ten seconds; `-- http://127.0.0.1:50051` calls a server that runs already,
//! such as the example `tonic_server`. A quote is asked for every 250 ms. What to watch:
//!
//! - the server's database goes down: a call gets no answer and is `DEADLINE_EXCEEDED` after 2 s, two more fail;
//! - the third failure in a row opens the circuit. From then on calls are refused in no time: UNAVAILABLE, with the time to
//!   come back in. The server does not hear of them;
//! - after two seconds one call goes through as a probe, finds the server still down, and the circuit opens again; a later probe
//!   finds it well and closes it;
//! - at the end a stream goes through the same breaker. It is judged at its end, by its trailers.
//!
//! The service is written by hand in `shop/`, as tonic's generator would write it; around a generated client the layers are
//! the same.

#[path = "../shop/mod.rs"]
mod shop;

use std::{
    error::Error,
    time::{Duration, Instant},
};

use tokio::time::sleep;
use tonic::{
    Status,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tower::ServiceBuilder;
use tower_breaker::{
    Circuit, CircuitBreakerConfig, CircuitBreakerLayer, TimeoutLayer, Transition, refuse::AsWrappedResponse,
};

use shop::{FlakyPrices, PricesClient, PricesServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = match std::env::args().nth(1) {
        Some(address) => address,
        None => start_a_server()?,
    };

    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .open_duration(Duration::from_secs(2))
        .open_duration_multiplier(1.0)
        // So that every run looks the same; where there are many clients, chance keeps their probes apart.
        .open_duration_jitter(0.0)
        .success_threshold(1)
        .build()?;
    let circuit = Circuit::new("prices", config);
    circuit
        .observe(|transition: &Transition| println!("         circuit: {:?} -> {:?}", transition.from, transition.to));

    // All there is to it: the layers around the channel, the client around both. The timeout is inside, so that the breaker
    // sees an answer that does not come.
    let channel = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::grpc(circuit.clone()))
        .layer(TimeoutLayer::attempt(Duration::from_secs(2)).refuse(AsWrappedResponse))
        .service(Endpoint::from_shared(server)?.connect_lazy());
    let mut prices = PricesClient::new(channel);

    for number in 1..=28 {
        let start = Instant::now();
        let said = match prices.quote("tea".to_owned()).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => told(&status),
        };
        println!("quote {number:2} {said}, after {} ms", start.elapsed().as_millis());
        sleep(Duration::from_millis(250)).await;
    }

    let mut stream = prices.watch("tea".to_owned()).await?.into_inner();
    while let Some(price) = stream.message().await? {
        println!("watch    {price}");
    }

    let snapshot = circuit.snapshot();
    println!(
        "{} calls were good, {} failed, {} were refused without asking the server",
        snapshot.totals.successes,
        snapshot.totals.failures,
        snapshot.refusals.enforced()
    );
    Ok(())
}

fn told(status: &Status) -> String {
    let pushback = status.metadata().get("grpc-retry-pushback-ms").and_then(|millis| millis.to_str().ok());
    let come_back = pushback.map_or_else(String::new, |millis| format!(", come back in {millis} ms"));
    format!("{:?}: {}{come_back}", status.code(), status.message())
}

/// On a port that is free; it runs until the process ends.
fn start_a_server() -> Result<String, Box<dyn Error>> {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse()?)?.with_nodelay(Some(true));
    let address = incoming.local_addr()?;
    let router = Server::builder().add_service(PricesServer::new(FlakyPrices::default()));
    tokio::spawn(router.serve_with_incoming(incoming));
    Ok(format!("http://{address}"))
}
