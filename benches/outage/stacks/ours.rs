//! Ours: timeout, retry, circuit breaker and attempt timeout, each as it is unless said otherwise.

use std::time::Duration;

use tower::Layer;
use tower_breaker::{
    Circuit, CircuitBreakerConfig, CircuitBreakerConfigBuilder, Error, ResilienceLayer, TokioClock, retry::RetryConfig,
};

use super::{ATTEMPT, Built, on_tokios_time};
use crate::{
    backend::{Backend, Failed},
    clients::{DEADLINE, Ending},
};

/// A third of what is sent may fail before anything is refused for it.
pub(super) const THROTTLE: f64 = 1.5;
pub(super) const RAMP: Duration = Duration::from_secs(10);

pub(super) fn stack(
    backend: Backend,
    seed: u64,
    set: impl FnOnce(CircuitBreakerConfigBuilder) -> CircuitBreakerConfigBuilder,
) -> Built {
    let config = set(CircuitBreakerConfig::builder()).build().expect("a valid configuration");
    let circuit = Circuit::builder("backend").config(config).clock(TokioClock::new()).seed(seed).build();
    // What a layer of retries draws its seed from.
    fastrand::seed(seed);
    let layer = ResilienceLayer::builder()
        .timeout(DEADLINE)
        .retry(RetryConfig::default())
        .circuit(circuit)
        .attempt_timeout(ATTEMPT)
        .build()
        .expect("a stack that can work");
    on_tokios_time(layer.layer(backend), |error: &Error<Failed>| match error {
        Error::CircuitOpen(_) => Ending::Refused,
        _ => Ending::Failed,
    })
}
