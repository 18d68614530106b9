//! What an instance tells of its circuit, and when.

use super::*;

#[test]
fn what_was_counted_is_told_once() {
    let mut here = Here::knows_nothing();
    for outcome in [Outcome::Success, Outcome::Failure, Outcome::Success, Outcome::Failure] {
        assert!(here.calls(outcome));
    }
    let slow = here.admitted().expect("a call");
    here.pass(1_001);
    slow.record(Outcome::Success);
    let ask = here.is_told(&in_state(0, State::Closed), Lease::Free, 0);
    assert_eq!((ask.act, ask.calls, ask.failures, ask.slow), (Act::Report, 5, 2, 1));
    let totals = here.member.totals;
    assert_eq!((totals.calls, totals.failures, totals.slow, totals.seen_by), (9, 8, 7, 6));
    assert_eq!(here.says(), None);
}

#[test]
fn what_a_circuit_counted_before_the_fleet_is_news_only_if_it_was_made_since() {
    let failed = |circuit: &Circuit| circuit.try_acquire().expect("closed").record(Outcome::Failure);
    assert_eq!(Here::joins(failed, false).says(), None);
    let ask = Here::joins(failed, true).asks().expect("news").ask;
    assert_eq!((ask.act, ask.calls, ask.failures), (Act::Report, 1, 1));
}

#[test]
fn what_is_not_plainly_closed_is_told_again_before_it_expires() {
    let mut here = Here::new();
    here.pass(59_999);
    assert_eq!(here.says(), None);
    here.pass(1);
    assert_eq!(here.is_told(&open(1, 0), Lease::Free, 0).act, Act::Report);
    assert_eq!(here.says(), None, "for another while");
    here.hears(&in_state(2, State::Closed));
    here.pass(60_000);
    assert_eq!(here.says(), None, "what a newcomer assumes may expire");
}

#[test]
fn what_redis_may_have_forgotten_is_told_by_whoever_knows_it() {
    let mut here = Here::new();
    here.member.remind();
    let ask = here.is_told(&open(1, 0), Lease::Free, 0);
    assert_eq!((ask.act, ask.epoch, ask.state, ask.row), (Act::Report, 1, State::Open, 1));
    assert_eq!(ask.remaining, Duration::from_secs(1));
    assert_eq!(here.says(), None);
    let mut here = Here::knows_nothing();
    here.member.remind();
    assert_eq!(here.says(), None);
}

#[test]
fn who_was_away_tells_what_it_knows_and_not_what_it_counted() {
    let mut here = Here::new();
    here.hears(&in_state(2, State::Closed));
    assert!(here.calls(Outcome::Failure));
    here.member.rejoin(&here.circuit, false);
    let ask = here.asks().expect("what it knows").ask;
    assert_eq!((ask.act, ask.epoch, ask.calls), (Act::Report, 2, 0));
}

#[test]
fn who_was_away_for_too_long_knows_and_holds_nothing_but_what_operators_set() {
    let mut here = Here::new();
    here.pass(1_000);
    assert!(here.admitted().is_none());
    here.is_told(&open(1, 0), Lease::Mine, 60_000);
    here.member.rejoin(&here.circuit, true);
    assert!(here.member.line().is_none() && !here.member.probes(here.now));
    assert_eq!(here.says(), None);

    let mut here = Here::new();
    here.hears(&in_state(2, State::ForcedOpen));
    here.member.rejoin(&here.circuit, true);
    let ask = here.is_told(&in_state(0, State::Closed), Lease::Free, 0);
    assert_eq!((ask.act, ask.epoch), (Act::Report, 0));
    assert_eq!(here.says(), Some(Act::Hand(Some(State::ForcedOpen))));
}
