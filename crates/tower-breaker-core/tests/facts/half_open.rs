//! Probes: how many, how long, and what becomes of their places.

use std::{sync::Barrier, thread, time::Duration};

use tower_breaker_core::{Condition, Outcome, Permit, Reason, SlidingWindow, State};

use super::{NANOSECOND, admitted, by_rate, circuit, end, fail, ms, plain, ready, refused, secs, succeed};

#[test]
fn of_500_threads_at_the_instant_the_wait_ends_one_is_admitted() {
    let (circuit, _) = ready(plain());
    let barrier = Barrier::new(500);
    let asked: Vec<Option<Permit>> = thread::scope(|scope| {
        let ask = || {
            barrier.wait();
            circuit.try_acquire().ok()
        };
        let threads: Vec<_> = (0..500).map(|_| scope.spawn(ask)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(asked.iter().flatten().count(), 1);
    assert_eq!(circuit.snapshot().refusals.half_open.enforced, 499);
    assert_eq!(circuit.state(), State::HalfOpen);
}

#[test]
fn never_more_probes_than_could_still_be_needed() {
    let (circuit, _) = ready(plain().success_threshold(3).half_open_max_concurrent(5));
    let mut out: Vec<Permit> = (0..3).map(|_| admitted(&circuit)).collect();
    assert_eq!(refused(&circuit), Some(Reason::HalfOpen));
    out.pop().unwrap().record(Outcome::Success);
    assert_eq!(refused(&circuit), Some(Reason::HalfOpen));
    drop(out.pop());
    out.push(admitted(&circuit));
    out.into_iter().for_each(|permit| permit.record(Outcome::Success));
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn a_probe_that_never_ends_opens_the_circuit_as_of_its_deadline() {
    let (circuit, clock) = ready(plain().half_open_timeout(secs(60)));
    let hung = admitted(&circuit);
    clock.advance(secs(60) - NANOSECOND);
    assert_eq!((circuit.state(), refused(&circuit)), (State::HalfOpen, Some(Reason::HalfOpen)));
    clock.advance(NANOSECOND + ms(400));
    let now = circuit.snapshot();
    assert_eq!((now.state, now.open_remaining, now.state_age), (State::Open, Some(ms(600)), ms(400)));
    assert_eq!(now.last_opened.unwrap().condition, Condition::HalfOpenTimeout);
    clock.advance(ms(600));
    succeed(&circuit, 2);
    assert_eq!(circuit.state(), State::Closed);
    drop(hung);
    assert_eq!(circuit.snapshot().totals.stale, 1);
}

#[test]
fn each_probe_has_a_deadline_of_its_own() {
    let (circuit, clock) = ready(plain().half_open_timeout(secs(60)).success_threshold(3).half_open_max_concurrent(2));
    let first = admitted(&circuit);
    clock.advance(secs(59));
    let _second = admitted(&circuit);
    first.record(Outcome::Success);
    clock.advance(secs(59));
    assert_eq!(circuit.state(), State::HalfOpen);
    clock.advance(secs(1));
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn with_the_defaults_a_healthy_call_every_100_or_300_seconds_closes() {
    for pause in [secs(100), secs(300)] {
        let (circuit, clock) = circuit(super::CircuitBreakerConfig::builder());
        fail(&circuit, 5);
        assert_eq!(circuit.state(), State::Open);
        for _ in 0..2 {
            clock.advance(pause);
            assert_ne!(circuit.state(), State::Closed);
            succeed(&circuit, 1);
        }
        assert_eq!(circuit.state(), State::Closed, "every {pause:?}");
    }
}

#[test]
fn half_open_without_probes_out_keeps_its_successes_however_long() {
    let (circuit, clock) = ready(plain().max_age(secs(1)));
    succeed(&circuit, 1);
    clock.advance(secs(1_000_000));
    assert_eq!((circuit.state(), circuit.snapshot().successes_in_row), (State::HalfOpen, 1));
    succeed(&circuit, 1);
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn dropped_probe_gives_its_place_back_exactly_once() {
    let (circuit, _) = ready(plain());
    for _ in 0..5 {
        let probe = admitted(&circuit);
        assert_eq!(refused(&circuit), Some(Reason::HalfOpen));
        drop(probe);
    }
    let _probe = admitted(&circuit);
    assert_eq!(refused(&circuit), Some(Reason::HalfOpen));
    assert_eq!((circuit.state(), circuit.snapshot().totals.cancelled), (State::HalfOpen, 5));
}

#[test]
fn ignored_probe_gives_its_place_back_exactly_once() {
    let (circuit, _) = ready(plain());
    succeed(&circuit, 1);
    for _ in 0..5 {
        end(&circuit, Outcome::Ignored);
    }
    let _probe = admitted(&circuit);
    assert_eq!(refused(&circuit), Some(Reason::HalfOpen));
    assert_eq!((circuit.state(), circuit.snapshot().successes_in_row), (State::HalfOpen, 1));
}

#[test]
fn under_the_rate_rule_a_dropped_or_ignored_probe_gives_its_place_back() {
    let (circuit, _) = ready(by_rate().minimum_calls(3));
    let out: Vec<Permit> = (0..4).map(|_| admitted(&circuit)).collect();
    assert_eq!(refused(&circuit), Some(Reason::HalfOpen));
    for (place, permit) in out.into_iter().enumerate() {
        if place % 2 == 0 { drop(permit) } else { permit.record(Outcome::Ignored) }
    }
    let again: Vec<Permit> = (0..4).map(|_| admitted(&circuit)).collect();
    assert_eq!((again.len(), refused(&circuit)), (4, Some(Reason::HalfOpen)));
}

#[test]
fn under_the_rate_rule_a_finished_probe_keeps_its_place_until_the_verdict() {
    let (circuit, _) = ready(by_rate());
    let _out = [admitted(&circuit), admitted(&circuit)];
    succeed(&circuit, 2);
    assert_eq!(refused(&circuit), Some(Reason::HalfOpen));
    let now = circuit.snapshot();
    assert_eq!((now.state, now.window.calls, now.failure_rate), (State::HalfOpen, 2, None));
}

#[test]
fn under_the_rate_rule_the_rates_of_the_probes_decide() {
    let after = |outcomes: [Outcome; 3]| {
        let (circuit, _) = ready(by_rate());
        for outcome in outcomes {
            assert_ne!(circuit.state(), State::Closed);
            end(&circuit, outcome);
        }
        circuit.state()
    };
    use Outcome::{Failure, Success};
    assert_eq!(after([Failure, Success, Success]), State::Closed);
    assert_eq!(after([Failure, Success, Failure]), State::Open);
}

#[test]
fn under_the_rate_rule_the_timeout_bounds_the_whole_state() {
    let (circuit, clock) = ready(by_rate().half_open_timeout(secs(60)));
    succeed(&circuit, 1);
    clock.advance(secs(60) + ms(400));
    let now = circuit.snapshot();
    assert_eq!((now.state, now.open_remaining), (State::Open, Some(ms(600))));
}

#[test]
fn a_failed_probe_opens_at_once() {
    let (circuit, clock) = ready(plain().success_threshold(5));
    succeed(&circuit, 4);
    fail(&circuit, 1);
    let now = circuit.snapshot();
    assert_eq!((now.state, now.open_remaining), (State::Open, Some(secs(1))));
    assert_eq!(now.last_opened.unwrap().condition, Condition::ProbeFailed);
    // The successes before it are gone.
    clock.advance(secs(1));
    succeed(&circuit, 4);
    assert_eq!(circuit.state(), State::HalfOpen);
}

#[test]
fn a_slow_probe_opens_where_slow_calls_count() {
    let (circuit, _) = ready(plain().slow_call_duration_threshold(ms(100)).minimum_calls(50));
    admitted(&circuit).record_after(Outcome::Success, ms(100));
    assert_eq!(circuit.state(), State::HalfOpen);
    admitted(&circuit).record_after(Outcome::Success, ms(101));
    assert_eq!(circuit.snapshot().last_opened.unwrap().condition, Condition::ProbeSlow);
}

#[test]
fn probes_spaced_wider_than_the_sliding_window_still_close() {
    for window in [SlidingWindow::time(ms(100)), SlidingWindow::calls(3)] {
        let config = plain().failure_rate_threshold(0.5).sliding_window(window).minimum_calls(3).success_threshold(5);
        let (circuit, clock) = ready(config);
        for _ in 0..5 {
            assert_ne!(circuit.state(), State::Closed);
            clock.advance(Duration::from_secs(3_600));
            succeed(&circuit, 1);
        }
        assert_eq!(circuit.state(), State::Closed);
    }
}

#[test]
fn a_circuit_closed_by_its_probes_starts_empty() {
    let (circuit, _) = ready(plain().failure_rate_threshold(0.5));
    succeed(&circuit, 2);
    let now = circuit.snapshot();
    assert_eq!((now.state, now.window.calls, now.failures_in_row), (State::Closed, 0, 0));
    assert_eq!((now.successes_in_row, now.opens_in_row), (0, 0));
    fail(&circuit, 2);
    assert_eq!(circuit.state(), State::Closed);
}
