//! One circuit of this instance: what it told the fleet, what it knows from it, and what follows from either. No connection
//! and no clock: the round brings both.
//!
//! What makes many instances agree is the *epoch*. Each change the fleet makes (an open, a close, a command, a lease given
//! back) has the next number, given by Redis. An instance counts what it saw under the epoch it knew; Redis takes counts, closes
//! and reopens of its own epoch only, so that what is late changes nothing. Where Redis knows less than an instance, because it
//! was emptied or lost its last writes, the instance's epoch is taken over with what it stood for.

mod follow;
#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::time::Instant;
use tower_breaker_core::{ActiveMode, ByHand, Circuit, Forced, Snapshot, State as Local, WeakCircuit};

use crate::{
    round::Clock,
    wire::{Act, Answer, Ask, Lease, Line, Rules, State},
};

/// What all members share.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// For how long probing is held back beyond the wait, unless the fleet says more: local breaking goes on after it.
    pub(crate) hold: Duration,
    /// How often what is not plainly closed is told again, so that it does not expire.
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
    /// Until when this instance probes for all.
    mine_until: Option<Instant>,
    /// No use in asking for the lease before.
    ask_at: Instant,
    heard_at: Instant,
    must_ask: bool,
    /// Set by hand before there was a fleet: told to it if it knows nothing.
    offers: bool,
    /// The round that last found it in the set.
    pub(crate) seen: u64,
    pub(crate) totals: Totals,
    /// Something is wrong with its key, and was said.
    pub(crate) damaged: bool,
    /// What time it was where its key is, as last heard over this connection.
    pub(crate) clock: Clock,
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

#[derive(Debug, Clone, Copy)]
struct Counted {
    calls: u64,
    failures: u64,
    slow: u64,
    refused: u64,
}

/// A question, and the commands that were given by then.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    commands: u64,
}

impl Member {
    /// `fresh`: the circuit was made while the instance was part of the fleet, and all it counted is news.
    pub(crate) fn new(circuit: &Circuit, fresh: bool, now: Instant) -> Self {
        let (snapshot, hand) = (circuit.snapshot(), circuit.by_hand());
        let offers = !fresh && is_set(&hand);
        Self {
            circuit: circuit.downgrade(),
            counted: if fresh { Counted::NOTHING } else { Counted::of(&snapshot) },
            commands: if fresh { 0 } else { hand.commands },
            known: None,
            followed: snapshot.generation,
            mine_until: None,
            ask_at: now,
            heard_at: now,
            must_ask: offers,
            offers,
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
            self.offers = is_set(&circuit.by_hand());
            self.must_ask |= self.offers;
        }
        self.remind();
    }

    /// Redis may have forgotten.
    pub(crate) const fn remind(&mut self) {
        self.must_ask |= self.known.is_some();
    }

    /// What to tell or ask the fleet now, if anything.
    pub(crate) fn look(&mut self, circuit: &Circuit, terms: &Terms, now: Instant) -> Option<Asked> {
        let (snapshot, hand) = (circuit.snapshot(), circuit.by_hand());
        let counted = Counted::of(&snapshot);
        let wanted = counted.refused != self.counted.refused || circuit.waiting() > 0;
        let delta = counted.since(self.counted);
        self.counted = counted;

        let open = self.line().is_some_and(|line| line.state == State::Open);
        let act = if hand.commands != self.commands {
            Some(Act::Hand(self.commanded(&hand)))
        } else if open {
            self.probing(circuit, &snapshot, wanted, terms, now)
        } else {
            (delta.calls > 0).then_some(Act::Report)
        };
        let stale = self.line().is_some_and(|line| !line.is_plain()) && now - self.heard_at >= terms.refresh;
        let act = act.or_else(|| (self.must_ask || stale).then_some(Act::Report))?;
        let delta = if open { Counted::NOTHING } else { delta };
        let rules = Rules::of(&snapshot.config, terms.counts_as, terms.shortest);
        let mut ask = self.ask(act, delta, rules, now);
        match act {
            Act::Hand(state) => {
                (ask.mode, ask.enforcement) = (hand.mode, hand.enforcement);
                if state.is_some() {
                    ask.force_left = match hand.force {
                        Some(Forced::OpenFor(left)) => Some(left),
                        _ => None,
                    };
                }
            }
            Act::Reopen => ask.remaining = snapshot.open_remaining.unwrap_or_default(),
            _ => {}
        }
        Some(Asked { ask, commands: hand.commands })
    }

    /// What an operator did since the fleet last heard: what stands now says it, and whether there was a reset.
    fn commanded(&self, hand: &ByHand) -> Option<State> {
        match hand.force {
            Some(Forced::Closed) => Some(State::ForcedClosed),
            Some(_) => Some(State::ForcedOpen),
            None => (hand.last_reset > self.commands).then_some(State::Reset),
        }
    }

    /// The fleet is open: one instance probes, if somebody there wants to call.
    fn probing(
        &mut self,
        circuit: &Circuit,
        snapshot: &Snapshot,
        wanted: bool,
        terms: &Terms,
        now: Instant,
    ) -> Option<Act> {
        if matches!(snapshot.mode, ActiveMode::ForcedOpen | ActiveMode::ForcedClosed) {
            return None;
        }
        let moved_on = snapshot.generation != self.followed;
        let mine = self.probes(now);
        match snapshot.state {
            Local::Closed => moved_on.then_some(Act::Close),
            Local::Open if mine && moved_on => Some(Act::Reopen),
            state => {
                let probe_at = self.known.as_ref().map_or(now, |known| known.probe_at);
                if !mine {
                    self.mine_until = None;
                    circuit.hold_probes(probe_at.saturating_duration_since(now) + terms.hold);
                }
                let wanted = wanted || (mine && state == Local::HalfOpen);
                (wanted && now >= probe_at && (mine || now >= self.ask_at)).then_some(Act::Want)
            }
        }
    }

    /// For an instance that goes: lets another one probe.
    pub(crate) fn leave(&self, circuit: &Circuit, terms: &Terms, now: Instant) -> Option<Asked> {
        let rules = Rules::of(&circuit.config(), terms.counts_as, terms.shortest);
        let ask = || self.ask(Act::Leave, Counted::NOTHING, rules, now);
        self.probes(now).then(|| Asked { ask: ask(), commands: self.commands })
    }

    fn ask(&self, act: Act, delta: Counted, rules: Rules, now: Instant) -> Ask {
        let known = self.known.as_ref();
        let line = known.map(|known| &known.line);
        Ask {
            act,
            epoch: line.map_or(0, |line| line.epoch),
            state: match act {
                Act::Hand(Some(state)) => state,
                _ => line.map_or(State::Closed, |line| line.state),
            },
            remaining: known.map_or(Duration::ZERO, |known| known.probe_at.saturating_duration_since(now)),
            row: line.map_or(0, |line| line.row),
            mode: line.and_then(|line| line.mode),
            enforcement: line.and_then(|line| line.enforcement),
            force_left: known.and_then(|known| Some(known.force_until?.saturating_duration_since(now))),
            calls: delta.calls,
            failures: delta.failures,
            slow: delta.slow,
            rules,
        }
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
        self.heard_at = now;
        let Answer { line, calls, failures, slow, seen_by, .. } = answer;
        self.totals = Totals { calls: *calls, failures: *failures, slow: *slow, seen_by: *seen_by };
        let own = match asked.ask.act {
            Act::Hand(state) => {
                self.commands = asked.commands;
                // What an operator set here is set already.
                state.map_or(line.epoch == asked.ask.epoch + 1, |state| state == line.state)
                    && (line.mode, line.enforcement) == (asked.ask.mode, asked.ask.enforcement)
            }
            _ => false,
        };
        if line.epoch == 0 {
            if std::mem::take(&mut self.offers) {
                // The fleet knows nothing: what was set here is what it shall know.
                self.commands = u64::MAX;
            }
            return;
        }
        self.offers = false;
        self.follow(circuit, line, terms, redis_now, now, true, own);
        match answer.lease {
            Lease::Mine => {
                if !self.probes(now) {
                    circuit.hold_probes(Duration::ZERO);
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

impl Counted {
    const NOTHING: Self = Self { calls: 0, failures: 0, slow: 0, refused: 0 };

    const fn of(snapshot: &Snapshot) -> Self {
        let totals = &snapshot.totals;
        let refusals = &snapshot.refusals;
        Self {
            calls: totals.successes + totals.failures,
            failures: totals.failures,
            slow: totals.slow,
            refused: refusals.open.detected + refusals.half_open.detected,
        }
    }

    const fn since(self, before: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            failures: self.failures.saturating_sub(before.failures),
            slow: self.slow.saturating_sub(before.slow),
            refused: self.refused.saturating_sub(before.refused),
        }
    }
}
