//! When a closed circuit trips.

use std::time::Duration;

use tower_breaker_core::{Circuit, CircuitBreakerConfigBuilder, Condition, Outcome, Reason, SlidingWindow, State};

use super::{NANOSECOND, admitted, circuit, end, fail, ms, plain, refused, secs, succeed};

/// Opens by the failure rate alone.
fn rate(threshold: f64, window: SlidingWindow, minimum: u32) -> CircuitBreakerConfigBuilder {
    plain().failure_threshold(None).failure_rate_threshold(threshold).sliding_window(window).minimum_calls(minimum)
}

fn condition(circuit: &Circuit) -> Option<Condition> {
    circuit.snapshot().last_opened.map(|opened| opened.condition)
}

#[test]
fn after_a_thousand_successes_a_window_of_ten_opens_at_the_fifth_failure() {
    let (circuit, _) = circuit(rate(0.5, SlidingWindow::calls(10), 5));
    succeed(&circuit, 1_000);
    fail(&circuit, 4);
    assert_eq!(circuit.state(), State::Closed);
    assert_eq!(circuit.snapshot().failure_rate, Some(0.4));
    fail(&circuit, 1);
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn the_oldest_failure_leaves_a_count_window_first() {
    let (circuit, _) = circuit(rate(0.5, SlidingWindow::calls(10), 10));
    fail(&circuit, 4);
    succeed(&circuit, 6);
    assert_eq!(circuit.snapshot().window.failures, 4);
    for left in [3, 2, 1, 0, 0] {
        succeed(&circuit, 1);
        assert_eq!((circuit.snapshot().window.calls, circuit.snapshot().window.failures), (10, left));
    }
}

#[test]
fn five_failures_open_a_window_of_a_hundred_with_minimum_five() {
    let (circuit, _) = circuit(rate(0.5, SlidingWindow::calls(100), 5));
    fail(&circuit, 4);
    assert_eq!((circuit.state(), circuit.snapshot().failure_rate), (State::Closed, None));
    fail(&circuit, 1);
    assert_eq!((circuit.state(), condition(&circuit)), (State::Open, Some(Condition::FailureRate)));
}

#[test]
fn an_outcome_leaves_a_time_window_when_its_bucket_does() {
    let (circuit, clock) = circuit(rate(1.0, SlidingWindow::time_in(secs(10), 10), 100));
    clock.advance(ms(999));
    fail(&circuit, 1);
    clock.advance(secs(9));
    assert_eq!(circuit.snapshot().window.calls, 1);
    clock.advance(ms(1) - NANOSECOND);
    assert_eq!(circuit.snapshot().window.calls, 1);
    clock.advance(NANOSECOND);
    assert_eq!(circuit.snapshot().window.calls, 0);
}

#[test]
fn of_a_million_successes_that_nobody_looked_at_none_is_lost() {
    const CALLS: usize = 1_100_000;
    let (circuit, _) = circuit(rate(1.0, SlidingWindow::calls(100), 2));
    succeed(&circuit, CALLS);
    let now = circuit.snapshot();
    assert_eq!((now.state, now.totals.successes), (State::Closed, CALLS as u64));
}

#[test]
fn a_million_calls_in_one_window_are_all_counted() {
    let (circuit, clock) = circuit(rate(1.0, SlidingWindow::time(secs(1_000)), 2));
    for call in 0..1_000_000 {
        if call % 1_000 == 0 {
            clock.advance(ms(1));
        }
        end(&circuit, if call % 10 == 1 { Outcome::Failure } else { Outcome::Success });
    }
    let window = circuit.snapshot().window;
    assert_eq!((window.calls, window.failures), (1_000_000, 100_000));
}

#[test]
fn a_success_that_completes_the_minimum_trips() {
    let (circuit, _) = circuit(rate(0.5, SlidingWindow::calls(10), 4));
    fail(&circuit, 2);
    succeed(&circuit, 1);
    assert_eq!(circuit.state(), State::Closed);
    succeed(&circuit, 1);
    // Nobody looked in between: the very next call is refused.
    assert_eq!(refused(&circuit), Some(Reason::Open));
}

#[test]
fn time_passing_alone_never_trips() {
    let (circuit, clock) = circuit(rate(0.5, SlidingWindow::time(secs(10)), 4));
    succeed(&circuit, 6);
    clock.advance(secs(5));
    fail(&circuit, 4);
    assert_eq!(circuit.state(), State::Closed);
    // The successes leave; what stays is above the threshold.
    clock.advance(secs(6));
    assert_eq!((circuit.state(), circuit.snapshot().failure_rate), (State::Closed, Some(1.0)));
    succeed(&circuit, 1);
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn failures_in_a_row_beside_a_rate_decide_only_below_the_minimum() {
    let config = || rate(0.9, SlidingWindow::calls(10), 10).failure_threshold(5);
    let (quiet, _) = circuit(config());
    fail(&quiet, 5);
    assert_eq!(condition(&quiet), Some(Condition::FailuresInRow));
    let (busy, _) = circuit(config());
    succeed(&busy, 10);
    fail(&busy, 8);
    assert_eq!((busy.state(), busy.snapshot().failures_in_row), (State::Closed, 8));
    fail(&busy, 1);
    assert_eq!(condition(&busy), Some(Condition::FailureRate));
}

#[test]
fn beside_a_slow_rate_alone_failures_in_a_row_always_decide() {
    let (circuit, _) = circuit(plain().slow_call_duration_threshold(ms(100)).minimum_calls(1));
    succeed(&circuit, 50);
    fail(&circuit, 3);
    assert_eq!(condition(&circuit), Some(Condition::FailuresInRow));
}

#[test]
fn ignored_outcomes_neither_break_nor_extend_a_row_and_stay_out_of_the_window() {
    let (circuit, _) = circuit(plain().failure_rate_threshold(1.0));
    fail(&circuit, 2);
    (0..10).for_each(|_| end(&circuit, Outcome::Ignored));
    let now = circuit.snapshot();
    assert_eq!((now.state, now.failures_in_row, now.window.calls, now.totals.ignored), (State::Closed, 2, 2, 10));
    fail(&circuit, 1);
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn a_call_is_slow_only_if_it_takes_longer_than_the_threshold() {
    let (circuit, clock) = circuit(plain().slow_call_duration_threshold(ms(100)).minimum_calls(10));
    for took in [ms(100), ms(100) + NANOSECOND] {
        let permit = admitted(&circuit);
        clock.advance(took);
        permit.record(Outcome::Success);
        admitted(&circuit).record_after(Outcome::Failure, took);
    }
    let now = circuit.snapshot();
    assert_eq!((now.window.calls, now.window.slow, now.totals.slow), (4, 2, 2));
}

#[test]
fn slow_successes_open_by_the_slow_call_rate() {
    let config = plain().failure_threshold(None).slow_call_duration_threshold(ms(100)).slow_call_rate_threshold(0.5);
    let (circuit, _) = circuit(config.minimum_calls(4));
    for took in [50, 150, 50, 150] {
        assert_eq!(circuit.state(), State::Closed);
        admitted(&circuit).record_after(Outcome::Success, ms(took));
    }
    assert_eq!((circuit.state(), condition(&circuit)), (State::Open, Some(Condition::SlowCallRate)));
}

#[test]
fn a_row_is_forgotten_only_when_its_last_outcome_is_older_than_max_age() {
    let opens_after = |pause: Duration| {
        let (circuit, clock) = circuit(plain().max_age(secs(10)));
        fail(&circuit, 2);
        clock.advance(pause);
        fail(&circuit, 1);
        circuit.state() == State::Open
    };
    assert!(opens_after(secs(10)));
    assert!(!opens_after(secs(10) + NANOSECOND));
}

#[test]
fn a_time_window_ages_by_itself_and_not_by_max_age() {
    let (circuit, clock) = circuit(rate(1.0, SlidingWindow::time(secs(100)), 50).max_age(secs(10)));
    fail(&circuit, 2);
    clock.advance(secs(20));
    fail(&circuit, 1);
    let now = circuit.snapshot();
    assert_eq!((now.window.failures, now.failures_in_row), (3, 1));
}

#[test]
fn max_age_forgets_a_count_window_too() {
    let (circuit, clock) = circuit(rate(0.5, SlidingWindow::calls(10), 4).max_age(secs(10)));
    fail(&circuit, 3);
    clock.advance(secs(11));
    assert_eq!(circuit.snapshot().window.calls, 0, "it is forgotten as soon as anybody looks");
    fail(&circuit, 1);
    assert_eq!((circuit.state(), circuit.snapshot().window.calls), (State::Closed, 1));
}

#[test]
fn without_a_rate_no_window_is_kept() {
    let (circuit, _) = circuit(plain());
    succeed(&circuit, 5);
    fail(&circuit, 2);
    let now = circuit.snapshot();
    assert_eq!((now.window.calls, now.failure_rate, now.slow_call_rate), (0, None, None));
}
