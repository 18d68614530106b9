//! What a fleet sees of a circuit, and what it does to it.

use std::task::Waker;

use tower_breaker_core::{Circuits, Forced, Mode, Readiness, Reason, State, Turn};

use super::{admitted, circuit, end, fail, ms, opened, plain, ready, refused, secs};
use tower_breaker_core::Outcome;

#[test]
fn every_command_is_counted_and_a_force_that_ends_by_itself_is_none() {
    let (circuit, clock) = circuit(plain());
    assert_eq!(circuit.by_hand(), Default::default());
    circuit.force_open_for(secs(5));
    clock.advance(secs(2));
    let by_hand = circuit.by_hand();
    assert_eq!((by_hand.commands, by_hand.force), (1, Some(Forced::OpenFor(secs(3)))));
    clock.advance(secs(3));
    assert_eq!((circuit.by_hand().commands, circuit.by_hand().force), (1, None));
    circuit.force_open();
    circuit.force_closed();
    assert_eq!((circuit.by_hand().commands, circuit.by_hand().force), (3, Some(Forced::Closed)));
    circuit.set_mode(Mode::Observe);
    circuit.set_enforcement(0.5).expect("a share");
    let by_hand = circuit.by_hand();
    assert_eq!((by_hand.commands, by_hand.mode, by_hand.enforcement), (5, Some(Mode::Observe), Some(0.5)));
    assert_eq!(by_hand.last_reset, 0);
}

#[test]
fn a_reset_is_seen_although_nothing_was_set() {
    let (circuit, _) = circuit(plain());
    circuit.reset();
    let by_hand = circuit.by_hand();
    assert_eq!((by_hand.commands, by_hand.last_reset, by_hand.force), (1, 1, None));
    circuit.set_mode(Mode::Enforce);
    assert_eq!((circuit.by_hand().commands, circuit.by_hand().last_reset), (2, 1));
}

#[test]
fn what_the_fleet_and_calls_do_is_no_command() {
    let (circuit, _) = opened(plain());
    circuit.remote_close();
    circuit.remote_open(secs(1));
    circuit.hold_probes(secs(1));
    assert_eq!(circuit.by_hand().commands, 0);
}

#[test]
fn a_hold_ends_at_its_deadline_or_when_it_is_let_go() {
    let (circuit, clock) = ready(plain());
    circuit.hold_probes(secs(3));
    assert_eq!(refused(&circuit), Some(Reason::Open));
    clock.advance(secs(3) - ms(1));
    assert_eq!(refused(&circuit), Some(Reason::Open));
    clock.advance(ms(1));
    end(&circuit, Outcome::Failure);
    clock.advance(secs(1));
    circuit.hold_probes(secs(3));
    circuit.hold_probes(ms(0));
    let _probe = admitted(&circuit);
    assert_eq!(circuit.state(), State::HalfOpen);
}

#[test]
fn those_who_wait_under_backpressure_are_seen() {
    let (circuit, _) = opened(plain());
    let mut turns = [Turn::new(circuit.clone()), Turn::new(circuit.clone())];
    for turn in &mut turns {
        assert!(matches!(turn.wait(Waker::noop()), Readiness::Wait { .. }));
    }
    assert_eq!((circuit.waiting(), circuit.snapshot().refusals.detected()), (2, 0));
    drop(turns);
    assert_eq!(circuit.waiting(), 0);
}

#[test]
fn a_weak_handle_lets_the_circuit_go_and_knows_it_from_its_successor() {
    let circuits = Circuits::new(plain().build().expect("a valid configuration"));
    let first = circuits.get_or_create("a");
    let weak = first.downgrade();
    assert!(weak.is_of(&first) && weak.upgrade().is_some());
    fail(&first, 1);
    drop((circuits.remove("a"), first));
    assert!(weak.upgrade().is_none());
    assert!(!weak.is_of(&circuits.get_or_create("a")));
    assert_eq!(circuits.departed().totals.failures, 1);
}

#[cfg(feature = "serde")]
#[test]
fn what_a_restart_restored_is_no_command() {
    let config = || plain().build().expect("a valid configuration");
    let before = Circuits::new(config());
    before.get_or_create("a").force_open();
    let after = Circuits::new(config());
    after.restore(&before.export()).expect("its own export");
    let by_hand = after.get_or_create("a").by_hand();
    assert_eq!((by_hand.commands, by_hand.force), (0, Some(Forced::Open)));
}
