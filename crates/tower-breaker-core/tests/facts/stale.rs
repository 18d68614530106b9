//! What a permit says whose state is over: one more stale, and nothing else.

use tower_breaker_core::{Circuit, CircuitBreakerConfigBuilder, Outcome, Permit, State};

use super::{admitted, circuit, fail, opened, plain, ready, refused, secs, succeed};

/// Ends each permit in another way; all are stale, and the circuit is as it was.
fn all_are_stale(circuit: &Circuit, permits: [Permit; 4]) {
    let before = circuit.snapshot();
    let [success, failure, ignored, dropped] = permits;
    success.record(Outcome::Success);
    failure.record_after(Outcome::Failure, secs(1_000));
    ignored.record(Outcome::Ignored);
    drop(dropped);
    let mut after = circuit.snapshot();
    assert_eq!(after.totals.stale, before.totals.stale + 4);
    after.totals.stale = before.totals.stale;
    assert_eq!(after, before);
}

fn four(circuit: &Circuit) -> [Permit; 4] {
    [(); 4].map(|()| admitted(circuit))
}

fn four_probes() -> CircuitBreakerConfigBuilder {
    plain().success_threshold(5).half_open_max_concurrent(5)
}

#[test]
fn a_success_of_before_the_trip_does_not_close_and_a_failure_does_not_reopen() {
    let (circuit, clock) = circuit(four_probes());
    let (of_open, of_half_open, of_closed) = (four(&circuit), four(&circuit), four(&circuit));
    fail(&circuit, 3);
    all_are_stale(&circuit, of_open);
    clock.advance(secs(1));
    succeed(&circuit, 4);
    assert_eq!(circuit.state(), State::HalfOpen);
    all_are_stale(&circuit, of_half_open);
    succeed(&circuit, 1);
    fail(&circuit, 2);
    assert_eq!(circuit.state(), State::Closed);
    all_are_stale(&circuit, of_closed);
}

#[test]
fn probes_of_one_half_open_say_nothing_in_the_next() {
    let (circuit, clock) = ready(four_probes());
    let of_first = four(&circuit);
    fail(&circuit, 1);
    clock.advance(secs(1));
    let _probe = admitted(&circuit);
    succeed(&circuit, 3);
    all_are_stale(&circuit, of_first);
    assert_eq!((circuit.state(), circuit.snapshot().successes_in_row), (State::HalfOpen, 3));
}

#[test]
fn what_was_admitted_before_a_reset_says_nothing_after_it() {
    let (circuit, _) = circuit(plain());
    let before = four(&circuit);
    fail(&circuit, 2);
    circuit.reset();
    all_are_stale(&circuit, before);
    fail(&circuit, 2);
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn what_was_admitted_before_a_forced_mode_says_nothing_in_it_or_after_it() {
    let (circuit, clock) = circuit(plain());
    let (in_closed, in_open, after) = (four(&circuit), four(&circuit), four(&circuit));
    circuit.force_closed();
    all_are_stale(&circuit, in_closed);
    let of_forced_closed = four(&circuit);
    circuit.force_open_for(secs(5));
    all_are_stale(&circuit, in_open);
    clock.advance(secs(5));
    all_are_stale(&circuit, of_forced_closed);
    circuit.reset();
    all_are_stale(&circuit, after);
}

#[test]
fn each_entry_to_a_forced_mode_is_a_new_generation() {
    let (circuit, _) = circuit(plain());
    circuit.force_closed();
    let of_first = four(&circuit);
    fail(&circuit, 2);
    circuit.force_closed();
    assert_eq!(circuit.snapshot().failures_in_row, 0);
    all_are_stale(&circuit, of_first);
}

#[test]
fn a_probe_that_ends_after_its_deadline_is_stale_even_if_nobody_looked_before() {
    let (circuit, clock) = ready(plain().half_open_timeout(secs(60)));
    let late = admitted(&circuit);
    clock.advance(secs(60));
    late.record(Outcome::Success);
    let now = circuit.snapshot();
    assert_eq!((now.state, now.totals.stale, now.totals.successes), (State::Open, 1, 0));
}

#[test]
fn each_ended_permit_adds_to_exactly_one_total() {
    let (circuit, _) = opened(plain());
    circuit.reset();
    succeed(&circuit, 3);
    fail(&circuit, 1);
    succeed(&circuit, 1);
    admitted(&circuit).record(Outcome::Ignored);
    drop(admitted(&circuit));
    let stale = admitted(&circuit);
    fail(&circuit, 3);
    stale.record(Outcome::Success);
    circuit.set_enforcement(0.0).unwrap();
    admitted(&circuit).record(Outcome::Success);
    assert_eq!(refused(&circuit), None);
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.successes, totals.failures, totals.ignored), (4, 7, 1));
    assert_eq!((totals.cancelled, totals.stale, totals.bypassed), (1, 1, 2));
    assert_eq!(totals.calls(), 16);
}
