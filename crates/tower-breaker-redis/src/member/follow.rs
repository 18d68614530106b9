//! Doing in this instance what the fleet decided.

use tokio::time::Instant;
use tower_breaker_core::{Circuit, Forced};

use super::{Counted, Known, Member, Offer, Terms};
use crate::wire::{Line, State};

impl Member {
    /// Follows a line that is newer than what is known. `news`: it came while this instance was listening; what it finds when
    /// it comes is how things stand, and no reset happens now. `own`: an operator of this instance caused it.
    #[expect(clippy::too_many_arguments, reason = "two of them are what time it is, here and at Redis")]
    pub(crate) fn follow(
        &mut self,
        circuit: &Circuit,
        line: &Line,
        terms: &Terms,
        redis_now: i64,
        now: Instant,
        news: bool,
        own: bool,
    ) {
        // What an operator did here arrives after this line, and so stands. The answer to it says the rest.
        if circuit.by_hand().commands != self.commands && !own {
            return;
        }
        // A plain close that nobody spoke of for so long may have expired, and the fleet have begun anew with a lower epoch. An
        // index made anew is another matter: there the highest epoch stands.
        let forgotten = news && now - self.heard_at >= terms.refresh * 2 && self.line().is_some_and(Line::is_plain);
        // Of two lines of one epoch, which a Redis that lost its memory may bring about, the one Redis has stands.
        let (before, begun) = match self.line() {
            Some(known) if line == known || (line.epoch < known.epoch && !forgotten) => return,
            Some(known) => (Some(known.state), line.epoch == known.epoch || line.since == known.since),
            None => (None, false),
        };
        self.offer = Offer::Nothing;
        // Only mode, enforcement or a time changed, or whoever probed has left.
        let still = |state| line.state == state && before == Some(state) && begun;
        let news = (news || before.is_some()) && !still(State::Reset);
        let was_reset = !own && self.obey(circuit, line, terms, redis_now, news);
        let remaining = line.remaining(redis_now);
        let still_open = still(State::Open) && !was_reset;
        match line.state {
            // A probe of ours that is out goes on, and the lease may be free.
            State::Open if still_open => self.ask_at = now,
            State::Open => {
                self.mine_until = None;
                self.ask_at = now;
                circuit.remote_open(remaining);
                circuit.hold_probes(remaining + terms.hold);
                self.followed = circuit.snapshot().generation;
            }
            // A local trip stays local: only what the fleet opened, it closes.
            State::Closed if before == Some(State::Open) => circuit.remote_close(),
            State::Closed | State::Reset | State::ForcedOpen | State::ForcedClosed => {}
        }
        if line.state != State::Open {
            self.mine_until = None;
        }
        if !still_open {
            self.counted = Counted::of(&circuit.snapshot());
            self.unheard = false;
        }
        self.known = Some(Known {
            line: line.clone(),
            probe_at: now + remaining,
            force_until: line.force_left(redis_now).map(|left| now + left),
        });
    }

    /// Sets what operators set elsewhere. Each step is a command of this circuit, and counted as known: one given by hand
    /// between two of them is seen in the next round. Says whether the circuit was reset, and so closed: it is for want of
    /// another way also where only a mode or an enforcement is lifted.
    fn obey(&mut self, circuit: &Circuit, line: &Line, terms: &Terms, redis_now: i64, news: bool) -> bool {
        let hand = circuit.by_hand();
        let force = match line.state {
            State::ForcedOpen => Some(line.force_left(redis_now).map_or(Forced::Open, Forced::OpenFor)),
            State::ForcedClosed => Some(Forced::Closed),
            State::Closed | State::Reset | State::Open => None,
        };
        let lifted = (hand.force.is_some() && force.is_none())
            || (hand.mode.is_some() && line.mode.is_none())
            || (hand.enforcement.is_some() && line.enforcement.is_none());
        let resets = lifted || (news && line.state == State::Reset);
        if resets {
            circuit.reset();
            self.commands += 1;
        }
        let hand = circuit.by_hand();
        if let Some(mode) = line.mode.filter(|mode| hand.mode != Some(*mode)) {
            circuit.set_mode(mode);
            self.commands += 1;
        }
        if let Some(share) = line.enforcement.filter(|share| hand.enforcement != Some(*share))
            && circuit.set_enforcement(share).is_ok()
        {
            self.commands += 1;
        }
        if let Some(force) = force {
            match force {
                // Its end is the fleet's to say, and with it who probes. Where the fleet is out of reach it ends all the same.
                Forced::OpenFor(left) => {
                    circuit.force_open_for(left + terms.hold);
                    self.lengthened = Some(circuit.snapshot().generation);
                }
                Forced::Closed if hand.force == Some(Forced::Closed) => return resets,
                Forced::Closed => circuit.force_closed(),
                _ if hand.force == Some(Forced::Open) => return resets,
                _ => circuit.force_open(),
            }
            self.commands += 1;
        }
        resets
    }
}
