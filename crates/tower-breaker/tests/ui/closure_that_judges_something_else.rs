//! A classifier of another response than the service's.

use std::io;

use tower::{Layer, Service, util::BoxService};
use tower_breaker::{Circuit, CircuitBreakerLayer, Outcome};

fn guarded(orders: BoxService<u64, String, io::Error>) -> impl Service<u64> {
    let circuit = Circuit::new("orders", Default::default());
    CircuitBreakerLayer::new(circuit).classify(|_: &Result<u64, io::Error>| Outcome::Success).layer(orders)
}

fn main() {
    let _ = guarded;
}
