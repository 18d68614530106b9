//! Forced, observed, partly enforced: live, in every state.

use std::time::Duration;

use tower_breaker_core::{ActiveMode, Circuit, ManualClock, Mode, Outcome, Permit, Reason, SlidingWindow, State};

use super::{NANOSECOND, admitted, by_rate, circuit, end, fail, opened, plain, ready, refused, secs, succeed};

/// One circuit in each state.
fn in_each_state() -> [(Circuit, ManualClock, State); 3] {
    let (closed, closed_clock) = circuit(plain());
    let (open, open_clock) = opened(plain());
    let (half_open, half_open_clock) = ready(plain());
    drop(admitted(&half_open));
    [
        (closed, closed_clock, State::Closed),
        (open, open_clock, State::Open),
        (half_open, half_open_clock, State::HalfOpen),
    ]
}

fn shown(circuit: &Circuit) -> (State, ActiveMode) {
    let now = circuit.snapshot();
    (now.state, now.mode)
}

#[test]
fn reset_while_closed_clears_window_and_row() {
    let (circuit, _) = circuit(plain().failure_rate_threshold(0.9));
    fail(&circuit, 2);
    circuit.reset();
    let now = circuit.snapshot();
    assert_eq!((now.window.calls, now.failures_in_row, now.totals.failures), (0, 0, 2));
    fail(&circuit, 2);
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn reset_ends_a_force_and_what_was_set_by_hand_in_every_state() {
    for (circuit, _, state) in in_each_state() {
        assert_eq!(circuit.state(), state);
        circuit.set_mode(Mode::Observe);
        circuit.set_enforcement(0.5).unwrap();
        circuit.reset();
        let now = circuit.snapshot();
        assert_eq!((now.state, now.mode, now.enforcement), (State::Closed, ActiveMode::Enforce, 1.0));
        for force in [Circuit::force_open, Circuit::force_closed] {
            force(&circuit);
            circuit.reset();
            assert_eq!(shown(&circuit), (State::Closed, ActiveMode::Enforce));
            assert_eq!(circuit.snapshot().opens_in_row, 0);
        }
    }
}

#[test]
fn force_open_stays_past_any_wait() {
    for (circuit, clock, _) in in_each_state() {
        circuit.force_open();
        clock.advance(secs(1_000_000));
        let rejected = circuit.try_acquire().unwrap_err();
        assert_eq!((rejected.reason(), rejected.remaining()), (Reason::ForcedOpen, secs(1)));
        assert_eq!(shown(&circuit), (State::Open, ActiveMode::ForcedOpen));
        assert!(!circuit.snapshot().ready_to_probe);
    }
}

#[test]
fn forced_open_refuses_whatever_mode_and_enforcement_say() {
    let (circuit, _) = circuit(plain().mode(Mode::Observe).enforcement(0.0));
    circuit.force_open();
    assert_eq!(refused(&circuit), Some(Reason::ForcedOpen));
    circuit.set_mode(Mode::Observe);
    circuit.set_enforcement(0.0).unwrap();
    assert_eq!(refused(&circuit), Some(Reason::ForcedOpen));
    let refusals = circuit.snapshot().refusals.forced_open;
    assert_eq!((refusals.detected, refusals.enforced), (2, 2));
}

#[test]
fn force_open_for_ends_on_time_with_a_probe_and_not_a_flood() {
    for (circuit, clock, _) in in_each_state() {
        let opens_in_row = circuit.snapshot().opens_in_row;
        circuit.force_open_for(secs(30));
        clock.advance(secs(30) - NANOSECOND);
        assert_eq!(circuit.try_acquire().unwrap_err().remaining(), NANOSECOND);
        clock.advance(NANOSECOND);
        let now = circuit.snapshot();
        assert_eq!((now.state, now.mode, now.ready_to_probe), (State::Open, ActiveMode::Enforce, true));
        assert_eq!(now.opens_in_row, opens_in_row, "a forced open is no open of the row");
        let probes: Vec<Permit> = (0..50).filter_map(|_| circuit.try_acquire().ok()).collect();
        assert_eq!((probes.len(), circuit.state()), (1, State::HalfOpen));
    }
}

#[test]
fn forced_closed_lets_all_through_counts_and_trips_on_nothing() {
    for (circuit, clock, _) in in_each_state() {
        circuit.force_closed();
        let before = circuit.snapshot();
        fail(&circuit, 50);
        clock.advance(secs(1_000));
        let now = circuit.snapshot();
        assert_eq!((now.state, now.mode), (State::Closed, ActiveMode::ForcedClosed));
        assert_eq!((now.failures_in_row, now.totals.failures - before.totals.failures), (50, 50));
    }
}

#[test]
fn forced_closed_fills_the_window() {
    let (circuit, _) = circuit(by_rate().sliding_window(SlidingWindow::calls(10)));
    circuit.force_closed();
    fail(&circuit, 6);
    succeed(&circuit, 2);
    assert_eq!((circuit.state(), circuit.snapshot().failure_rate), (State::Closed, Some(0.75)));
}

#[test]
fn one_force_replaces_another() {
    let (circuit, clock) = circuit(plain());
    circuit.force_open_for(secs(10));
    circuit.force_open();
    clock.advance(secs(10));
    assert_eq!(refused(&circuit), Some(Reason::ForcedOpen));
    circuit.force_open_for(secs(10));
    circuit.force_closed();
    clock.advance(secs(10));
    assert_eq!(shown(&circuit), (State::Closed, ActiveMode::ForcedClosed));
}

#[test]
fn modes_set_by_hand_change_what_lies_beneath_and_leave_the_force() {
    let (circuit, clock) = circuit(plain());
    circuit.force_open_for(secs(10));
    circuit.set_mode(Mode::Observe);
    assert_eq!(shown(&circuit).1, ActiveMode::ForcedOpen);
    clock.advance(secs(10));
    assert_eq!(shown(&circuit), (State::Open, ActiveMode::Observe));
}

#[test]
fn modes_switch_live_in_every_state_and_change_neither_state_nor_generation() {
    for (circuit, _, state) in in_each_state() {
        let generation = circuit.snapshot().generation;
        let _place = circuit.try_acquire();
        circuit.set_mode(Mode::Observe);
        let permit = admitted(&circuit);
        assert_eq!(permit.is_bypass(), state != State::Closed);
        circuit.set_mode(Mode::Enforce);
        assert_eq!(circuit.try_acquire().is_err(), state != State::Closed);
        assert_eq!((circuit.state(), circuit.snapshot().generation), (state, generation));
    }
}

#[test]
fn what_was_set_by_hand_wins_over_a_reload_until_reset() {
    let (circuit, _) = opened(plain());
    circuit.set_mode(Mode::Observe);
    circuit.set_enforcement(0.5).unwrap();
    circuit.reconfigure(plain().enforcement(0.75).build().unwrap());
    let now = circuit.snapshot();
    assert_eq!((now.mode, now.enforcement), (ActiveMode::Observe, 0.5));
    circuit.reset();
    let now = circuit.snapshot();
    assert_eq!((now.mode, now.enforcement), (ActiveMode::Enforce, 0.75));
    circuit.reconfigure(plain().mode(Mode::Observe).build().unwrap());
    assert_eq!(circuit.snapshot().mode, ActiveMode::Observe);
}

#[test]
fn observe_admits_everything_and_counts_exactly_what_enforce_refuses() {
    for seed in 0..20 {
        let config = || by_rate().failure_threshold(3).half_open_timeout(secs(5)).open_duration_multiplier(2.0);
        let (enforcing, enforcing_clock) = circuit(config());
        let (observing, observing_clock) = circuit(config().mode(Mode::Observe));
        let mut chance = fastrand::Rng::with_seed(seed);
        let mut out: Vec<(Option<Permit>, Permit)> = Vec::new();
        for _ in 0..2_000 {
            if chance.bool() {
                let enforced = enforcing.try_acquire().ok();
                let observed = observing.try_acquire().expect("observing refuses nothing");
                assert_eq!(enforced.is_none(), observed.is_bypass());
                out.push((enforced, observed));
            } else if !out.is_empty() {
                let (enforced, observed) = out.swap_remove(chance.usize(..out.len()));
                let outcome = if chance.u8(..10) < 6 { Outcome::Failure } else { Outcome::Success };
                if let Some(permit) = enforced {
                    permit.record(outcome);
                }
                observed.record(outcome);
            }
            let step = Duration::from_millis(chance.u64(..300));
            enforcing_clock.advance(step);
            observing_clock.advance(step);
            let (one, other) = (enforcing.snapshot(), observing.snapshot());
            assert_eq!((one.state, one.generation, one.window), (other.state, other.generation, other.window));
            assert_eq!(one.refusals.enforced(), other.refusals.detected());
            assert_eq!(other.refusals.enforced(), 0);
        }
        assert!(enforcing.snapshot().refusals.enforced() > 100);
    }
}

#[test]
fn a_quarter_enforced_refuses_a_quarter_and_detects_all() {
    let (circuit, _) = opened(plain().enforcement(0.25));
    let before = circuit.snapshot();
    let mut refused: u32 = 0;
    for call in 0..10_000 {
        match circuit.try_acquire() {
            Err(_) => refused += 1,
            Ok(permit) => permit.record(if call % 2 == 0 { Outcome::Success } else { Outcome::Failure }),
        }
    }
    let three_sigma = 3.0 * (10_000.0 * 0.25 * 0.75_f64).sqrt();
    assert!((f64::from(refused) - 2_500.0).abs() <= three_sigma, "{refused} of 10,000 refused");
    let now = circuit.snapshot();
    assert_eq!((now.refusals.open.detected, now.refusals.open.enforced), (10_000, u64::from(refused)));
    assert_eq!(now.totals.bypassed, 10_000 - u64::from(refused));
    assert_eq!((now.state, now.generation), (State::Open, before.generation));
    assert_eq!((now.totals.failures, now.totals.successes), (before.totals.failures, before.totals.successes));
}

#[test]
fn check_refuses_only_what_is_refused_for_certain_and_reserves_nothing() {
    let (circuit, clock) = opened(plain());
    assert_eq!(circuit.check().unwrap_err().reason(), Reason::Open);
    assert_eq!(circuit.snapshot().refusals.open.enforced, 1);
    circuit.set_enforcement(0.99).unwrap();
    assert!(circuit.check().is_ok());
    circuit.set_enforcement(1.0).unwrap();
    circuit.set_mode(Mode::Observe);
    assert!(circuit.check().is_ok());
    circuit.set_mode(Mode::Enforce);
    clock.advance(secs(1));
    assert!(circuit.check().is_ok());
    assert_eq!(circuit.state(), State::Open);
    let _probe = admitted(&circuit);
    assert_eq!(circuit.check().unwrap_err().reason(), Reason::HalfOpen);
}

#[test]
fn a_quiet_acquire_counts_no_refusal_and_bypasses_nothing() {
    let (circuit, clock) = opened(plain());
    assert!(circuit.try_acquire_quietly().is_none());
    circuit.set_mode(Mode::Observe);
    assert!(circuit.try_acquire_quietly().is_none());
    assert_eq!(circuit.snapshot().refusals.detected(), 0);
    clock.advance(secs(1));
    let probe = circuit.try_acquire_quietly().unwrap();
    assert!(circuit.try_acquire_quietly().is_none());
    probe.record(Outcome::Success);
    end(&circuit, Outcome::Success);
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn the_fleet_opens_outside_the_row_closes_as_probes_do_and_holds_probes_back() {
    let (circuit, clock) = opened(plain());
    circuit.remote_open(secs(7));
    let now = circuit.snapshot();
    assert_eq!((now.open_wait, now.opens_in_row), (Some(secs(7)), 1));
    circuit.hold_probes(secs(8));
    clock.advance(secs(8) - NANOSECOND);
    assert_eq!(refused(&circuit), Some(Reason::Open));
    clock.advance(NANOSECOND);
    drop(admitted(&circuit));
    circuit.hold_probes(secs(50));
    let rejected = circuit.try_acquire().unwrap_err();
    assert_eq!((rejected.reason(), rejected.remaining()), (Reason::HalfOpen, secs(50)));
    circuit.remote_close();
    assert_eq!((circuit.state(), circuit.snapshot().opens_in_row), (State::Closed, 0));
    // Closing ended the hold.
    fail(&circuit, 3);
    clock.advance(secs(1));
    let _probe = admitted(&circuit);
}

#[test]
fn under_a_force_the_fleet_is_ignored() {
    for force in [Circuit::force_open, Circuit::force_closed] {
        let (circuit, _) = circuit(plain());
        force(&circuit);
        let before = circuit.snapshot();
        circuit.remote_open(secs(7));
        circuit.remote_close();
        circuit.hold_probes(secs(7));
        assert_eq!(circuit.snapshot(), before);
    }
}
