mod commands;
mod following;
mod probing;
mod telling;

use tower_breaker_core::{ActiveMode, CircuitBreakerConfig, Forced, ManualClock, Outcome, Permit};

use super::*;
use crate::wire::Ask;

const TERMS: Terms = Terms {
    hold: Duration::from_secs(5),
    refresh: Duration::from_secs(60),
    counts_as: Duration::from_secs(10),
    shortest: Duration::from_secs(1),
};

/// The fleet is open, and has been since, for a second.
fn open(epoch: u64, since: i64) -> Line {
    Line { epoch, state: State::Open, since, wait: 1_000, row: 1, mode: None, enforcement: None, until: -1 }
}

/// The fleet is in this state, and of no wait.
fn in_state(epoch: u64, state: State) -> Line {
    Line { state, wait: 0, ..open(epoch, 0) }
}

fn circuit(clock: &ManualClock) -> Circuit {
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .slow_call_duration_threshold(Duration::from_secs(1))
        .success_threshold(1)
        .open_duration(Duration::from_secs(1))
        .open_duration_jitter(0.0);
    Circuit::builder("orders").config(config.build().expect("valid")).clock(clock.clone()).build()
}

/// A circuit of an instance, whose time goes on only when it is told to: the circuit's, the instance's and Redis's alike.
struct Here {
    circuit: Circuit,
    member: Member,
    clock: ManualClock,
    now: Instant,
    /// Redis's own, in milliseconds.
    redis_now: i64,
}

impl Here {
    /// Has heard that the fleet is open.
    fn new() -> Self {
        let mut here = Self::knows_nothing();
        here.hears(&open(1, 0));
        here
    }

    fn knows_nothing() -> Self {
        Self::joins(|_| {}, false)
    }

    /// A circuit to which something was done before.
    fn joins(before: impl Fn(&Circuit), fresh: bool) -> Self {
        let clock = ManualClock::new();
        let (circuit, now) = (circuit(&clock), Instant::now());
        before(&circuit);
        Self { member: Member::new(&circuit, fresh, now), circuit, clock, now, redis_now: 0 }
    }

    fn pass(&mut self, millis: u64) {
        self.clock.advance(Duration::from_millis(millis));
        self.now += Duration::from_millis(millis);
        self.redis_now += i64::try_from(millis).expect("a test's time");
    }

    fn hears(&mut self, line: &Line) {
        self.member.follow(&self.circuit, line, &TERMS, self.redis_now, self.now, true, false);
    }

    fn asks(&mut self) -> Option<Asked> {
        self.member.look(&self.circuit, &TERMS, self.now)
    }

    fn says(&mut self) -> Option<Act> {
        self.asks().map(|asked| asked.ask.act)
    }

    /// Asks, and is answered with this line and, for so many milliseconds, this lease.
    fn is_told(&mut self, line: &Line, lease: Lease, left: u64) -> Ask {
        let asked = self.asks().expect("something to say");
        self.is_answered(&asked, line, lease, left);
        asked.ask
    }

    fn is_answered(&mut self, asked: &Asked, line: &Line, lease: Lease, left: u64) {
        let lease_left = Duration::from_millis(left);
        let (line, damaged) = (line.clone(), None);
        let answer =
            Answer { line, lease, lease_left, calls: 9, failures: 8, slow: 7, seen_by: 6, damaged, late: false };
        self.member.hear(&self.circuit, asked, &answer, &TERMS, self.redis_now, self.now);
    }

    fn calls(&self, outcome: Outcome) -> bool {
        self.admitted().map(|permit| permit.record(outcome)).is_some()
    }

    fn admitted(&self) -> Option<Permit> {
        self.circuit.try_acquire().ok()
    }

    fn mode(&self) -> ActiveMode {
        self.circuit.snapshot().mode
    }

    fn generation(&self) -> u64 {
        self.circuit.snapshot().generation
    }
}
