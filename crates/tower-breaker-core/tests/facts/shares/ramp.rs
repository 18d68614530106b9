//! After the probes closed a circuit it admits a growing share.

use std::time::Duration;

use tower_breaker_core::{Circuit, Outcome, Reason, State};

use super::{
    super::{circuit as fresh, plain, ready, secs, succeed},
    DRAWS, assert_share, recovering, refused_of, trip,
};

#[test]
fn a_ramp_admits_a_share_that_grows_from_a_tenth_to_all() {
    let (circuit, clock) = recovering();
    for (age, share) in [(0, 0.1), (25, 0.325), (50, 0.55), (75, 0.775), (99, 0.991)] {
        let now = circuit.snapshot();
        assert!((now.ramp_share.unwrap() - share).abs() < 1e-9, "{:?} after {age} s", now.ramp_share);
        assert_eq!(now.ramp_remaining, Some(secs(100 - age)));
        assert_share(DRAWS - refused_of(&circuit, DRAWS, Reason::Recovering), share);
        clock.advance(if age == 75 { secs(24) } else { secs(25) });
    }
    let now = circuit.snapshot();
    assert_eq!((now.ramp_share, now.ramp_remaining), (None, None));
    assert_eq!(refused_of(&circuit, DRAWS, Reason::Recovering), 0);
    assert!(
        now.refusals.recovering.detected == now.refusals.recovering.enforced && now.refusals.throttled.detected == 0
    );
}

#[test]
fn no_ramp_follows_a_reset_or_a_new_circuit() {
    let (circuit, _) = ready(plain().recovery_ramp(secs(100)));
    circuit.reset();
    assert_eq!(refused_of(&circuit, 1_000, Reason::Recovering), 0);
    let (circuit, _) = recovering();
    circuit.reset();
    assert_eq!((circuit.snapshot().ramp_share, circuit.snapshot().opens_in_row), (None, 0));
    assert_eq!(refused_of(&circuit, 1_000, Reason::Recovering), 0);
    let (circuit, _) = fresh(plain().recovery_ramp(secs(100)));
    assert_eq!(refused_of(&circuit, 1_000, Reason::Recovering), 0);
}

#[test]
fn a_trip_inside_the_ramp_continues_the_row_of_opens_and_one_after_it_does_not() {
    let config = || plain().open_duration_multiplier(2.0).recovery_ramp(secs(100));
    let (circuit, clock) = ready(config());
    succeed(&circuit, 2);
    clock.advance(secs(99));
    trip(&circuit);
    assert_eq!((circuit.snapshot().opens_in_row, circuit.snapshot().open_wait), (2, Some(secs(2))));
    clock.advance(secs(2));
    succeed(&circuit, 2);
    clock.advance(secs(100));
    trip(&circuit);
    assert_eq!((circuit.snapshot().opens_in_row, circuit.snapshot().open_wait), (1, Some(secs(1))));
}

#[test]
fn what_a_ramp_refused_is_no_evidence() {
    let (circuit, _) = recovering();
    while circuit.snapshot().refusals.recovering.enforced < 100 {
        drop(circuit.try_acquire().map(|permit| permit.record(Outcome::Success)));
    }
    let now = circuit.snapshot();
    assert_eq!((now.state, now.failures_in_row, now.totals.failures), (State::Closed, 0, 3));
}

/// A ramp under way at half its length, in which this was done.
fn halfway(and: impl FnOnce(&Circuit)) -> Circuit {
    let (circuit, clock) = recovering();
    clock.advance(secs(50));
    and(&circuit);
    circuit
}

#[test]
fn a_new_length_of_the_ramp_counts_from_its_start_and_off_ends_it() {
    let with = |ramp: Option<Duration>| plain().recovery_ramp(ramp).build().unwrap();
    for (length, share) in [(secs(200), Some(0.325)), (secs(100), Some(0.55)), (secs(50), None), (secs(1), None)] {
        let circuit = halfway(|circuit| circuit.reconfigure(with(Some(length))));
        assert_eq!(circuit.snapshot().ramp_share, share);
    }
    let circuit = halfway(|circuit| circuit.reconfigure(with(None)));
    assert_eq!((circuit.snapshot().ramp_share, circuit.snapshot().opens_in_row), (None, 0));
    assert_eq!(refused_of(&circuit, 1_000, Reason::Recovering), 0);
    circuit.reconfigure(with(Some(secs(100))));
    assert_eq!(circuit.snapshot().ramp_share, None, "what was ended does not come back");
}

#[test]
fn a_forced_open_circuit_freezes_the_row_and_begins_its_ramp_anew() {
    let (circuit, clock) = recovering();
    circuit.force_open_for(secs(1_000));
    clock.advance(secs(999));
    assert_eq!((circuit.snapshot().opens_in_row, circuit.snapshot().ramp_share), (1, None));
    clock.advance(secs(1));
    succeed(&circuit, 2);
    let now = circuit.snapshot();
    assert_eq!((now.state, now.ramp_share, now.opens_in_row), (State::Closed, Some(0.1), 1));
}

#[test]
fn a_close_by_the_fleet_ramps_up_too() {
    let (circuit, _) = ready(plain().recovery_ramp(secs(100)));
    circuit.remote_close();
    assert_eq!(circuit.snapshot().ramp_share, Some(0.1));
}
