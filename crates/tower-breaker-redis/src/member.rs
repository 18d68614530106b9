//! One circuit of this instance: what it told the fleet, what it knows from it, and what follows from either. No connection
//! and no clock: the round brings both.
//!
//! What makes many instances agree is the *epoch*. Each change the fleet makes (an open, a close, a command, a lease given
//! back) has the next number, given by Redis. An instance counts what it saw under the epoch it knew; Redis takes counts, closes
//! and reopens of its own epoch only, so that what is late changes nothing. Where Redis knows less than an instance, because it
//! was emptied or lost its last writes, the instance's epoch is taken over with what it stood for.

mod asking;
mod counted;
mod follow;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;
use tower_breaker_core::{ByHand, Circuit, State as Local, WeakCircuit};

pub(crate) use self::asking::Asked;
use self::counted::Counted;
use crate::{
    round::Clock,
    wire::{Act, Answer, Lease, Line, State},
};

/// What all members share.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// For how long probing is held back beyond the wait, unless the fleet says more: local breaking goes on after it.
    pub(crate) hold: Duration,
    /// How often what is not plainly closed is told again, so that it does not expire: a quarter of what that takes.
    pub(crate) refresh: Duration,
    /// The fleet's window for a circuit whose own counts calls.
    pub(crate) counts_as: Duration,
    /// No window of the fleet is shorter.
    pub(crate) shortest: Duration,
}

#[derive(Debug)]
pub(crate) struct Member {
    circuit: WeakCircuit,
    /// What was counted when it was last looked at.
    counted: Counted,
    /// Commands by hand that the fleet knows of, or that came from it.
    commands: u64,
    known: Option<Known>,
    /// The generation that began when the fleet was last followed.
    followed: u64,
    /// The generation of a timed force that came from the fleet, and stands here for `hold` longer.
    lengthened: Option<u64>,
    /// Until when this instance probes for all.
    mine_until: Option<Instant>,
    /// No use in asking for the lease before.
    ask_at: Instant,
    /// The lease was asked for, and nobody answered that yet: Redis may be read, and yet decide nothing.
    unheard: bool,
    heard_at: Instant,
    must_ask: bool,
    offer: Offer,
    /// The round that last found it in the set.
    pub(crate) seen: u64,
    pub(crate) totals: Totals,
    /// Something is wrong with its key, and was said.
    pub(crate) damaged: bool,
    /// What time it was where its key is, as last heard over this connection.
    pub(crate) clock: Clock,
}

/// What was set by hand before there was a fleet: told to it if it knows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Offer {
    Nothing,
    /// The fleet is asked what it knows.
    Made,
    /// It knows nothing, and is told next.
    Wanted,
}

/// What the fleet saw in its window.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Totals {
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) slow: u64,
    pub(crate) seen_by: u32,
}

/// What the fleet last said, with its times by this instance's clock.
#[derive(Debug)]
struct Known {
    line: Line,
    probe_at: Instant,
    force_until: Option<Instant>,
}

impl Known {
    /// A force has come to its end, and the fleet was not asked yet what follows.
    fn force_ends(&self, now: Instant) -> bool {
        self.line.state == State::ForcedOpen && self.force_until.is_some_and(|until| now >= until)
    }
}

impl Member {
    /// `fresh`: the circuit was made after the fleet was started. All it counted is news, and all that was commanded; what a
    /// restart restored is no command.
    pub(crate) fn new(circuit: &Circuit, fresh: bool, now: Instant) -> Self {
        let (snapshot, hand) = (circuit.snapshot(), circuit.by_hand());
        let offers = is_set(&hand) && (!fresh || hand.commands == 0);
        Self {
            circuit: circuit.downgrade(),
            counted: if fresh { Counted::NOTHING } else { Counted::of(&snapshot) },
            commands: if fresh { 0 } else { hand.commands },
            known: None,
            followed: snapshot.generation,
            lengthened: None,
            mine_until: None,
            ask_at: now,
            unheard: false,
            heard_at: now,
            must_ask: offers,
            offer: if offers { Offer::Made } else { Offer::Nothing },
            seen: 0,
            totals: Totals::default(),
            damaged: false,
            clock: None,
        }
    }

    pub(crate) const fn circuit(&self) -> &WeakCircuit {
        &self.circuit
    }

    pub(crate) fn line(&self) -> Option<&Line> {
        self.known.as_ref().map(|known| &known.line)
    }

    pub(crate) fn probes(&self, now: Instant) -> bool {
        self.mine_until.is_some_and(|until| now < until)
    }

    /// The instance was away. What it counted meanwhile is old; what it knows is told if Redis may have forgotten, and
    /// forgotten itself after so long that Redis may have forgotten and begun anew.
    pub(crate) fn rejoin(&mut self, circuit: &Circuit, forget: bool) {
        self.counted = Counted::of(&circuit.snapshot());
        self.mine_until = None;
        if forget {
            self.known = None;
            // What operators set is told again, from the first epoch on, if nobody knows better.
            let offers = is_set(&circuit.by_hand());
            self.offer = if offers { Offer::Made } else { Offer::Nothing };
            self.must_ask |= offers;
        }
        self.remind();
    }

    /// Redis may have forgotten.
    pub(crate) const fn remind(&mut self) {
        self.must_ask |= self.known.is_some();
    }

    /// The fleet answered. `redis_now` in milliseconds of Redis's own time.
    pub(crate) fn hear(
        &mut self,
        circuit: &Circuit,
        asked: &Asked,
        answer: &Answer,
        terms: &Terms,
        redis_now: i64,
        now: Instant,
    ) {
        self.must_ask = false;
        self.unheard = false;
        self.heard_at = now;
        let Answer { line, calls, failures, slow, seen_by, .. } = answer;
        self.totals = Totals { calls: *calls, failures: *failures, slow: *slow, seen_by: *seen_by };
        let own = match asked.ask.act {
            Act::Hand(state) => {
                // One that came too late was not taken, and is told again.
                let taken = line.epoch > asked.ask.epoch
                    && state.is_none_or(|state| state == line.state)
                    && (line.mode, line.enforcement) == (asked.ask.mode, asked.ask.enforcement);
                if taken {
                    self.commands = asked.commands;
                }
                // What an operator set here is set already.
                taken && (state.is_some() || line.epoch == asked.ask.epoch + 1)
            }
            _ => false,
        };
        if line.epoch == 0 {
            if self.offer == Offer::Made {
                self.offer = Offer::Wanted;
            }
            return;
        }
        self.follow(circuit, line, terms, redis_now, now, true, own);
        match answer.lease {
            Lease::Mine => {
                if !self.probes(now) {
                    circuit.hold_probes(Duration::ZERO);
                    // A probe of its own that failed before was none for all.
                    let snapshot = circuit.snapshot();
                    if snapshot.state == Local::Open {
                        self.followed = snapshot.generation;
                    }
                }
                self.mine_until = Some(now + answer.lease_left);
            }
            Lease::Other => {
                self.mine_until = None;
                self.ask_at = now + answer.lease_left;
            }
            Lease::Free => self.mine_until = None,
        }
    }
}

const fn is_set(hand: &ByHand) -> bool {
    hand.force.is_some() || hand.mode.is_some() || hand.enforcement.is_some()
}
