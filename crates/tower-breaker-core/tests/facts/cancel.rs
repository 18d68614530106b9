//! A permit dropped without an outcome.

use std::time::Duration;

use tower_breaker_core::{OnCancel, SlidingWindow, State};

use super::{CircuitBreakerConfig, NANOSECOND, admitted, circuit, ms, plain, ready, secs};

/// Failures and cancelled calls after a call was dropped after `waited`.
fn dropped_after(on_cancel: Option<OnCancel>, waited: Duration) -> (u64, u64) {
    let config = CircuitBreakerConfig::builder();
    let (circuit, clock) = circuit(match on_cancel {
        Some(on_cancel) => config.on_cancel(on_cancel),
        None => config,
    });
    let permit = admitted(&circuit);
    clock.advance(waited);
    drop(permit);
    let now = circuit.snapshot();
    assert_eq!(u64::from(now.failures_in_row), now.totals.failures);
    assert_eq!(now.window.calls, now.totals.failures);
    (now.totals.failures, now.totals.cancelled)
}

const FAILED: (u64, u64) = (1, 0);
const CANCELLED: (u64, u64) = (0, 1);

#[test]
fn by_default_a_call_dropped_after_two_seconds_failed_and_after_50_ms_did_not() {
    assert_eq!(dropped_after(None, secs(2)), FAILED);
    assert_eq!(dropped_after(None, ms(50)), CANCELLED);
}

#[test]
fn each_on_cancel_does_what_it_says() {
    assert_eq!(dropped_after(Some(OnCancel::Ignore), secs(1_000)), CANCELLED);
    assert_eq!(dropped_after(Some(OnCancel::Failure), Duration::ZERO), FAILED);
    let after = Some(OnCancel::FailureAfter(ms(200)));
    assert_eq!(dropped_after(after, ms(200) - NANOSECOND), CANCELLED);
    assert_eq!(dropped_after(after, ms(200)), FAILED);
}

#[test]
fn a_call_dropped_after_a_long_silence_trips_and_is_slow() {
    let config = plain().failure_threshold(1).slow_call_duration_threshold(ms(500));
    let (circuit, clock) = circuit(config.sliding_window(SlidingWindow::calls(10)));
    let permit = admitted(&circuit);
    clock.advance(secs(1));
    drop(permit);
    assert_eq!((circuit.state(), circuit.snapshot().totals.slow), (State::Open, 1));
}

#[test]
fn a_probe_dropped_after_a_long_silence_opens() {
    let (circuit, clock) = ready(plain());
    let probe = admitted(&circuit);
    clock.advance(secs(1));
    drop(probe);
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn a_call_of_middleware_is_timed_from_when_it_began_to_wait() {
    let totals = |begins: Option<Duration>| {
        let (circuit, clock) = circuit(CircuitBreakerConfig::builder());
        let mut permit = circuit.clone().try_acquire_unstarted().unwrap();
        if let Some(begins) = begins {
            clock.advance(begins);
            permit.start_waiting();
            clock.advance(ms(600));
            // Waiting on is no new start.
            permit.start_waiting();
        }
        clock.advance(ms(600));
        drop(permit);
        let totals = circuit.snapshot().totals;
        (totals.failures, totals.cancelled)
    };
    assert_eq!(totals(Some(ms(1))), FAILED);
    assert_eq!(totals(None), CANCELLED);
}

#[test]
fn where_slow_calls_count_a_call_of_middleware_is_timed_from_its_admission() {
    let (circuit, clock) = circuit(CircuitBreakerConfig::builder().slow_call_duration_threshold(ms(100)));
    let permit = circuit.clone().try_acquire_unstarted().unwrap();
    clock.advance(ms(101));
    permit.record(tower_breaker_core::Outcome::Success);
    assert_eq!(circuit.snapshot().totals.slow, 1);
}
