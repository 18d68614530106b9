//! The transition table: every state against every event, as the machine alone sees it.

use std::sync::Arc;

use super::{ActiveMode, Cx, Kind, Machine, State, Ticket};
use crate::{CircuitBreakerConfig, Outcome, Reason, clock::nanos};

const MS: u64 = 1_000_000;
const WAIT: u64 = 10_000 * MS;
const TIMEOUT: u64 = 60_000 * MS;

/// A machine, its time and its configuration: 2 failures in a row open for 10 s, 1 success closes.
struct Bench {
    machine: Machine,
    config: Arc<CircuitBreakerConfig>,
    chance: fastrand::Rng,
    now: u64,
}

/// Where a row of the table starts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum At {
    Closed,
    OpenWaiting,
    OpenReady,
    HalfOpen,
    ForcedOpen,
    ForcedOpenForASecond,
    ForcedClosed,
}

impl Bench {
    fn at(start: At) -> (Self, Option<Ticket>) {
        let config = CircuitBreakerConfig::builder()
            .failure_threshold(2)
            .failure_rate_threshold(None)
            .success_threshold(1)
            .open_duration(super::duration(WAIT))
            .open_duration_jitter(0.0)
            .build()
            .unwrap();
        let machine = Machine::new(&config, 0);
        let mut bench = Self { machine, config: Arc::new(config), chance: fastrand::Rng::with_seed(1), now: 0 };
        let mut ticket = None;
        match start {
            At::Closed => ticket = bench.acquire().ok(),
            At::OpenWaiting => bench.trip(),
            At::OpenReady => {
                bench.trip();
                bench.now += WAIT;
            }
            At::HalfOpen => {
                bench.trip();
                bench.now += WAIT;
                ticket = bench.acquire().ok();
            }
            At::ForcedOpen => bench.on(|machine, cx| machine.force_open(cx, u64::MAX)),
            At::ForcedOpenForASecond => bench.on(|machine, cx| machine.force_open(cx, 1_000 * MS)),
            At::ForcedClosed => {
                bench.on(Machine::force_closed);
                ticket = bench.acquire().ok();
            }
        }
        (bench, ticket)
    }

    fn on<R>(&mut self, event: impl FnOnce(&mut Machine, &mut Cx<'_>) -> R) -> R {
        let mut cx = Cx { now: self.now, config: &self.config, chance: &mut self.chance, group: None, news: None };
        self.machine.tick(&mut cx);
        event(&mut self.machine, &mut cx)
    }

    fn acquire(&mut self) -> Result<Ticket, (Reason, u64)> {
        self.on(|machine, cx| machine.acquire(cx, 0))
    }

    fn end(&mut self, ticket: Option<Ticket>, outcome: Outcome) {
        let ticket = ticket.expect("a row with a permit");
        self.on(|machine, cx| machine.end(cx, ticket, Some(outcome), 0));
    }

    fn trip(&mut self) {
        for _ in 0..2 {
            let ticket = self.acquire().ok();
            self.end(ticket, Outcome::Failure);
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Event {
    Acquire,
    Success,
    Failure,
    Ignored,
    Dropped,
    LongSilence,
    ForceOpen,
    ForceClosed,
    Reset,
    RemoteOpen,
    RemoteClose,
}

fn happen(bench: &mut Bench, ticket: Option<Ticket>, event: Event) {
    match event {
        Event::Acquire => drop(bench.acquire()),
        Event::Success => bench.end(ticket, Outcome::Success),
        Event::Failure => bench.end(ticket, Outcome::Failure),
        Event::Ignored => bench.end(ticket, Outcome::Ignored),
        Event::Dropped => bench.on(|machine, cx| machine.end(cx, ticket.expect("a permit"), None, 0)),
        Event::LongSilence => bench.now += TIMEOUT,
        Event::ForceOpen => bench.on(|machine, cx| machine.force_open(cx, u64::MAX)),
        Event::ForceClosed => bench.on(Machine::force_closed),
        Event::Reset => bench.on(Machine::reset),
        Event::RemoteOpen => bench.on(|machine, cx| machine.remote_open(cx, WAIT)),
        Event::RemoteClose => bench.on(Machine::remote_close),
    }
    bench.on(|_, _| ());
}

/// From, event, to, mode after, generations begun.
#[rustfmt::skip]
const TABLE: &[(At, Event, State, ActiveMode, u64)] = {
    use ActiveMode::{Enforce, ForcedClosed, ForcedOpen};
    use At as A;
    use Event as E;
    use State::{Closed, HalfOpen, Open};
    &[
        (A::Closed, E::Acquire, Closed, Enforce, 0),
        (A::Closed, E::Success, Closed, Enforce, 0),
        (A::Closed, E::Failure, Closed, Enforce, 0),
        (A::Closed, E::Ignored, Closed, Enforce, 0),
        (A::Closed, E::Dropped, Closed, Enforce, 0),
        (A::Closed, E::LongSilence, Closed, Enforce, 0),
        (A::Closed, E::ForceOpen, Open, ForcedOpen, 1),
        (A::Closed, E::ForceClosed, Closed, ForcedClosed, 1),
        (A::Closed, E::Reset, Closed, Enforce, 1),
        (A::Closed, E::RemoteOpen, Open, Enforce, 1),
        (A::Closed, E::RemoteClose, Closed, Enforce, 0),

        (A::OpenWaiting, E::Acquire, Open, Enforce, 0),
        (A::OpenWaiting, E::LongSilence, Open, Enforce, 0),
        (A::OpenWaiting, E::ForceOpen, Open, ForcedOpen, 1),
        (A::OpenWaiting, E::ForceClosed, Closed, ForcedClosed, 1),
        (A::OpenWaiting, E::Reset, Closed, Enforce, 1),
        (A::OpenWaiting, E::RemoteOpen, Open, Enforce, 1),
        (A::OpenWaiting, E::RemoteClose, Closed, Enforce, 1),

        (A::OpenReady, E::Acquire, HalfOpen, Enforce, 1),
        (A::OpenReady, E::LongSilence, Open, Enforce, 0),
        (A::OpenReady, E::ForceOpen, Open, ForcedOpen, 1),
        (A::OpenReady, E::RemoteClose, Closed, Enforce, 1),

        (A::HalfOpen, E::Acquire, HalfOpen, Enforce, 0),
        (A::HalfOpen, E::Success, Closed, Enforce, 1),
        (A::HalfOpen, E::Failure, Open, Enforce, 1),
        (A::HalfOpen, E::Ignored, HalfOpen, Enforce, 0),
        (A::HalfOpen, E::Dropped, HalfOpen, Enforce, 0),
        (A::HalfOpen, E::LongSilence, Open, Enforce, 1),
        (A::HalfOpen, E::ForceOpen, Open, ForcedOpen, 1),
        (A::HalfOpen, E::ForceClosed, Closed, ForcedClosed, 1),
        (A::HalfOpen, E::Reset, Closed, Enforce, 1),
        (A::HalfOpen, E::RemoteOpen, Open, Enforce, 1),
        (A::HalfOpen, E::RemoteClose, Closed, Enforce, 1),

        (A::ForcedOpen, E::Acquire, Open, ForcedOpen, 0),
        (A::ForcedOpen, E::LongSilence, Open, ForcedOpen, 0),
        (A::ForcedOpen, E::ForceOpen, Open, ForcedOpen, 1),
        (A::ForcedOpen, E::ForceClosed, Closed, ForcedClosed, 1),
        (A::ForcedOpen, E::Reset, Closed, Enforce, 1),
        (A::ForcedOpen, E::RemoteOpen, Open, ForcedOpen, 0),
        (A::ForcedOpen, E::RemoteClose, Open, ForcedOpen, 0),

        (A::ForcedOpenForASecond, E::LongSilence, Open, Enforce, 1),

        (A::ForcedClosed, E::Failure, Closed, ForcedClosed, 0),
        (A::ForcedClosed, E::ForceOpen, Open, ForcedOpen, 1),
        (A::ForcedClosed, E::Reset, Closed, Enforce, 1),
        (A::ForcedClosed, E::RemoteOpen, Closed, ForcedClosed, 0),
    ]
};

#[test]
fn every_state_answers_every_event_as_the_table_says() {
    for &(start, event, state, mode, generations) in TABLE {
        let (mut bench, ticket) = Bench::at(start);
        let before = bench.machine.generation();
        happen(&mut bench, ticket, event);
        let after = (bench.machine.state(), bench.machine.active_mode(&bench.config));
        assert_eq!(after, (state, mode), "{start:?} on {event:?}");
        assert_eq!(bench.machine.generation() - before, generations, "{start:?} on {event:?}");
    }
}

#[test]
fn who_is_let_through_and_as_what() {
    let rows = [
        (At::Closed, Ok(Kind::Call)),
        (At::OpenWaiting, Err((Reason::Open, WAIT))),
        (At::OpenReady, Ok(Kind::Probe)),
        (At::HalfOpen, Err((Reason::HalfOpen, 0))),
        (At::ForcedOpen, Err((Reason::ForcedOpen, WAIT))),
        (At::ForcedOpenForASecond, Err((Reason::ForcedOpen, 1_000 * MS))),
        (At::ForcedClosed, Ok(Kind::Call)),
    ];
    for (start, expected) in rows {
        let (mut bench, _ticket) = Bench::at(start);
        assert_eq!(bench.acquire().map(Ticket::kind), expected, "{start:?}");
    }
}

#[test]
fn the_second_failure_in_a_row_opens_and_a_forced_closed_circuit_does_not() {
    for (start, state) in [(At::Closed, State::Open), (At::ForcedClosed, State::Closed)] {
        let (mut bench, ticket) = Bench::at(start);
        bench.end(ticket, Outcome::Failure);
        let ticket = bench.acquire().ok();
        bench.end(ticket, Outcome::Failure);
        assert_eq!(bench.machine.state(), state, "{start:?}");
    }
}

#[test]
fn a_probe_that_never_ends_opens_as_of_its_deadline() {
    let (mut bench, _probe) = Bench::at(At::HalfOpen);
    let admitted = bench.now;
    bench.now += nanos(bench.config.half_open_timeout().unwrap()) + 5;
    bench.on(|_, _| ());
    assert_eq!((bench.machine.state(), bench.machine.entered()), (State::Open, admitted + TIMEOUT));
}
