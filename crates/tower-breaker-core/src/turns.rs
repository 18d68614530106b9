//! Who waits at a circuit that refuses: the list behind [`Turn`](crate::Turn). Kept under the circuit's lock.
//!
//! A *lease* is leave to wait for an inner service although the circuit refuses others: while a probe could be admitted,
//! one asker per free place has one. It ends with the inner service's answer, when its turn goes away, or at its time, so
//! that an inner service that is pending for ever hangs one caller and not everybody.
//!
//! Under backpressure callers *queue*, first come first served. A place that becomes free is leased to the first in the
//! queue, and that lease *reserves* the place: nobody else is admitted to it. The first in the queue also keeps the time:
//! it is told when to look again (the end of the wait, of a probe's deadline, of a lease). Should it not look, being
//! woken but forgotten by its owner, its lease runs all the same, as of the moment the place was free; those behind it
//! look one lease later, so nobody is stuck behind it for ever.
//!
//! *Watchers* only want to know when the circuit begins to refuse.
//!
//! Wakers are user code, down to their `Drop`: those that are done with leave in [`Errands`], for when the lock is let go.

mod line;

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    task::Waker,
    thread,
    time::Duration,
};

use self::line::Line;
use crate::{
    CircuitBreakerConfig,
    clock::nanos,
    state::{Cx, Machine, State},
};

/// A lease lasts as long as a probe may, and this long where a probe may last for ever.
const LONGEST_LEASE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Turns {
    last_id: u64,
    queue: Line<Waiter>,
    watchers: Line<Waker>,
    leases: Vec<Lease>,
    errands: Errands,
}

#[derive(Debug)]
struct Waiter {
    /// `None`: woken already; it brings another when it looks.
    waker: Option<Waker>,
    /// When it was told to look again; `u64::MAX` before.
    looks_at: u64,
}

#[derive(Debug, Clone, Copy)]
struct Lease {
    id: u64,
    until: u64,
    reserves: bool,
}

/// Wakers to be woken, or only dropped, without the lock.
#[derive(Debug, Default)]
pub(crate) struct Errands {
    wake: Vec<Waker>,
    spent: Vec<Waker>,
}

impl Errands {
    pub(crate) fn add(&mut self, more: Self) {
        self.wake.extend(more.wake);
        self.spent.extend(more.spent);
    }

    /// A waker that panics keeps nobody else from being woken.
    pub(crate) fn run(self) {
        let mut panicked = None;
        for waker in self.wake {
            panicked = panicked.or(catch_unwind(AssertUnwindSafe(|| waker.wake())).err());
        }
        drop(self.spent);
        if let Some(payload) = panicked.filter(|_| !thread::panicking()) {
            resume_unwind(payload);
        }
    }
}

/// What the list says to a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Go ahead with the inner service.
    Pass,
    /// No lease is to be had.
    Full,
    /// Queued; look again at this instant, if there is one.
    Queued(Option<u64>),
}

impl Turns {
    pub(crate) fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A lease without waiting for one.
    pub(crate) fn ask(&mut self, id: u64, machine: &Machine, cx: &Cx<'_>) -> Answer {
        self.drop_expired(cx.now);
        if !self.has_lease(id) {
            if !self.is_place_free(machine, cx) {
                return Answer::Full;
            }
            self.leases.push(Lease { id, until: cx.now.saturating_add(lease_time(cx.config)), reserves: false });
        }
        Answer::Pass
    }

    /// A lease that reserves its place, or a place in the queue for one.
    pub(crate) fn queue(&mut self, id: u64, waker: Waker, machine: &Machine, cx: &Cx<'_>) -> Answer {
        self.drop_expired(cx.now);
        if self.has_lease(id) {
            self.spend(waker);
            return Answer::Pass;
        }
        match self.queue.get_mut(id) {
            Some(waiter) => self.errands.spent.extend(waiter.waker.replace(waker)),
            None => self.queue.push(id, Waiter { waker: Some(waker), looks_at: u64::MAX }),
        }
        self.grant(machine, cx, Some(id));
        if self.has_lease(id) {
            return Answer::Pass;
        }
        let patience = if self.queue.first() == Some(id) { 0 } else { lease_time(cx.config) };
        let look_again = self.next_change(machine, cx).map(|at| at.saturating_add(patience));
        if let Some(waiter) = self.queue.get_mut(id) {
            waiter.looks_at = look_again.unwrap_or(u64::MAX);
        }
        Answer::Queued(look_again)
    }

    /// A waker that is not needed: dropped without the lock.
    pub(crate) fn spend(&mut self, waker: Waker) {
        self.errands.spent.push(waker);
    }

    /// To be woken when the circuit begins to refuse.
    pub(crate) fn watch(&mut self, id: u64, waker: Waker) {
        match self.watchers.get_mut(id) {
            Some(watcher) => self.errands.spent.push(std::mem::replace(watcher, waker)),
            None => self.watchers.push(id, waker),
        }
    }

    /// The inner service answered: a lease that reserves nothing is over.
    pub(crate) fn answered(&mut self, id: u64) {
        self.leases.retain(|lease| lease.id != id || lease.reserves);
    }

    /// Gives back whatever the turn has.
    pub(crate) fn leave(&mut self, id: u64) {
        self.leases.retain(|lease| lease.id != id);
        self.errands.spent.extend(self.queue.remove(id).and_then(|waiter| waiter.waker));
        self.errands.spent.extend(self.watchers.remove(id));
    }

    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Places reserved for others than `turn`.
    pub(crate) fn reserved(&self, turn: Option<u64>, now: u64) -> u32 {
        let others = self.leases.iter().filter(|lease| lease.reserves && lease.until > now && Some(lease.id) != turn);
        u32::try_from(others.count()).unwrap_or(u32::MAX)
    }

    /// After every event: leases end, places are given on, and whoever now has something to do is to be woken.
    pub(crate) fn settle(&mut self, machine: &Machine, cx: &Cx<'_>) -> Errands {
        self.drop_expired(cx.now);
        if machine.admits_or_bypasses(cx) {
            self.leases.clear();
            self.errands.wake.extend(self.queue.take().filter_map(|waiter| waiter.waker));
            return std::mem::take(&mut self.errands);
        }
        if machine.state() == State::Open && machine.free_places(cx) == 0 {
            // What was leased was the right to a probe that has failed since.
            self.leases.clear();
        }
        // One with a lease may wait on; one whose lease is gone hears of it like everybody.
        let leases = &self.leases;
        self.errands.wake.extend(self.watchers.retain(|id| leases.iter().any(|lease| lease.id == id)));
        self.grant(machine, cx, None);
        // The first in the queue keeps the time, for the next change that is due now.
        let next = self.next_change(machine, cx).unwrap_or(u64::MAX);
        if let Some(first) = self.queue.first_mut()
            && first.looks_at > next
        {
            first.looks_at = next;
            self.errands.wake.extend(first.waker.take());
        }
        std::mem::take(&mut self.errands)
    }

    /// As in `settle`, before an event: nobody overtakes the queue.
    pub(crate) fn hand_out(&mut self, machine: &Machine, cx: &Cx<'_>) {
        self.drop_expired(cx.now);
        if !machine.admits_or_bypasses(cx) {
            self.grant(machine, cx, None);
        }
    }

    /// Leases free places to the first in the queue, and has them woken but for the one that is `asking`.
    fn grant(&mut self, machine: &Machine, cx: &Cx<'_>, asking: Option<u64>) {
        let mut free_since = machine.free_since(cx);
        while self.is_place_free(machine, cx) {
            let Some((id, first)) = self.queue.pop_first() else { return };
            // The first may have slept through the moment its place became free: its lease began then. One that asks is
            // awake.
            let from = if Some(id) == asking { cx.now } else { free_since };
            let until = from.saturating_add(lease_time(cx.config));
            if until > cx.now {
                self.leases.push(Lease { id, until, reserves: true });
            } else {
                free_since = cx.now;
            }
            let errands = &mut self.errands;
            if Some(id) == asking { &mut errands.spent } else { &mut errands.wake }.extend(first.waker);
        }
    }

    /// When the first in the queue may find something changed by time alone.
    fn next_change(&self, machine: &Machine, cx: &Cx<'_>) -> Option<u64> {
        let lease = self.leases.iter().map(|lease| lease.until);
        machine.next_change(cx).into_iter().chain(lease).filter(|at| *at > cx.now).min()
    }

    fn is_place_free(&self, machine: &Machine, cx: &Cx<'_>) -> bool {
        machine.free_places(cx) as usize > self.leases.len()
    }

    pub(crate) fn has_lease(&self, id: u64) -> bool {
        self.leases.iter().any(|lease| lease.id == id)
    }

    fn drop_expired(&mut self, now: u64) {
        self.leases.retain(|lease| lease.until > now);
    }
}

fn lease_time(config: &CircuitBreakerConfig) -> u64 {
    nanos(config.half_open_timeout().unwrap_or(LONGEST_LEASE))
}
