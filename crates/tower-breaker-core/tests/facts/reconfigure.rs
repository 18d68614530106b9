//! A new configuration for a live circuit.

use tower_breaker_core::{Circuit, CircuitBreakerConfigBuilder, Outcome, Permit, Reason, SlidingWindow, State};

use super::{NANOSECOND, admitted, by_rate, circuit, end, fail, ms, opened, plain, ready, refused, secs, succeed};

fn change(circuit: &Circuit, to: CircuitBreakerConfigBuilder) {
    circuit.reconfigure(to.build().expect("a valid configuration"));
}

/// Changes the configuration and sees state and generation kept.
fn change_in_place(circuit: &Circuit, to: CircuitBreakerConfigBuilder) {
    let before = circuit.snapshot();
    change(circuit, to);
    let after = circuit.snapshot();
    assert_eq!((after.state, after.generation), (before.state, before.generation));
}

fn calls(calls: u32) -> CircuitBreakerConfigBuilder {
    plain().failure_threshold(None).failure_rate_threshold(1.0).sliding_window(SlidingWindow::calls(calls))
}

#[test]
fn a_closed_circuit_keeps_generation_row_and_permits_in_flight() {
    let (circuit, _) = circuit(plain());
    let in_flight = admitted(&circuit);
    fail(&circuit, 2);
    change_in_place(&circuit, plain().failure_threshold(4));
    in_flight.record(Outcome::Failure);
    assert_eq!((circuit.state(), circuit.snapshot().failures_in_row), (State::Closed, 3));
    fail(&circuit, 1);
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn a_count_window_keeps_its_newest_outcomes() {
    let (circuit, _) = circuit(calls(10));
    for outcome in [Outcome::Failure, Outcome::Success].into_iter().cycle().take(10) {
        end(&circuit, outcome);
    }
    fail(&circuit, 2);
    // Newest last: S F S F S F S F F after the oldest one left.
    change_in_place(&circuit, calls(3));
    assert_eq!((circuit.snapshot().window.calls, circuit.snapshot().window.failures), (3, 2));
    change_in_place(&circuit, calls(100));
    succeed(&circuit, 1);
    assert_eq!((circuit.snapshot().window.calls, circuit.snapshot().window.failures), (4, 2));
}

#[test]
fn another_kind_or_geometry_of_window_starts_empty_and_the_same_one_stays() {
    let time = |buckets| calls(10).sliding_window(SlidingWindow::time_in(secs(10), buckets));
    let (circuit, _) = circuit(time(10));
    succeed(&circuit, 5);
    change_in_place(&circuit, time(10).minimum_calls(2));
    assert_eq!(circuit.snapshot().window.calls, 5);
    change_in_place(&circuit, time(5));
    assert_eq!(circuit.snapshot().window.calls, 0);
    succeed(&circuit, 5);
    change_in_place(&circuit, calls(10));
    assert_eq!(circuit.snapshot().window.calls, 0);
}

#[test]
fn a_new_threshold_that_is_already_met_does_not_trip_a_closed_circuit_by_itself() {
    let (circuit, _) = circuit(calls(10).failure_rate_threshold(0.9));
    succeed(&circuit, 5);
    fail(&circuit, 5);
    change_in_place(&circuit, calls(10).failure_rate_threshold(0.1));
    succeed(&circuit, 1);
    assert_eq!(circuit.state(), State::Open, "the next outcome is judged by it");
}

#[test]
fn an_open_circuit_keeps_its_wait_cut_to_the_new_cap() {
    let (circuit, clock) = opened(plain().open_duration(secs(10)).max_open_duration(secs(60)));
    clock.advance(secs(1));
    change_in_place(&circuit, plain().open_duration(secs(30)).max_open_duration(secs(60)));
    assert_eq!(circuit.snapshot().open_remaining, Some(secs(9)));
    change_in_place(&circuit, plain().open_duration(secs(1)).max_open_duration(secs(4)));
    assert_eq!(circuit.snapshot().open_remaining, Some(secs(3)));
    clock.advance(secs(3));
    fail(&circuit, 1);
    assert_eq!(circuit.snapshot().open_wait, Some(secs(1)));
}

#[test]
fn a_half_open_circuit_keeps_its_probes_and_successes() {
    let config = || plain().success_threshold(4).half_open_max_concurrent(4);
    let (circuit, _) = ready(config());
    succeed(&circuit, 1);
    let probe = admitted(&circuit);
    change_in_place(&circuit, config().success_threshold(3));
    assert_eq!(circuit.snapshot().successes_in_row, 1);
    probe.record(Outcome::Success);
    assert_eq!(circuit.state(), State::HalfOpen);
    succeed(&circuit, 1);
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn fewer_successes_than_already_seen_close_at_once() {
    let (circuit, _) = ready(plain().success_threshold(5).half_open_max_concurrent(5));
    let _out = admitted(&circuit);
    succeed(&circuit, 3);
    change(&circuit, plain().success_threshold(3));
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn fewer_places_than_are_taken_wedge_nothing() {
    let (circuit, _) = ready(plain().success_threshold(5).half_open_max_concurrent(5));
    let out: Vec<Permit> = (0..4).map(|_| admitted(&circuit)).collect();
    change_in_place(&circuit, plain().success_threshold(2).half_open_max_concurrent(1));
    assert_eq!(refused(&circuit), Some(Reason::HalfOpen));
    out.into_iter().for_each(drop);
    succeed(&circuit, 2);
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn fewer_calls_than_already_answered_decide_at_once_under_the_rate_rule() {
    let config = |minimum| by_rate().permitted_calls(6).minimum_calls(minimum).failure_rate_threshold(0.5);
    for (outcomes, verdict) in
        [([Outcome::Success, Outcome::Success], State::Closed), ([Outcome::Success, Outcome::Failure], State::Open)]
    {
        let (circuit, _) = ready(config(3));
        outcomes.into_iter().for_each(|outcome| end(&circuit, outcome));
        assert_eq!(circuit.state(), State::HalfOpen);
        change(&circuit, config(2));
        assert_eq!(circuit.state(), verdict);
    }
}

#[test]
fn only_another_half_open_rule_starts_a_new_generation() {
    let rate = || plain().failure_rate_threshold(0.5).sliding_window(SlidingWindow::calls(3));
    let (circuit, _) = ready(rate().success_threshold(3).half_open_max_concurrent(2));
    succeed(&circuit, 1);
    let before = (admitted(&circuit), circuit.snapshot().generation);
    change(&circuit, rate().permitted_calls(5));
    let now = circuit.snapshot();
    assert_eq!((now.state, now.generation, now.window.calls), (State::HalfOpen, before.1 + 1, 0));
    before.0.record(Outcome::Failure);
    assert_eq!((circuit.state(), circuit.snapshot().totals.stale), (State::HalfOpen, 1));
    let all: Vec<Permit> = (0..5).map(|_| admitted(&circuit)).collect();
    assert_eq!(refused(&circuit), Some(Reason::HalfOpen));
    all.into_iter().for_each(|probe| probe.record(Outcome::Success));
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn a_new_half_open_timeout_counts_from_the_probes_admission() {
    let config = |timeout| plain().half_open_timeout(timeout);
    let (circuit, clock) = ready(config(None));
    let _hung = admitted(&circuit);
    clock.advance(secs(30));
    change_in_place(&circuit, config(Some(secs(40))));
    clock.advance(secs(10) - NANOSECOND);
    assert_eq!(circuit.state(), State::HalfOpen);
    clock.advance(NANOSECOND);
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn a_new_half_open_timeout_that_is_already_over_opens_as_of_its_deadline() {
    let (circuit, clock) = ready(by_rate().half_open_timeout(None));
    let _hung = admitted(&circuit);
    clock.advance(secs(5) + ms(400));
    change(&circuit, by_rate().half_open_timeout(secs(5)));
    let now = circuit.snapshot();
    assert_eq!((now.state, now.open_remaining), (State::Open, Some(ms(600))));
}

#[test]
fn another_half_open_rule_restarts_before_its_timeout_is_looked_at() {
    let (circuit, clock) = ready(by_rate().permitted_calls(4).half_open_timeout(None));
    let _hung = admitted(&circuit);
    clock.advance(secs(100));
    let consecutive = plain().failure_rate_threshold(0.5).success_threshold(2).half_open_timeout(secs(60));
    change(&circuit, consecutive);
    assert_eq!((circuit.state(), circuit.snapshot().opens_in_row), (State::HalfOpen, 1));
    succeed(&circuit, 2);
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn new_thresholds_that_are_already_met_come_before_a_new_timeout() {
    let config = || plain().success_threshold(5).half_open_max_concurrent(5);
    let (circuit, clock) = ready(config().half_open_timeout(None));
    let _hung = admitted(&circuit);
    succeed(&circuit, 2);
    clock.advance(secs(100));
    change(&circuit, config().success_threshold(2).half_open_timeout(secs(60)));
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn max_age_switched_on_ages_what_was_there_from_then_on() {
    let (circuit, clock) = circuit(plain());
    fail(&circuit, 2);
    clock.advance(secs(1_000));
    change_in_place(&circuit, plain().max_age(secs(10)));
    assert_eq!(circuit.snapshot().failures_in_row, 2);
    clock.advance(secs(10) + NANOSECOND);
    fail(&circuit, 1);
    assert_eq!((circuit.state(), circuit.snapshot().failures_in_row), (State::Closed, 1));
}

#[test]
fn max_age_switched_off_and_on_does_not_age_by_an_outcome_of_before() {
    let (circuit, clock) = circuit(plain().max_age(secs(10)));
    fail(&circuit, 1);
    change_in_place(&circuit, plain());
    clock.advance(secs(1_000));
    fail(&circuit, 1);
    change_in_place(&circuit, plain().max_age(secs(10)));
    clock.advance(secs(1));
    fail(&circuit, 1);
    assert_eq!(circuit.state(), State::Open);
}

#[test]
fn slow_calls_switched_on_while_a_call_is_out_do_not_make_it_slow_by_mistake() {
    let untimed = || plain().on_cancel(tower_breaker_core::OnCancel::Ignore);
    let throttled = || untimed().throttle(2.0).minimum_calls(1);
    // By the gate, and by the lock where a share is drawn.
    for (config, failures) in [(untimed(), 0), (throttled(), 1)] {
        let (circuit, clock) = circuit(config);
        clock.advance(secs(1_000));
        fail(&circuit, failures);
        let in_flight =
            std::iter::repeat_with(|| circuit.try_acquire()).find_map(Result::ok).expect("some get through");
        change_in_place(&circuit, plain().slow_call_duration_threshold(secs(1)));
        clock.advance(secs(2));
        in_flight.record(Outcome::Success);
        let totals = circuit.snapshot().totals;
        assert_eq!((totals.successes, totals.slow), (1, 0));
    }
}
