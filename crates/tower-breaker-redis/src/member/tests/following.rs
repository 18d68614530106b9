//! What an instance makes of lines of the fleet.

use tower_breaker_core::{Mode, State as Local};

use super::{probing::holder, *};

#[test]
fn a_line_from_before_what_is_known_changes_nothing() {
    let mut here = Here::knows_nothing();
    here.hears(&in_state(3, State::Closed));
    here.hears(&open(2, 0));
    assert_eq!(here.circuit.state(), Local::Closed);
}

#[test]
fn an_open_of_a_fleet_that_forgot_a_plain_close_and_began_anew_is_followed() {
    for (line, since, news, follows) in [
        (in_state(2, State::Closed), 120_000, true, true),
        (in_state(2, State::Reset), 120_000, true, true),
        // It cannot have expired, it came with an index made anew, it is no plain one.
        (in_state(2, State::Closed), 119_999, true, false),
        (in_state(2, State::Closed), 120_000, false, false),
        (in_state(2, State::ForcedClosed), 120_000, true, false),
    ] {
        let mut here = Here::knows_nothing();
        assert!(here.calls(Outcome::Success));
        here.is_told(&line, Lease::Free, 0);
        here.pass(since);
        here.member.follow(&here.circuit, &open(1, here.redis_now), &TERMS, here.redis_now, here.now, news, false);
        assert_eq!(here.circuit.state() == Local::Open, follows, "{line:?} of {since} ms ago, news {news}");
        assert_eq!(here.member.line().expect("a line").epoch, if follows { 1 } else { 2 });
    }
}

#[test]
fn a_line_heard_twice_is_done_once() {
    let mut here = Here::knows_nothing();
    here.hears(&in_state(2, State::Reset));
    assert_eq!(here.circuit.by_hand().commands, 1);
    here.hears(&in_state(2, State::Reset));
    assert_eq!(here.circuit.by_hand().commands, 1);
}

#[test]
fn of_two_lines_of_one_epoch_the_later_one_stands() {
    let mut here = Here::new();
    here.hears(&in_state(1, State::ForcedClosed));
    assert_eq!(here.mode(), ActiveMode::ForcedClosed);
    here.hears(&Line { mode: Some(Mode::Observe), ..in_state(1, State::ForcedClosed) });
    here.hears(&Line { enforcement: Some(0.5), ..in_state(1, State::ForcedClosed) });
    assert_eq!((here.circuit.by_hand().mode, here.circuit.by_hand().enforcement), (None, Some(0.5)));
    for until in [3_000, 7_000] {
        here.hears(&Line { until, ..in_state(1, State::ForcedOpen) });
        let left = Duration::from_millis(until.unsigned_abs());
        assert_eq!(here.circuit.by_hand().force, Some(Forced::OpenFor(left + TERMS.hold)));
    }
}

#[test]
fn a_line_of_the_same_epoch_with_other_times_begins_nothing_anew() {
    // As Redis writes it that was emptied and told, or whose clock was set back.
    let mut here = holder();
    let generation = here.generation();
    here.hears(&Line { wait: 2_000, ..open(1, 1_000) });
    assert!(here.member.probes(here.now));
    assert_eq!(here.generation(), generation);
    let _probe = here.admitted().expect("its probe");
    here.pass(1_999);
    assert!(here.admitted().is_none());
    assert_eq!(here.says(), None, "its wait is the one Redis has");
    here.pass(1);
    assert!(here.admitted().is_none());
    assert_eq!(here.says(), Some(Act::Want));

    let mut here = Here::knows_nothing();
    here.hears(&in_state(2, State::Reset));
    here.hears(&Line { since: 1, ..in_state(2, State::Reset) });
    assert_eq!(here.circuit.by_hand().commands, 1);
}

#[test]
fn a_reset_is_done_if_it_comes_as_news_or_to_one_that_knew_the_fleet() {
    for (known, news, opens) in [(true, true, false), (true, false, false), (false, true, false), (false, false, true)]
    {
        let mut here = Here::knows_nothing();
        if known {
            here.hears(&in_state(1, State::Closed));
        }
        while here.calls(Outcome::Failure) {}
        here.member.follow(&here.circuit, &in_state(2, State::Reset), &TERMS, 0, here.now, news, false);
        assert_eq!(here.circuit.state() == Local::Open, opens, "known {known}, news {news}");
    }
}

#[test]
fn a_mode_set_elsewhere_long_after_a_reset_resets_nothing() {
    let mut here = Here::knows_nothing();
    here.hears(&in_state(2, State::Reset));
    while here.calls(Outcome::Failure) {}
    here.hears(&Line { mode: Some(Mode::Enforce), ..in_state(3, State::Reset) });
    assert_eq!((here.circuit.state(), here.circuit.by_hand().mode), (Local::Open, Some(Mode::Enforce)));
    here.hears(&Line { since: 1, ..in_state(4, State::Reset) });
    assert_eq!(here.circuit.state(), Local::Closed, "another reset");
}

#[test]
fn a_reset_told_anew_to_an_emptied_redis_is_no_other_reset() {
    let mut here = Here::knows_nothing();
    here.hears(&in_state(2, State::Reset));
    here.hears(&Line { since: 500, ..in_state(2, State::Reset) });
    while here.calls(Outcome::Failure) {}
    here.hears(&Line { since: 500, mode: Some(Mode::Enforce), ..in_state(3, State::Reset) });
    assert_eq!(here.circuit.state(), Local::Open);
}

#[test]
fn the_fleet_closes_what_it_opened_and_no_local_trip() {
    let mut here = Here::new();
    assert_eq!(here.circuit.state(), Local::Open);
    here.hears(&in_state(2, State::Closed));
    assert_eq!(here.circuit.state(), Local::Closed);
    while here.calls(Outcome::Failure) {}
    here.hears(&Line { mode: Some(Mode::Enforce), ..in_state(3, State::Closed) });
    assert_eq!(here.circuit.state(), Local::Open);
}

#[test]
fn a_mode_set_while_a_probe_is_out_leaves_the_probe_and_the_lease() {
    let mut here = holder();
    let probe = here.admitted().expect("its probe");
    here.hears(&Line { mode: Some(Mode::Enforce), ..open(2, 0) });
    assert!(here.member.probes(here.now));
    probe.record(Outcome::Success);
    assert_eq!(here.says(), Some(Act::Close));
}

#[test]
fn who_probed_does_so_no_more_when_the_fleet_is_closed_or_opens_anew() {
    for line in [in_state(2, State::Closed), open(2, 500)] {
        let mut here = holder();
        here.hears(&line);
        assert!(!here.member.probes(here.now), "{line:?}");
    }
}

#[test]
fn the_end_of_a_force_is_told_with_what_is_left_of_it() {
    let mut here = Here::new();
    here.hears(&Line { until: 3_000, ..in_state(2, State::ForcedOpen) });
    here.pass(1_000);
    here.member.remind();
    let ask = here.asks().expect("what it knows").ask;
    assert_eq!((ask.state, ask.force_left), (State::ForcedOpen, Some(Duration::from_secs(2))));
}

#[test]
fn a_mode_or_a_share_lifted_while_the_fleet_is_open_leaves_it_open() {
    for (mode, enforcement) in [(Some(Mode::Observe), None), (None, Some(0.5))] {
        let mut here = Here::new();
        here.hears(&Line { mode, enforcement, ..open(2, 0) });
        here.pass(500);
        here.hears(&open(3, 0));
        let hand = here.circuit.by_hand();
        assert_eq!((hand.mode, hand.enforcement), (None, None));
        assert_eq!(
            here.circuit.snapshot().open_remaining,
            Some(Duration::from_millis(500)).map(|left| left + TERMS.hold)
        );
        assert_eq!(here.says(), None, "it did not close");
        here.pass(500);
        assert!(here.admitted().is_none(), "nobody probes unasked");
        assert_eq!(here.says(), Some(Act::Want));
    }
}
