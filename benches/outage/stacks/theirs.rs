//! tower-resilience, by its presets, in the two orders that its README gives.
//!
//! Its breaker measures the wait of an open circuit by the system's clock, which no paused time drives (its count window,
//! its retries and its timeouts do not ask that clock). So it is held in step: it is given a short wait, and from the
//! moment it opens until its true wait is over *in the simulation* every call must come before the short one is over; the
//! first call after that is held up until it is. A run that was too slow for that is played again with more time. What
//! it does in the simulation's time is then exactly what its own wait would have it do.

use std::time::Duration;

use tower::ServiceBuilder;
use tower_resilience_circuitbreaker::{CircuitBreakerError, CircuitBreakerLayer};
use tower_resilience_retry::RetryLayer;
use tower_resilience_timelimiter::{TimeLimiterError, TimeLimiterLayer};

use super::{ATTEMPT, Built, on_tokios_time, step::Step};
use crate::{
    backend::{Backend, Failed},
    clients::{DEADLINE, Ending},
};

/// Of `CircuitBreakerLayer::standard()`.
const WAIT: Duration = Duration::from_secs(30);

fn breaker(step: &Step) -> CircuitBreakerLayer {
    CircuitBreakerLayer::standard()
        .wait_duration_in_open(step.short_wait())
        .on_state_transition(step.listener())
        .build()
        .expect("a valid configuration")
}

/// Client-side: timeout -> circuit breaker -> retry.
pub(super) fn snippet(backend: Backend) -> Built {
    let step = Step::new(WAIT);
    let service = ServiceBuilder::new()
        .layer(TimeLimiterLayer::builder().timeout_duration(DEADLINE).build())
        .layer(step.clone())
        .layer(breaker(&step))
        .layer(RetryLayer::<u64, (), Failed>::exponential_backoff().build())
        .service(backend);
    let judge = |error: &TimeLimiterError<CircuitBreakerError<Failed>>| match error {
        TimeLimiterError::Inner(CircuitBreakerError::OpenCircuit) => Ending::Refused,
        _ => Ending::Failed,
    };
    Built { in_step: step.was_kept(), ..on_tokios_time(service, judge) }
}

type Attempt = CircuitBreakerError<TimeLimiterError<Failed>>;

/// The breaker next to the transport, an attempt timeout inside it so that it sees a hang, no retry of what it refuses.
pub(super) fn advised(backend: Backend) -> Built {
    let step = Step::new(WAIT);
    let retry = RetryLayer::<u64, (), Attempt>::exponential_backoff()
        .retry_on(|error: &Attempt| !matches!(error, CircuitBreakerError::OpenCircuit));
    let service = ServiceBuilder::new()
        .layer(TimeLimiterLayer::builder().timeout_duration(DEADLINE).build())
        .layer(retry.build())
        .layer(step.clone())
        .layer(breaker(&step))
        .layer(TimeLimiterLayer::builder().timeout_duration(ATTEMPT).build())
        .service(backend);
    let judge = |error: &TimeLimiterError<Attempt>| match error {
        TimeLimiterError::Inner(CircuitBreakerError::OpenCircuit) => Ending::Refused,
        _ => Ending::Failed,
    };
    Built { in_step: step.was_kept(), ..on_tokios_time(service, judge) }
}
