//! Time windows of ten seconds.

use std::time::Duration;

use failsafe::{CircuitBreaker as _, backoff, failure_policy};
use tower::Layer;
use tower_breaker::{CircuitBreakerConfig, SlidingWindow};
use tower_resilience_circuitbreaker as theirs;
use tower_service::Service;

use super::breaker::ours;
use crate::{
    drive::{call, timed, timed_with},
    inner::Bare,
    measure::Side,
};

const WINDOW: Duration = Duration::from_secs(10);

fn last_ten_seconds() -> CircuitBreakerConfig {
    CircuitBreakerConfig::builder().sliding_window(SlidingWindow::time(WINDOW)).build().unwrap()
}

pub(super) fn failsafe() -> (Side, Side) {
    let mut ours = ours::<0>(last_ten_seconds());
    let wait = backoff::constant(Duration::from_secs(30));
    let policy = failure_policy::success_rate_over_time_window(0.5, 20, WINDOW, wait);
    let (breaker, mut inner) = (failsafe::Config::new().failure_policy(policy).build(), Bare::<0>);
    let theirs = move |calls| timed_with(calls, |number| breaker.call(|| call(&mut inner, number)));
    (Box::new(move |calls| timed(&mut ours, calls)), Box::new(theirs))
}

/// With 20,000 calls in the window, more or less: after each thousand timed ones it begins anew with 20,000.
pub(super) fn full_tower_resilience() -> (Side, Side) {
    let theirs = || {
        let layer = theirs::CircuitBreakerLayer::builder().sliding_window_type(theirs::SlidingWindowType::TimeBased);
        let layer = layer.sliding_window_duration(WINDOW).minimum_number_of_calls(20);
        layer.build().unwrap().layer(Bare::<0>)
    };
    (full(|| ours::<0>(last_ten_seconds())), full(theirs))
}

fn full<S: Service<u64>>(fresh: impl Fn() -> S + 'static) -> Side {
    Box::new(move |calls| {
        let parts = calls.div_ceil(1_000);
        (0..parts)
            .map(|_| {
                let mut service = None;
                allocation_counter::opt_out(|| {
                    timed(service.insert(fresh()), 20_000);
                });
                service.as_mut().map_or(Duration::ZERO, |service| timed(service, calls / parts))
            })
            .sum()
    })
}
