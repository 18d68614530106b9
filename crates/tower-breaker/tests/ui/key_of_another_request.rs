//! The host of something that is no HTTP request.

use std::io;

use tower::{Layer, Service, util::BoxService};
use tower_breaker::{CircuitBreakerConfig, Circuits, KeyedCircuitBreakerLayer, key};

struct Job;

fn guarded(work: BoxService<Job, (), io::Error>) -> impl Service<Job> {
    let queues = Circuits::new(CircuitBreakerConfig::default());
    KeyedCircuitBreakerLayer::new(queues, key::host()).layer(work)
}

fn main() {
    let _ = guarded;
}
