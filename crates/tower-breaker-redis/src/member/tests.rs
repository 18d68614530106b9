use tower_breaker_core::{ActiveMode, Mode};

use super::*;

const TERMS: Terms = Terms {
    hold: Duration::from_secs(5),
    refresh: Duration::from_secs(60),
    counts_as: Duration::from_secs(10),
    shortest: Duration::from_secs(1),
};

/// The fleet is open, and has been since.
fn open(epoch: u64, since: i64) -> Line {
    Line { epoch, state: State::Open, since, wait: 1_000, row: 1, mode: None, enforcement: None, until: -1 }
}

struct Here {
    circuit: Circuit,
    member: Member,
    now: Instant,
    /// Redis's own, in milliseconds.
    redis_now: i64,
}

impl Here {
    /// Has heard that the fleet is open.
    fn new() -> Self {
        let (circuit, now) = (Circuit::new("orders", Default::default()), Instant::now());
        let mut here = Self { member: Member::new(&circuit, false, now), circuit, now, redis_now: 0 };
        here.hears(&open(1, 0));
        here
    }

    fn hears(&mut self, line: &Line) {
        self.member.follow(&self.circuit, line, &TERMS, self.redis_now, self.now, true, false);
    }

    fn says(&mut self) -> Option<Act> {
        self.member.look(&self.circuit, &TERMS, self.now).map(|asked| asked.ask.act)
    }
}

#[test]
fn what_an_operator_did_and_nobody_heard_of_outlives_what_the_fleet_says_meanwhile() {
    // A holder that left, a probe that failed, a close.
    for line in [open(2, 0), open(2, 700), Line { state: State::Closed, ..open(2, 700) }] {
        let mut here = Here::new();
        here.circuit.force_open();
        here.hears(&line);
        assert_eq!(here.circuit.snapshot().mode, ActiveMode::ForcedOpen, "{line:?}");
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
    here.hears(&open(3, 0));
    assert_eq!(here.circuit.by_hand().mode, None);
    here.hears(&Line { state: State::ForcedOpen, ..open(4, 900) });
    assert_eq!(here.circuit.snapshot().mode, ActiveMode::ForcedOpen);
    assert_eq!(here.says(), None, "none of it is news to the fleet");
}

#[test]
fn callers_that_were_refused_before_a_holder_left_are_reason_enough_to_ask() {
    let mut here = Here::new();
    (here.now, here.redis_now) = (here.now + Duration::from_secs(2), 2_000);
    assert_eq!(here.says(), None, "nobody has called");
    assert!(here.circuit.try_acquire().is_err());
    here.hears(&open(2, 0));
    assert_eq!(here.says(), Some(Act::Want));
}
