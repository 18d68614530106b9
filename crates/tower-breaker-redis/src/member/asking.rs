//! What an instance tells of its circuit, and asks.

use std::time::Duration;

use tokio::time::Instant;
use tower_breaker_core::{ActiveMode, ByHand, Circuit, Forced, Snapshot, State as Local};

use super::{Counted, Member, Offer, Terms};
use crate::wire::{Act, Ask, Rules, State};

/// A question, and the commands that were given by then.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    pub(super) commands: u64,
}

impl Member {
    /// What to tell or ask the fleet now, if anything.
    pub(crate) fn look(&mut self, circuit: &Circuit, terms: &Terms, now: Instant) -> Option<Asked> {
        let (snapshot, mut hand) = (circuit.snapshot(), circuit.by_hand());
        if let Some(Forced::OpenFor(left)) = hand.force
            && self.lengthened == Some(snapshot.generation)
        {
            hand.force = left.checked_sub(terms.hold).filter(|left| !left.is_zero()).map(Forced::OpenFor);
        }
        let counted = Counted::of(&snapshot);
        let wanted = counted.refused != self.counted.refused || circuit.waiting() > 0;
        let delta = counted.since(self.counted);
        self.counted = counted;

        let open = self.line().is_some_and(|line| line.state == State::Open);
        let act = if hand.commands != self.commands || self.offer == Offer::Wanted {
            Some(Act::Hand(self.commanded(&hand)))
        } else if open {
            self.probing(circuit, &snapshot, wanted, terms, now)
        } else {
            (delta.calls > 0).then_some(Act::Report)
        };
        let stale = self.line().is_some_and(|line| !line.is_plain()) && now - self.heard_at >= terms.refresh;
        let over = self.known.as_ref().is_some_and(|known| known.force_ends(now));
        let act = act.or_else(|| (self.must_ask || stale || over).then_some(Act::Report))?;
        self.unheard |= act == Act::Want;
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
                    // Who is not answered is held back no longer, or nobody would ever probe.
                    if !self.unheard {
                        circuit.hold_probes(probe_at.saturating_duration_since(now) + terms.hold);
                    }
                }
                let wanted = wanted || self.unheard || (mine && state == Local::HalfOpen);
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
}
