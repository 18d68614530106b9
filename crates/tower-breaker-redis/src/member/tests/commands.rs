//! What operators do, here and elsewhere.

use tower_breaker_core::Mode;

use super::*;

#[test]
fn what_an_operator_did_and_nobody_heard_of_outlives_what_the_fleet_says_meanwhile() {
    // A holder that left, a probe that failed, a close.
    for line in [open(2, 0), open(2, 700), Line { state: State::Closed, ..open(2, 700) }] {
        let mut here = Here::new();
        here.circuit.force_open();
        here.hears(&line);
        assert_eq!(here.mode(), ActiveMode::ForcedOpen, "{line:?}");
        assert_eq!(here.says(), Some(Act::Hand(Some(State::ForcedOpen))), "{line:?}");

        let mut here = Here::new();
        here.circuit.set_mode(Mode::Observe);
        here.hears(&line);
        assert_eq!(here.circuit.by_hand().mode, Some(Mode::Observe), "{line:?}");
        assert_eq!(here.says(), Some(Act::Hand(None)), "{line:?}");
    }
}

#[test]
fn what_an_operator_did_elsewhere_is_done_here() {
    let mut here = Here::new();
    here.hears(&Line { mode: Some(Mode::Observe), ..open(2, 0) });
    assert_eq!(here.circuit.by_hand().mode, Some(Mode::Observe));
    here.hears(&Line { enforcement: Some(0.5), ..open(3, 0) });
    assert_eq!((here.circuit.by_hand().mode, here.circuit.by_hand().enforcement), (None, Some(0.5)));
    here.hears(&open(4, 0));
    assert_eq!(here.circuit.by_hand().enforcement, None);
    here.hears(&Line { state: State::ForcedOpen, ..open(5, 900) });
    assert_eq!(here.circuit.by_hand().force, Some(Forced::Open));
    here.hears(&Line { until: 3_000, ..in_state(6, State::ForcedOpen) });
    assert_eq!(here.circuit.by_hand().force, Some(Forced::OpenFor(Duration::from_secs(3) + TERMS.hold)));
    here.hears(&in_state(7, State::ForcedClosed));
    assert_eq!(here.circuit.by_hand().force, Some(Forced::Closed));
    assert_eq!(here.says(), None, "none of it is news to the fleet");
}

#[test]
fn a_command_is_told_once_with_all_that_stands() {
    for (force, state, left) in [
        (Circuit::force_open as fn(&Circuit), State::ForcedOpen, None),
        (|circuit| circuit.force_open_for(Duration::from_secs(3)), State::ForcedOpen, Some(Duration::from_secs(3))),
        (Circuit::force_closed, State::ForcedClosed, None),
    ] {
        let mut here = Here::new();
        here.circuit.set_mode(Mode::Observe);
        here.circuit.set_enforcement(0.5).expect("a share");
        force(&here.circuit);
        let until = left.map_or(-1, |_| 3_000);
        let line = Line { mode: Some(Mode::Observe), enforcement: Some(0.5), until, ..in_state(2, state) };
        let ask = here.is_told(&line, Lease::Free, 0);
        assert_eq!((ask.act, ask.epoch, ask.state, ask.force_left), (Act::Hand(Some(state)), 1, state, left));
        assert_eq!((ask.mode, ask.enforcement), (Some(Mode::Observe), Some(0.5)));
        assert_eq!(here.says(), None);
    }
}

#[test]
fn a_reset_is_told_also_where_commands_followed_it() {
    let mut here = Here::new();
    here.circuit.reset();
    here.circuit.set_mode(Mode::Observe);
    let line = Line { mode: Some(Mode::Observe), ..in_state(2, State::Reset) };
    assert_eq!(here.is_told(&line, Lease::Free, 0).act, Act::Hand(Some(State::Reset)));
    here.circuit.set_mode(Mode::Enforce);
    assert_eq!(here.says(), Some(Act::Hand(None)), "the reset is known");
}

#[test]
fn what_was_set_here_is_not_done_a_second_time_when_the_fleet_repeats_it() {
    let mut here = Here::new();
    here.circuit.reset();
    here.is_told(&in_state(2, State::Reset), Lease::Free, 0);
    assert_eq!(here.circuit.by_hand().commands, 1);
    here.circuit.force_open_for(Duration::from_secs(3));
    here.is_told(&Line { until: 3_000, ..in_state(3, State::ForcedOpen) }, Lease::Free, 0);
    here.circuit.set_mode(Mode::Observe);
    let line = Line { until: 3_000, mode: Some(Mode::Observe), ..in_state(4, State::ForcedOpen) };
    here.is_told(&line, Lease::Free, 0);
    assert_eq!(here.circuit.by_hand().commands, 3, "the force did not begin anew");
}

#[test]
fn a_command_given_while_another_one_is_on_its_way_is_told_next_as_of_the_epoch_that_one_made() {
    let mut here = Here::new();
    here.circuit.set_mode(Mode::Observe);
    let asked = here.asks().expect("a command");
    here.circuit.set_mode(Mode::Enforce);
    here.is_answered(&asked, &Line { mode: Some(Mode::Observe), ..open(2, 0) }, Lease::Free, 0);
    let ask = here.asks().expect("the other one").ask;
    assert_eq!((ask.act, ask.mode, ask.epoch), (Act::Hand(None), Some(Mode::Enforce), 2));
}

#[test]
fn what_reached_the_fleet_shortly_before_a_command_is_done_here_too() {
    let mut here = Here::new();
    here.circuit.set_mode(Mode::Observe);
    // Another one's force had epoch 2.
    let line = Line { mode: Some(Mode::Observe), ..in_state(3, State::ForcedOpen) };
    here.is_told(&line, Lease::Free, 0);
    assert_eq!(here.mode(), ActiveMode::ForcedOpen);
    assert_eq!(here.says(), None);
}

#[test]
fn a_command_that_came_too_late_to_be_taken_is_told_again() {
    for (line, forces) in
        [(open(1, 0), true), (in_state(4, State::ForcedOpen), true), (open(1, 0), false), (open(4, 0), false)]
    {
        let mut here = Here::new();
        let command =
            |here: &Here| if forces { here.circuit.force_closed() } else { here.circuit.set_mode(Mode::Observe) };
        command(&here);
        let first = here.is_told(&line, Lease::Free, 0);
        let hand = here.circuit.by_hand();
        assert_eq!(
            (hand.force, hand.mode),
            if forces { (Some(Forced::Closed), None) } else { (None, Some(Mode::Observe)) }
        );
        let again = here.asks().expect("the command").ask;
        assert_eq!((again.act, again.state, again.mode), (first.act, first.state, first.mode), "{line:?}");
    }
    // Also where there was another reset before, and where Redis knows nothing of the circuit.
    let mut here = Here::knows_nothing();
    here.hears(&in_state(2, State::Reset));
    here.circuit.reset();
    here.is_told(&in_state(2, State::Reset), Lease::Free, 0);
    assert_eq!(here.says(), Some(Act::Hand(Some(State::Reset))));
    let mut here = Here::knows_nothing();
    here.circuit.reset();
    here.is_told(&in_state(0, State::Closed), Lease::Free, 0);
    assert_eq!(here.says(), Some(Act::Hand(Some(State::Reset))));
}

#[test]
fn a_change_beside_a_force_does_not_begin_the_force_anew() {
    for state in [State::ForcedOpen, State::ForcedClosed] {
        let mut here = Here::new();
        here.hears(&in_state(2, state));
        let generation = here.generation();
        here.hears(&Line { mode: Some(Mode::Observe), ..in_state(3, state) });
        assert_eq!((here.generation(), here.circuit.by_hand().mode), (generation, Some(Mode::Observe)), "{state:?}");
    }
}

#[test]
fn what_was_set_before_there_was_a_fleet_is_told_if_the_fleet_knows_nothing_and_else_gives_way() {
    for (set, state) in [
        (Circuit::force_open as fn(&Circuit), Some(State::ForcedOpen)),
        (|circuit| circuit.set_mode(Mode::Observe), None),
        (|circuit| circuit.set_enforcement(0.5).expect("a share"), None),
    ] {
        let mut here = Here::joins(set, false);
        let ask = here.is_told(&in_state(0, State::Closed), Lease::Free, 0);
        assert_eq!((ask.act, ask.epoch), (Act::Report, 0));
        assert_eq!(here.says(), Some(Act::Hand(state)));

        let mut here = Here::joins(set, false);
        here.is_told(&in_state(7, State::Closed), Lease::Free, 0);
        let hand = here.circuit.by_hand();
        assert_eq!((hand.force, hand.mode, hand.enforcement, here.says()), (None, None, None, None));
    }
}

#[test]
fn what_was_set_before_gives_way_also_to_what_is_heard_shortly_before_it_is_told() {
    for line in
        [open(1, 0), in_state(1, State::ForcedClosed), Line { mode: Some(Mode::Enforce), ..in_state(1, State::Closed) }]
    {
        let mut here = Here::joins(Circuit::force_open, false);
        here.is_told(&in_state(0, State::Closed), Lease::Free, 0);
        here.hears(&line);
        assert_ne!(here.mode(), ActiveMode::ForcedOpen, "{line:?}");
        assert_eq!(here.says(), None, "{line:?}");
    }
    let mut here = Here::joins(Circuit::force_open, false);
    here.is_told(&in_state(0, State::Closed), Lease::Free, 0);
    here.circuit.reset();
    assert_eq!(here.says(), Some(Act::Hand(Some(State::Reset))), "what was done since is a command");
    here.hears(&open(1, 0));
    assert_eq!(here.says(), Some(Act::Hand(Some(State::Reset))));
}

#[test]
fn a_timed_force_ends_with_a_question_and_for_want_of_an_answer_a_hold_later() {
    let timed = Line { until: 3_000, ..in_state(2, State::ForcedOpen) };
    for answered in [true, false] {
        let mut here = Here::new();
        here.hears(&timed);
        here.pass(2_999);
        assert_eq!(here.says(), None);
        here.pass(1);
        assert_eq!(here.is_told(&timed, Lease::Free, 0).act, Act::Report);
        let asked = here.asks().expect("until the fleet's force is over");
        assert!(here.admitted().is_none());
        if answered {
            // Redis leaves the end of the force where it was.
            here.is_answered(&asked, &Line { wait: 0, until: 3_000, ..open(3, 3_000) }, Lease::Free, 0);
            assert_eq!((here.mode(), here.says()), (ActiveMode::Enforce, None));
            assert!(here.admitted().is_none(), "nobody probes unasked");
            assert_eq!(here.says(), Some(Act::Want));
        } else {
            here.pass(4_999);
            assert!(here.admitted().is_none());
            here.pass(1);
            assert!(here.admitted().is_some());
        }
    }
}

#[test]
fn a_command_beside_a_timed_force_from_elsewhere_does_not_lengthen_it() {
    let mut here = Here::new();
    here.hears(&Line { until: 3_000, ..in_state(2, State::ForcedOpen) });
    for (left, act) in [(3, Act::Hand(Some(State::ForcedOpen))), (0, Act::Hand(None))] {
        here.circuit.set_mode(Mode::Observe);
        let ask = here.asks().expect("a command").ask;
        assert_eq!((ask.act, ask.force_left), (act, Some(Duration::from_secs(left))));
        here.pass(left * 1_000);
    }
    here.circuit.force_open_for(Duration::from_secs(9));
    assert_eq!(here.asks().expect("a command").ask.force_left, Some(Duration::from_secs(9)), "its own");
}

#[test]
fn a_mode_is_told_beside_what_the_fleet_was_and_a_force_that_ended_is_told_as_ended() {
    let mut here = Here::new();
    here.hears(&Line { until: 3_000, ..in_state(5, State::ForcedOpen) });
    here.pass(4_000);
    here.circuit.set_mode(Mode::Observe);
    let ask = here.asks().expect("a command").ask;
    assert_eq!((ask.act, ask.epoch, ask.state), (Act::Hand(None), 5, State::ForcedOpen));
    assert_eq!((ask.mode, ask.force_left), (Some(Mode::Observe), Some(Duration::ZERO)));
}
