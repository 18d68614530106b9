//! A tonic server with one circuit for each of its methods.
//!
//! ```sh
//! cargo run --example tonic_server
//! ```
//!
//! On a port of its own, with a caller of its own, in about ten seconds; `-- 127.0.0.1:50051` listens there until it is
//! stopped, for `cargo run --example tonic_client -- http://127.0.0.1:50051` in another terminal. What to watch:
//!
//! - `Quote` asks a database that is down for four calls. The third failure in a row opens its circuit; callers are
//!   answered UNAVAILABLE at once, with `grpc-retry-pushback-ms`, and the database is left alone;
//! - `Watch` needs no database and is answered all the time: its circuit is another;
//! - when the database is back, a probe finds out.
//!
//! The service is written by hand in `shop/`, as tonic's generator would write it; around a generated one the layers are the
//! same.

#[path = "../shop/mod.rs"]
mod shop;

use std::{error::Error, net::SocketAddr, time::Duration};

use tokio::time::sleep;
use tonic::{
    Status,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tower::ServiceBuilder;
use tower_breaker::{
    CircuitBreakerConfig, Circuits, KeyedCircuitBreakerLayer, TimeoutLayer, Transition, classify::GrpcClassifier, key,
    refuse::AsWrappedResponse,
};

use shop::{FlakyPrices, PricesClient, PricesServer};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen: Option<SocketAddr> = match std::env::args().nth(1) {
        Some(address) => Some(address.parse().map_err(|_| format!("{address} is no address such as 127.0.0.1:50051"))?),
        None => None,
    };

    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .open_duration(Duration::from_secs(2))
        .open_duration_multiplier(1.0)
        .open_duration_jitter(0.0)
        .success_threshold(1)
        .build()?;
    let methods = Circuits::new(config);
    methods.observe(|transition: &Transition| {
        println!("         {}: {:?} -> {:?}", transition.circuit, transition.from, transition.to);
    });

    let layers = ServiceBuilder::new()
        // Judged as a server's own handlers: CANCELLED is a caller that went away.
        .layer(KeyedCircuitBreakerLayer::grpc(methods, key::grpc_method()).classify(GrpcClassifier::server()))
        // Inside, so that the breaker sees a database that does not answer.
        .layer(TimeoutLayer::attempt(Duration::from_secs(2)).refuse(AsWrappedResponse))
        .into_inner();
    let router = Server::builder().layer(layers).add_service(PricesServer::new(FlakyPrices::default()));

    let address = listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    let incoming = TcpIncoming::bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let address = incoming.local_addr()?;
    let serve = router.serve_with_incoming(incoming.with_nodelay(Some(true)));
    println!("listening on http://{address}");
    if listen.is_some() {
        return Ok(serve.await?);
    }
    tokio::spawn(serve);
    call(format!("http://{address}")).await
}

/// A caller without a breaker of its own: all it sees is the server's.
async fn call(server: String) -> Result<(), Box<dyn Error>> {
    let mut prices = PricesClient::new(Endpoint::from_shared(server)?.connect_lazy());
    for number in 1..=28 {
        let quote = prices.quote("tea".to_owned()).await;
        let first = match prices.watch("tea".to_owned()).await {
            Ok(stream) => stream.into_inner().message().await.map(Option::unwrap_or_default),
            Err(status) => Err(status),
        };
        println!("call {number:2}  Quote {}; Watch {}", said(quote.map(tonic::Response::into_inner)), said(first));
        sleep(Duration::from_millis(250)).await;
    }
    Ok(())
}

fn said(answer: Result<String, Status>) -> String {
    answer.unwrap_or_else(|status| format!("{:?} ({})", status.code(), status.message()))
}
