//! How a call gets in and out: what [`Circuit::try_acquire`], a [`Turn`](crate::Turn) and an ended [`Permit`] come down to.

use super::Circuit;
use crate::{
    Outcome, Permit, Reason, Rejected,
    state::{Kind, Refused, Ticket},
};

impl Circuit {
    #[cold]
    #[inline(never)]
    pub(crate) fn acquire_or_refuse(&self) -> Result<Permit, Rejected> {
        match self.shared.gate.refuses(|| self.now()) {
            Some(remaining) => Err(self.refused_at_the_gate(remaining)),
            None => self.acquire_as(None),
        }
    }

    /// Under the lock; `turn` may have a place reserved, which it gives up for a permit.
    pub(crate) fn acquire_as(&self, turn: Option<u64>) -> Result<Permit, Rejected> {
        let ticket = self.with(|scene| {
            let reserved = scene.enter_as(turn);
            scene.machine.acquire(&mut scene.cx, reserved)
        });
        match ticket {
            Ok(ticket) => Ok(Permit::new(self.clone(), ticket)),
            Err((reason, remaining)) => Err(self.rejected(reason, remaining)),
        }
    }

    /// A permit where every call is let through, to be told when its call begins to wait.
    #[inline(always)]
    pub(crate) fn admit_unstarted(&self) -> Option<Permit> {
        let generation = self.shared.gate.admits()?;
        Some(self.handle().permit_unstarted(generation))
    }

    #[inline]
    pub(crate) fn is_admitting(&self) -> bool {
        self.shared.gate.admits().is_some()
    }

    pub(crate) fn refuses_at_the_gate(&self) -> Option<u64> {
        self.shared.gate.refuses(|| self.now())
    }

    /// What would be said to a call now, if it is a refusal that no chance is drawn for.
    pub(super) fn certain_refusal(&self) -> Option<Refused> {
        if let Some(remaining) = self.refuses_at_the_gate() {
            return Some((Reason::Open, remaining));
        }
        self.with(|scene| {
            scene.hand_out();
            let refused = scene.machine.verdict(&scene.cx, scene.reserved(None)).err();
            refused.filter(|_| scene.machine.refuses_for_certain(&scene.cx))
        })
    }

    /// A refusal that was decided before: counted and carried out.
    pub(crate) fn refuse_now(&self, (reason, remaining): Refused) -> Rejected {
        if reason == Reason::Open
            && let Some(rejected) = self.refuse_at_the_gate(remaining)
        {
            return rejected;
        }
        self.with(|scene| scene.machine.count_refusal(&mut scene.cx, reason, true));
        self.rejected(reason, remaining)
    }

    pub(crate) fn acquire_quietly_as(&self, turn: Option<u64>) -> Option<Permit> {
        let ticket = self.with(|scene| {
            let reserved = scene.enter_as(turn);
            scene.machine.verdict(&scene.cx, reserved).ok()?;
            Some(scene.machine.admit(&mut scene.cx))
        });
        ticket.map(|ticket| Permit::new(self.clone(), ticket))
    }

    /// Refuses, if refusals are made without the lock at all.
    #[inline(always)]
    pub(crate) fn refuse_at_the_gate(&self, remaining: u64) -> Option<Rejected> {
        self.shared.gate.is_refusing().then(|| self.refused_at_the_gate(remaining))
    }

    #[inline(always)]
    pub(super) fn refused_at_the_gate(&self, remaining: u64) -> Rejected {
        self.shared.tally.count_refusal();
        self.rejected(Reason::Open, remaining)
    }

    #[inline(always)]
    pub(crate) fn rejected(&self, reason: Reason, remaining: u64) -> Rejected {
        Rejected::new(&self.shared.name, reason, remaining)
    }

    /// A permit ends, with an outcome or dropped. `elapsed` in nanoseconds, where it is not what the clock says. Kept out
    /// of line: most calls end without it.
    #[inline(never)]
    pub(crate) fn end(self, ticket: Ticket, outcome: Option<Outcome>, elapsed: Option<u64>) {
        self.with(|scene| {
            let elapsed = elapsed.unwrap_or_else(|| scene.cx.now.saturating_sub(ticket.started));
            scene.machine.end(&mut scene.cx, ticket, outcome, elapsed);
        });
        self.leave();
    }

    /// Whoever takes the lock absorbs first: coming by is enough.
    #[cold]
    #[inline(never)]
    fn absorb(&self) {
        self.with(|_| ());
    }

    /// A success of a call that a closed circuit let through, without the lock if it decides nothing.
    #[inline(always)]
    pub(crate) fn try_count_success(&self, ticket: Ticket, elapsed: Option<u64>) -> bool {
        if ticket.kind() != Kind::Call {
            return false;
        }
        let slow_after = self.shared.slow_after();
        let is_quiet = if slow_after == u64::MAX {
            self.shared.gate.is_quiet(ticket.generation(), || self.now())
        } else {
            let now = self.now();
            elapsed.unwrap_or_else(|| now.saturating_sub(ticket.started)) <= slow_after
                && self.shared.gate.is_quiet(ticket.generation(), || now)
        };
        if is_quiet && !self.shared.tally.count_success() {
            self.absorb();
        }
        is_quiet
    }
}
