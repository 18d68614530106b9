//! Who probes while the fleet is open.

use std::task::Waker;

use tower_breaker_core::Turn;

use super::*;

/// Open, its wait over, somebody has called, and this instance probes for the next two seconds.
pub(super) fn holder() -> Here {
    let mut here = Here::new();
    here.pass(1_000);
    assert!(here.admitted().is_none(), "nobody probes unasked");
    assert_eq!(here.is_told(&open(1, 0), Lease::Mine, 2_000).act, Act::Want);
    here
}

#[test]
fn callers_that_were_refused_before_a_holder_left_are_reason_enough_to_ask() {
    let mut here = Here::new();
    here.pass(2_000);
    assert_eq!(here.says(), None, "nobody has called");
    assert!(here.admitted().is_none());
    here.hears(&open(2, 0));
    assert_eq!(here.says(), Some(Act::Want));
}

#[test]
fn nobody_asks_before_the_wait_is_over_and_then_who_has_callers() {
    let mut here = Here::new();
    here.pass(999);
    let mut turn = Turn::new(here.circuit.clone());
    let _ = turn.wait(Waker::noop());
    assert_eq!(here.says(), None);
    here.pass(1);
    let ask = here.is_told(&open(1, 0), Lease::Free, 0);
    assert_eq!(ask.act, Act::Want, "one waits under backpressure");
    drop(turn);
    assert_eq!(here.says(), None);
}

#[test]
fn a_holder_may_probe_until_its_lease_ends() {
    let mut here = holder();
    assert!(here.member.probes(here.now));
    here.pass(1_999);
    assert_eq!(here.says(), None, "it asks for no more of it without a probe or a caller");
    assert!(here.member.probes(here.now));
    here.pass(1);
    assert!(!here.member.probes(here.now));
}

#[test]
fn a_holder_with_a_probe_out_renews_its_lease_until_the_probe_decides() {
    for (outcome, act) in [(Outcome::Success, Act::Close), (Outcome::Failure, Act::Reopen)] {
        let mut here = holder();
        let probe = here.admitted().expect("its probe");
        assert_eq!(here.is_told(&open(1, 0), Lease::Mine, 2_000).act, Act::Want);
        here.pass(1_000);
        assert_eq!(here.is_told(&open(1, 0), Lease::Mine, 2_000).act, Act::Want);
        probe.record(outcome);
        let ask = here.asks().expect("what it decided").ask;
        let wait = here.circuit.snapshot().open_remaining;
        assert_eq!((ask.act, ask.epoch, ask.remaining), (act, 1, wait.unwrap_or_default()));
        assert_eq!(wait.is_some(), act == Act::Reopen);
    }
}

#[test]
fn what_an_instance_counts_while_the_fleet_is_open_is_told_to_nobody() {
    let mut here = holder();
    assert!(here.calls(Outcome::Success));
    let ask = here.asks().expect("the close").ask;
    assert_eq!((ask.act, ask.calls, ask.failures), (Act::Close, 0, 0));
}

#[test]
fn who_is_told_that_another_one_probes_asks_when_that_lease_ends() {
    let mut here = Here::new();
    here.pass(1_000);
    assert!(here.admitted().is_none());
    here.is_told(&open(1, 0), Lease::Other, 2_000);
    assert!(!here.member.probes(here.now));
    for (millis, act) in [(1_999, None), (1, Some(Act::Want))] {
        here.pass(millis);
        assert!(here.admitted().is_none());
        assert_eq!(here.says(), act);
    }
}

#[test]
fn nobody_probes_by_himself_while_he_hears_of_the_fleet_and_afterwards_everybody() {
    let mut here = Here::new();
    for _ in 0..3 {
        here.pass(4_000);
        assert_eq!(here.says(), None, "no caller, no question");
    }
    for _ in 0..3 {
        assert!(here.admitted().is_none());
        here.is_told(&open(1, 0), Lease::Other, 4_000);
        here.pass(4_000);
    }
    here.says();
    here.pass(5_000);
    let probe = here.admitted().expect("a probe of its own");
    // Whoever calls meanwhile is refused, and the fleet's lease is worth asking for again.
    assert!(here.admitted().is_none());
    here.is_told(&open(1, 0), Lease::Other, 4_000);
    // One that was not let probe opens none but its own.
    probe.record(Outcome::Failure);
    assert_eq!(here.says(), None);
}

#[test]
fn who_asks_and_is_not_answered_probes_by_himself_however_well_redis_can_be_read() {
    let mut here = Here::new();
    here.pass(4_000);
    assert!(here.admitted().is_none());
    for second in 0..5 {
        assert_eq!(here.says(), Some(Act::Want), "it asks until it is answered");
        assert!(here.admitted().is_none(), "after {second} s");
        here.member.rejoin(&here.circuit, false);
        here.pass(1_000);
    }
    here.says();
    assert!(here.admitted().is_some());
}

#[test]
fn an_answer_holds_probing_back_again_and_so_does_another_open() {
    let mut here = Here::new();
    here.pass(4_000);
    assert!(here.admitted().is_none());
    here.says();
    here.pass(4_000);
    assert_eq!(here.is_told(&open(1, 0), Lease::Other, 2_000).act, Act::Want);
    assert_eq!(here.says(), None, "another one probes");
    here.pass(4_000);
    assert!(here.admitted().is_none());

    assert_eq!(here.says(), Some(Act::Want));
    here.pass(2_000);
    here.hears(&open(2, 14_000));
    here.pass(5_000);
    assert_eq!(here.says(), None, "what was asked is of the open before");
    here.pass(4_000);
    assert!(here.admitted().is_none());
}

#[test]
fn a_probe_of_its_own_that_failed_before_it_had_the_lease_opens_nothing_again() {
    let mut here = Here::new();
    here.pass(6_000);
    assert!(here.calls(Outcome::Failure), "nobody was heard of for so long");
    here.pass(1_000);
    here.says();
    assert!(here.admitted().is_none());
    assert_eq!(here.is_told(&open(1, 0), Lease::Mine, 2_000).act, Act::Want);
    assert_eq!(here.says(), None, "it has not probed for all yet");
    assert!(here.calls(Outcome::Failure));
    assert_eq!(here.says(), Some(Act::Reopen));
}

#[test]
fn a_probe_of_its_own_that_is_well_as_the_lease_comes_closes_for_all() {
    let mut here = Here::new();
    here.pass(6_000);
    let probe = here.admitted().expect("nobody was heard of for so long");
    assert!(here.admitted().is_none());
    let asked = here.asks().expect("for the others");
    probe.record(Outcome::Success);
    here.is_answered(&asked, &open(1, 0), Lease::Mine, 2_000);
    assert_eq!(here.says(), Some(Act::Close));
}

#[test]
fn callers_who_are_refused_while_a_probe_of_its_own_is_out_are_reason_to_ask() {
    let mut here = Here::new();
    here.pass(6_000);
    let _probe = here.admitted().expect("nobody was heard of for so long");
    assert_eq!(here.says(), None);
    assert!(here.admitted().is_none());
    assert_eq!(here.says(), Some(Act::Want));
}

#[test]
fn who_leaves_lets_another_one_probe_if_it_was_the_one() {
    let mut here = holder();
    let left = here.member.leave(&here.circuit, &TERMS, here.now).expect("a word of farewell").ask;
    assert_eq!((left.act, left.epoch, left.calls), (Act::Leave, 1, 0));
    here.pass(2_000);
    assert!(here.member.leave(&here.circuit, &TERMS, here.now).is_none());
}

#[test]
fn a_forced_circuit_neither_probes_nor_asks() {
    let mut here = holder();
    // As one that was restored: no command.
    here.circuit.force_open();
    here.member.commands += 1;
    assert!(here.admitted().is_none());
    assert_eq!(here.says(), None);
}
