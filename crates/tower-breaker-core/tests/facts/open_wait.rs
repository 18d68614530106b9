//! How long an open circuit waits, and what it says meanwhile.

use std::{collections::HashSet, time::Duration};

use tower_breaker_core::{
    Circuit, CircuitBreakerConfig, CircuitBreakerConfigBuilder, ManualClock, Outcome, Reason, State,
};

use super::{NANOSECOND, admitted, circuit, end, fail, ms, opened, plain, refused, secs, succeed};

fn growing() -> CircuitBreakerConfigBuilder {
    plain().open_duration_multiplier(2.0).max_open_duration(secs(10))
}

fn wait(circuit: &Circuit) -> Duration {
    circuit.snapshot().open_wait.expect("it is open")
}

/// Lets the wait pass and fails the probe.
fn reopen(circuit: &Circuit, clock: &ManualClock) {
    clock.advance(wait(circuit));
    fail(circuit, 1);
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn it_admits_again_exactly_when_the_wait_is_over() {
    let (circuit, clock) = opened(plain());
    clock.advance(secs(1) - NANOSECOND);
    let rejected = circuit.try_acquire().unwrap_err();
    assert_eq!((rejected.name(), rejected.reason(), rejected.remaining()), ("under test", Reason::Open, NANOSECOND));
    assert!(!circuit.snapshot().ready_to_probe);
    clock.advance(NANOSECOND);
    let now = circuit.snapshot();
    assert_eq!((now.state, now.ready_to_probe, now.open_remaining), (State::Open, true, Some(Duration::ZERO)));
    let _probe = admitted(&circuit);
    assert_eq!(circuit.state(), State::HalfOpen);
}

#[test]
fn opens_in_a_row_wait_1_2_4_8_seconds_with_stale_successes_in_between() {
    let (circuit, clock) = circuit(growing());
    let mut of_before: Vec<_> = (0..20).map(|_| admitted(&circuit)).collect();
    fail(&circuit, 3);
    for (opens, seconds) in [1, 2, 4, 8].into_iter().enumerate() {
        assert_eq!((wait(&circuit), circuit.snapshot().opens_in_row as usize), (secs(seconds), opens + 1));
        of_before.drain(..2).for_each(|permit| permit.record(Outcome::Success));
        clock.advance(secs(seconds) - NANOSECOND);
        of_before.drain(..1).for_each(|permit| permit.record(Outcome::Success));
        assert_eq!(refused(&circuit), Some(Reason::Open));
        clock.advance(NANOSECOND);
        let probe = admitted(&circuit);
        of_before.drain(..1).for_each(|permit| permit.record(Outcome::Success));
        probe.record(Outcome::Failure);
    }
    assert_eq!(circuit.snapshot().totals.stale, 16);
}

#[test]
fn no_wait_is_above_the_cap() {
    let (circuit, clock) = opened(growing());
    for _ in 0..100 {
        reopen(&circuit, &clock);
        assert!(wait(&circuit) <= secs(10));
    }
    assert_eq!(wait(&circuit), secs(10));
}

#[test]
fn after_it_has_been_closed_the_wait_is_the_first_again() {
    let (circuit, clock) = opened(growing());
    reopen(&circuit, &clock);
    reopen(&circuit, &clock);
    clock.advance(wait(&circuit));
    succeed(&circuit, 2);
    assert_eq!((circuit.state(), circuit.snapshot().opens_in_row), (State::Closed, 0));
    fail(&circuit, 3);
    assert_eq!(wait(&circuit), secs(1));
}

#[test]
fn jitter_spreads_the_waits_below_their_length_and_never_above_the_cap() {
    for base in [1, 2, 10] {
        let (circuit, clock) = opened(growing().open_duration(secs(base)).open_duration_jitter(0.5));
        let mut waits = HashSet::new();
        for opens in 1..=1_000 {
            let full = secs(base * (1 << (opens - 1).min(10))).min(secs(10));
            assert!((full / 2..=full).contains(&wait(&circuit)), "wait {opens}: {:?} of {full:?}", wait(&circuit));
            waits.insert(wait(&circuit));
            reopen(&circuit, &clock);
        }
        assert!(waits.len() > 100, "{} distinct waits", waits.len());
    }
}

#[test]
fn one_seed_draws_the_same_waits_and_another_draws_others() {
    let waits = |seed: u64| {
        let clock = ManualClock::new();
        let config = growing().open_duration_jitter(0.5).build().unwrap();
        let circuit = Circuit::builder("seeded").config(config).clock(clock.clone()).seed(seed).build();
        fail(&circuit, 3);
        let each = (0..20).map(|_| {
            let wait = wait(&circuit);
            reopen(&circuit, &clock);
            wait
        });
        each.collect::<Vec<_>>()
    };
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
}

#[test]
fn a_servers_own_wish_lengthens_the_wait_up_to_the_cap() {
    let waits_after = |wish: u64| {
        let (circuit, _) = circuit(growing());
        fail(&circuit, 2);
        end(&circuit, Outcome::FailureRetryAfter(secs(wish)));
        wait(&circuit)
    };
    assert_eq!([0, 1, 7, 10, 11, u64::MAX].map(waits_after), [1, 1, 7, 10, 10, 10].map(secs));
}

#[test]
fn only_the_outcome_that_opens_it_sets_the_wait() {
    let (circuit, _) = circuit(growing());
    end(&circuit, Outcome::FailureRetryAfter(secs(7)));
    fail(&circuit, 2);
    assert_eq!(wait(&circuit), secs(1));
}

#[test]
fn a_servers_own_wish_is_spread_upward() {
    let (circuit, clock) = opened(growing().max_open_duration(secs(60)).open_duration_jitter(0.5));
    let mut waits = HashSet::new();
    for _ in 0..200 {
        clock.advance(wait(&circuit));
        end(&circuit, Outcome::FailureRetryAfter(secs(40)));
        assert!((secs(40)..=secs(60)).contains(&wait(&circuit)));
        waits.insert(wait(&circuit));
    }
    assert!(waits.len() > 100, "{} distinct waits", waits.len());
}

#[test]
fn a_slow_trip_wait_is_measured_from_the_trip() {
    let (circuit, clock) = circuit(plain());
    clock.advance(ms(12_345));
    fail(&circuit, 3);
    clock.advance(ms(400));
    let now = circuit.snapshot();
    assert_eq!((now.open_wait, now.open_remaining, now.state_age), (Some(secs(1)), Some(ms(600)), ms(400)));
}

#[test]
fn the_longest_durations_do_not_overflow() {
    let config = CircuitBreakerConfig::builder().open_duration(Duration::MAX).max_open_duration(Duration::MAX);
    let (circuit, clock) = circuit(config.failure_threshold(1).half_open_timeout(Duration::MAX));
    fail(&circuit, 1);
    clock.advance(secs(1_000_000_000));
    assert_eq!(refused(&circuit), Some(Reason::Open));
    clock.set(Duration::MAX);
    clock.advance(Duration::MAX);
    let _ = circuit.try_acquire();
    let _ = circuit.snapshot();
}
