//! A closed circuit refuses what is beyond so many times its successes.

use std::time::Duration;

use tower_breaker_core::{CircuitBreakerConfig, CircuitBreakerConfigBuilder, Outcome, Reason, SlidingWindow};

use super::{
    super::{admitted, circuit, end, fail, ms, secs, succeed},
    DRAWS, refused_of, throttled,
};

#[test]
fn throttled_shares_follow_the_formula() {
    for (factor, successes, failures) in [(1.1, 60, 40), (1.5, 40, 60), (2.0, 20, 80), (2.0, 40, 60), (1.1, 0, 100)] {
        let (circuit, _) = circuit(throttled(factor));
        succeed(&circuit, successes);
        let mut sent = 0;
        while sent < failures {
            sent += usize::from(circuit.try_acquire().map(|permit| permit.record(Outcome::Failure)).is_ok());
        }
        let now = circuit.snapshot();
        let calls = (successes + failures) as f64 + now.refusals.throttled.detected as f64;
        let share = ((calls - factor * successes as f64) / (calls + 1.0)).clamp(0.0, 0.9);
        assert_eq!(now.throttle_share, Some(share), "{factor} with {successes} and {failures}");
    }
}

#[test]
fn calls_are_throttled_by_the_share_and_each_refused_one_raises_it() {
    let (circuit, clock) = circuit(throttled(1.5));
    let (mut refused, mut expected, mut variance) = (0.0, 0.0, 0.0);
    for _ in 0..DRAWS {
        let share = circuit.snapshot().throttle_share.unwrap();
        expected += share;
        variance += share * (1.0 - share);
        match circuit.try_acquire() {
            // Every second call that is let through fails.
            Ok(permit) if circuit.snapshot().totals.calls() % 2 == 0 => permit.record(Outcome::Failure),
            Ok(permit) => permit.record(Outcome::Success),
            Err(rejected) => {
                assert_eq!((rejected.reason(), rejected.remaining()), (Reason::Throttled, Duration::ZERO));
                refused += 1.0;
            }
        }
        clock.advance(ms(10));
    }
    assert!(expected > 1_000.0, "it hardly throttles: {expected}");
    assert!((refused - expected).abs() <= 3.0 * f64::sqrt(variance), "{refused} refused, where {expected} were due");
}

#[test]
fn one_failure_on_a_healthy_service_refuses_nothing() {
    let (circuit, clock) = circuit(CircuitBreakerConfig::builder().throttle(1.1));
    for call in 0..100_000 {
        let outcome = if call == 50_000 { Outcome::Failure } else { Outcome::Success };
        end(&circuit, outcome);
        clock.advance(ms(1));
    }
    assert_eq!(circuit.snapshot().refusals.detected(), 0);
}

#[test]
fn below_the_minimum_nothing_is_throttled() {
    let (circuit, _) = circuit(throttled(1.1));
    fail(&circuit, 9);
    assert_eq!(circuit.snapshot().throttle_share, Some(0.0));
    end(&circuit, Outcome::Failure);
    assert_eq!(circuit.snapshot().throttle_share, Some(0.9));
}

#[test]
fn ignored_and_stale_outcomes_are_no_requests() {
    let (circuit, _) = circuit(throttled(1.1));
    let stale: Vec<_> = (0..50).map(|_| admitted(&circuit)).collect();
    circuit.reset();
    stale.into_iter().for_each(|permit| permit.record(Outcome::Failure));
    (0..50).for_each(|_| end(&circuit, Outcome::Ignored));
    fail(&circuit, 9);
    assert_eq!(circuit.snapshot().throttle_share, Some(0.0));
}

/// The gate lets calls through without a look at the time: it may do so only where no bucket that leaves can change that.
#[test]
fn successes_that_leave_the_window_bring_the_throttle_without_any_outcome() {
    let (circuit, clock) = circuit(throttled(2.0));
    succeed(&circuit, 100);
    clock.advance(secs(5));
    fail(&circuit, 50);
    assert_eq!(refused_of(&circuit, 1_000, Reason::Throttled), 0);
    clock.advance(secs(5));
    // Held, so that nothing tells the circuit what time it is.
    let held: Vec<_> = (0..1_000).map(|_| circuit.try_acquire()).collect();
    assert!(held.iter().filter(|asked| asked.is_err()).count() > 800);
}

/// No rate is configured here, so that there is no other window whose buckets end.
#[test]
fn successes_of_two_buckets_leave_one_after_the_other() {
    let (circuit, clock) = circuit(throttled(1.1));
    succeed(&circuit, 60);
    let to_fail: Vec<_> = (0..100).map(|_| admitted(&circuit)).collect();
    clock.advance(secs(5));
    succeed(&circuit, 40);
    to_fail.into_iter().for_each(|permit| permit.record(Outcome::Failure));
    clock.advance(secs(5));
    assert_eq!(circuit.snapshot().throttle_share, Some((140.0 - 1.1 * 40.0) / 141.0));
}

#[test]
fn beside_it_the_failure_rate_that_opens_is_higher_unless_set() {
    let rate = |config: CircuitBreakerConfigBuilder| config.build().unwrap().failure_rate_threshold();
    let throttled = || CircuitBreakerConfig::builder().throttle(1.5);
    assert_eq!(rate(throttled()), Some(0.8));
    assert_eq!(rate(throttled().failure_rate_threshold(0.5)), Some(0.5));
    assert_eq!(rate(throttled().failure_rate_threshold(None)), None);
    assert_eq!(rate(throttled().throttle(None)), Some(0.5));
    assert_eq!(rate(CircuitBreakerConfig::builder().or(&throttled())), Some(0.8));
}

#[test]
fn switched_on_it_begins_with_what_the_sliding_window_holds_and_off_it_ends_at_once() {
    let config = |throttle: Option<f64>, window| {
        throttled(1.1).throttle(throttle).failure_rate_threshold(1.0).minimum_calls(1_000).sliding_window(window)
    };
    let window = SlidingWindow::time(secs(10));
    let (circuit, _) = circuit(config(None, window));
    assert_eq!(circuit.snapshot().throttle_share, None);
    succeed(&circuit, 500);
    fail(&circuit, 500);
    let share = |throttle, window: SlidingWindow| {
        circuit.reconfigure(config(throttle, window).build().unwrap());
        circuit.snapshot().throttle_share
    };
    assert_eq!(share(Some(1.1), window), Some((1000.0 - 1.1 * 500.0) / 1001.0));
    assert_eq!(share(Some(1.5), window), Some((1000.0 - 1.5 * 500.0) / 1001.0));
    assert_eq!(share(None, window), None);
    assert_eq!(refused_of(&circuit, 1_000, Reason::Throttled), 0);
    let begins = Some((1000.0 - 1.1 * 500.0) / 1001.0);
    assert_eq!(share(Some(1.1), window), begins);
    assert!(refused_of(&circuit, 1_000, Reason::Throttled) > 0);
    assert!(circuit.snapshot().throttle_share > begins, "each refused one raises it");
    assert_eq!(share(None, window), None);
    assert_eq!(share(Some(1.1), window), begins, "what was refused is forgotten");
    assert_eq!(share(Some(1.1), SlidingWindow::time(secs(20))), Some(0.0), "another geometry starts empty");
}
