//! `StatusClassifier` around a service that does not answer in HTTP.

use std::io;

use tower::{Layer, Service, util::BoxService};
use tower_breaker::{Circuit, CircuitBreakerLayer, classify::StatusClassifier};

fn guarded(orders: BoxService<u64, String, io::Error>) -> impl Service<u64> {
    let circuit = Circuit::new("orders", Default::default());
    CircuitBreakerLayer::new(circuit).classify(StatusClassifier::client()).layer(orders)
}

fn main() {
    let _ = guarded;
}
