//! Who has the right to the next probe, and until when.

use std::{task::Waker, time::Duration};

use tower_breaker_core::{Circuit, Outcome, Readiness, State, Turn};

use super::{SECOND, Wakes, config, fail, looks_again, open, ready_to_probe};

#[test]
fn an_asker_pending_on_its_inner_service_hears_that_its_lease_is_gone() {
    type Happens = (&'static str, fn(&Circuit));
    let again: [Happens; 3] = [
        ("reopened by another probe", |circuit| circuit.try_acquire().unwrap().record(Outcome::Failure)),
        ("reset and tripped", |circuit| {
            circuit.reset();
            fail(circuit);
        }),
        ("forced open", Circuit::force_open),
    ];
    for (how, again) in again {
        for backpressure in [false, true] {
            let (circuit, _clock) = ready_to_probe(config().half_open_max_concurrent(2));
            let (wakes, waker) = Wakes::new();
            let mut turn = Turn::new(circuit.clone());
            let readiness = if backpressure { turn.wait(&waker) } else { turn.ask() };
            assert_eq!(readiness, Readiness::Pass);
            turn.watch(&waker);
            again(&circuit);
            assert_eq!(circuit.state(), State::Open);
            assert_eq!(wakes.count(), 1, "{how}, backpressure {backpressure}");
        }
    }
}

#[test]
fn nobody_overtakes_the_queue_as_the_wait_ends() {
    let (circuit, clock) = open(config());
    let mut first = Turn::new(circuit.clone());
    first.wait(Waker::noop());
    clock.advance(SECOND);
    assert!(circuit.try_acquire().is_err());
    assert_eq!(Turn::new(circuit.clone()).ask(), Readiness::Refuse);
    assert!(circuit.would_refuse());
    assert_eq!(first.wait(Waker::noop()), Readiness::Pass);
    assert!(first.acquire().is_ok());
}

#[test]
fn one_asker_has_the_lease_until_its_inner_service_answered() {
    let (circuit, _clock) = ready_to_probe(config());
    let mut turns = [(); 3].map(|()| Turn::new(circuit.clone()));
    let asks = |turns: &mut [Turn; 3]| turns.each_mut().map(Turn::ask);
    assert_eq!(asks(&mut turns), [Readiness::Pass, Readiness::Refuse, Readiness::Refuse]);
    assert_eq!(asks(&mut turns)[0], Readiness::Pass, "it has it still");
    turns[2].answered();
    assert_eq!(turns[1].ask(), Readiness::Refuse, "who has none ends none");
    turns[0].answered();
    assert_eq!(turns[1].ask(), Readiness::Pass);
}

#[test]
fn who_waits_with_a_lease_sleeps_on_and_who_has_none_is_woken_at_once() {
    let (circuit, _clock) = ready_to_probe(config());
    let (wakes, waker) = Wakes::new();
    let (mut first, mut late) = (Turn::new(circuit.clone()), Turn::new(circuit.clone()));
    assert_eq!(first.ask(), Readiness::Pass);
    first.watch(&waker);
    assert_eq!(wakes.count(), 0);
    fail(&circuit);
    assert_eq!((circuit.state(), wakes.count()), (State::Open, 1));
    late.watch(&waker);
    assert_eq!(wakes.count(), 2, "it refuses already");
    circuit.reset();
    late.watch(&waker);
    assert_eq!(wakes.count(), 2, "all pass");
}

#[test]
fn a_turn_dropped_gives_its_place_in_the_queue_on() {
    let (circuit, clock) = open(config());
    let (mut first, mut second) = (Turn::new(circuit.clone()), Turn::new(circuit.clone()));
    let (wakes, waker) = Wakes::new();
    first.wait(Waker::noop());
    second.wait(&waker);
    drop(first);
    // It keeps the time now.
    assert_eq!(wakes.count(), 1);
    assert_eq!(looks_again(second.wait(&waker)), Some(SECOND));
    clock.advance(SECOND);
    assert_eq!(second.wait(&waker), Readiness::Pass);
}

#[test]
fn places_go_to_the_queue_in_order_and_one_given_back_to_the_next() {
    let (circuit, clock) = open(config().success_threshold(4).half_open_max_concurrent(2));
    let wakers = [(); 4].map(|()| Wakes::new());
    let mut turns = [(); 4].map(|()| Turn::new(circuit.clone()));
    let passing = |turns: &mut [Turn]| -> Vec<bool> {
        turns.iter_mut().zip(&wakers).map(|(turn, (_, waker))| turn.wait(waker) == Readiness::Pass).collect()
    };
    assert_eq!(passing(&mut turns), [false; 4]);
    clock.advance(SECOND);
    assert_eq!(passing(&mut turns), [true, true, false, false]);
    assert!(circuit.try_acquire().is_err(), "both places are reserved");
    let [first, rest @ ..] = &mut turns;
    let probe = first.acquire().expect("its place");
    assert_eq!(passing(rest), [true, false, false], "its place is taken, not free");
    probe.record(Outcome::Success);
    assert_eq!(passing(rest), [true, true, false]);
    // Who goes gives up its own place, not another's.
    let [second, rest @ ..] = rest;
    *second = Turn::new(circuit.clone());
    assert_eq!(passing(rest), [true, true]);
}

#[test]
fn the_lease_of_one_that_slept_through_the_end_of_the_wait_began_then() {
    let (circuit, clock) = open(config().half_open_timeout(SECOND * 10));
    let (mut sleeper, mut other) = (Turn::new(circuit.clone()), Turn::new(circuit));
    sleeper.wait(Waker::noop());
    clock.advance(SECOND * 11 - Duration::from_nanos(1));
    assert_eq!(other.ask(), Readiness::Refuse);
    clock.advance(Duration::from_nanos(1));
    assert_eq!(other.ask(), Readiness::Pass);
}

#[test]
fn a_place_leased_and_not_used_goes_on_after_half_open_timeout_or_a_minute() {
    for (timeout, lease) in [(Some(SECOND * 10), SECOND * 10), (None, SECOND * 60)] {
        for backpressure in [true, false] {
            let (circuit, clock) = ready_to_probe(config().half_open_timeout(timeout));
            let pass = |turn: &mut Turn| {
                let readiness = if backpressure { turn.wait(Waker::noop()) } else { turn.ask() };
                readiness == Readiness::Pass
            };
            let (mut holder, mut other) = (Turn::new(circuit.clone()), Turn::new(circuit.clone()));
            assert!(pass(&mut holder));
            clock.advance(lease - Duration::from_nanos(1));
            assert!(!pass(&mut other), "{timeout:?}, backpressure {backpressure}");
            clock.advance(Duration::from_nanos(1));
            assert!(pass(&mut other), "{timeout:?}, backpressure {backpressure}");
            assert!(!pass(&mut holder), "it is another's now");
        }
    }
}
