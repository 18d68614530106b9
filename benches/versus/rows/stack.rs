//! Everything around one service, and the first try succeeds: a timeout for the whole call, three attempts, 64 calls at
//! once, a circuit, a timeout for the attempt.

use std::{
    future::{Ready, ready},
    time::Duration,
};

use tower::{Layer, ServiceBuilder, limit::ConcurrencyLimitLayer, retry::RetryLayer, timeout::TimeoutLayer};
use tower_breaker::{Bulkhead, Circuit, CircuitBreakerConfig, ResilienceLayer, retry::RetryConfig};
use tower_resilience_bulkhead::BulkheadLayer;
use tower_resilience_circuitbreaker::CircuitBreakerLayer;
use tower_resilience_retry as theirs;
use tower_resilience_timelimiter::TimeLimiterLayer;

use crate::{drive::timed, inner::Bare, measure::Side};

const WHOLE: Duration = Duration::from_secs(10);
const ATTEMPT: Duration = Duration::from_secs(2);
const IN_QUEUE: Duration = Duration::from_millis(100);

fn ours() -> Side {
    let bulkhead = Bulkhead::builder(64).max_queue(128).max_wait(IN_QUEUE).build().unwrap();
    let layer = ResilienceLayer::builder()
        .timeout(WHOLE)
        .retry(RetryConfig::default())
        .bulkhead(bulkhead)
        .circuit(Circuit::new("ours", CircuitBreakerConfig::default()))
        .attempt_timeout(ATTEMPT)
        .build()
        .unwrap();
    let mut service = layer.layer(Bare::<0>);
    Box::new(move |calls| timed(&mut service, calls))
}

/// The same from its crates, in the same order.
pub(super) fn tower_resilience() -> (Side, Side) {
    let mut service = ServiceBuilder::new()
        .layer(TimeLimiterLayer::builder().timeout_duration(WHOLE).build())
        .layer(theirs::RetryLayer::builder().max_attempts(3).exponential_backoff(Duration::from_millis(100)).build())
        .layer(BulkheadLayer::builder().max_concurrent_calls(64).max_wait_duration(IN_QUEUE).build().unwrap())
        .layer(CircuitBreakerLayer::builder().build().unwrap())
        .layer(TimeLimiterLayer::builder().timeout_duration(ATTEMPT).build())
        .service(Bare::<0>);
    (ours(), Box::new(move |calls| timed(&mut service, calls)))
}

/// Tower has no circuit breaker: this stack does less.
pub(super) fn tower() -> (Side, Side) {
    let mut service = ServiceBuilder::new()
        .layer(TimeoutLayer::new(WHOLE))
        .layer(RetryLayer::new(Attempts(3)))
        .layer(ConcurrencyLimitLayer::new(64))
        .layer(TimeoutLayer::new(ATTEMPT))
        .service(Bare::<0>);
    (ours(), Box::new(move |calls| timed(&mut service, calls)))
}

#[derive(Debug, Clone)]
struct Attempts(usize);

impl<Res, E> tower::retry::Policy<u64, Res, E> for Attempts {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut u64, result: &mut Result<Res, E>) -> Option<Ready<()>> {
        self.0 -= 1;
        (result.is_err() && self.0 > 0).then(|| ready(()))
    }

    fn clone_request(&mut self, request: &u64) -> Option<u64> {
        Some(*request)
    }
}
