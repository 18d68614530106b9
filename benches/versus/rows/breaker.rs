//! One circuit, one thread.
//!
//! The peers that are no Tower services are called as their users call them: by `call` with a closure whose result they
//! judge. Inside it is the same service, called in the same way, as inside ours.

use std::time::Duration;

use failsafe::{CircuitBreaker as _, backoff, failure_policy};
use recloser::Recloser;
use tower::Layer;
use tower_breaker::{Circuit, CircuitBreaker, CircuitBreakerConfig, CircuitBreakerLayer, SlidingWindow};
use tower_resilience_circuitbreaker as theirs;

use crate::{
    drive::{call, timed, timed_with},
    inner::{Bare, Failed},
    measure::Side,
};

pub(super) fn ours<const FAILS_EVERY: u64>(config: CircuitBreakerConfig) -> CircuitBreaker<Bare<FAILS_EVERY>> {
    CircuitBreakerLayer::new(Circuit::new("ours", config)).layer(Bare)
}

/// The last 100 calls, half of which must fail; all else as it comes.
pub(super) fn last_100() -> CircuitBreakerConfig {
    CircuitBreakerConfig::builder().sliding_window(SlidingWindow::calls(100)).build().unwrap()
}

/// Its default too is half of the last 100 calls.
pub(super) fn recloser() -> Recloser {
    Recloser::custom().error_rate(0.5).closed_len(100).build()
}

fn ours_side<const FAILS_EVERY: u64>(config: CircuitBreakerConfig) -> Side {
    let mut service = ours::<FAILS_EVERY>(config);
    Box::new(move |calls| timed(&mut service, calls))
}

fn recloser_side<const FAILS_EVERY: u64>() -> Side {
    let (breaker, mut inner) = (recloser(), Bare::<FAILS_EVERY>);
    Box::new(move |calls| timed_with(calls, |number| breaker.call(|| call(&mut inner, number))))
}

pub(super) fn count_healthy_recloser() -> (Side, Side) {
    (ours_side::<0>(last_100()), recloser_side::<0>())
}

pub(super) fn count_healthy_tower_resilience() -> (Side, Side) {
    let layer = theirs::CircuitBreakerLayer::builder().failure_rate_threshold(0.5).sliding_window_size(100);
    let mut service = layer.build().unwrap().layer(Bare::<0>);
    (ours_side::<0>(last_100()), Box::new(move |calls| timed(&mut service, calls)))
}

pub(super) fn default_recloser() -> (Side, Side) {
    (ours_side::<0>(CircuitBreakerConfig::default()), recloser_side::<0>())
}

pub(super) fn count_failing_recloser() -> (Side, Side) {
    (ours_side::<10>(last_100()), recloser_side::<10>())
}

pub(super) fn consecutive_failsafe() -> (Side, Side) {
    let in_row = CircuitBreakerConfig::builder().failure_threshold(5).failure_rate_threshold(None).build().unwrap();
    let policy = failure_policy::consecutive_failures(5, backoff::constant(Duration::from_secs(30)));
    let (breaker, mut inner) = (failsafe::Config::new().failure_policy(policy).build(), Bare::<0>);
    let theirs = move |calls| timed_with(calls, |number| breaker.call(|| call(&mut inner, number)));
    (ours_side::<0>(in_row), Box::new(theirs))
}

pub(super) fn open_recloser() -> (Side, Side) {
    const HOUR: Duration = Duration::from_secs(3_600);
    let config = CircuitBreakerConfig::builder().open_duration(HOUR).build().unwrap();
    let mut ours = ours::<1>(config);
    (0..100_u64).for_each(|number| assert!(call(&mut ours, number).is_err()));
    assert!(ours.circuit().would_refuse());

    let breaker = Recloser::custom().error_rate(0.5).closed_len(100).open_wait(HOUR).build();
    (0..200).for_each(|_| assert!(breaker.call(|| Err::<u64, _>(Failed)).is_err()));
    assert!(matches!(breaker.call(|| Ok::<u64, Failed>(0)), Err(recloser::Error::Rejected)));
    let mut inner = Bare::<1>;
    let theirs = move |calls| timed_with(calls, |number| breaker.call(|| call(&mut inner, number)));
    (Box::new(move |calls| timed(&mut ours, calls)), Box::new(theirs))
}
