//! For authors of middleware: a service clone's turn at a circuit.
//!
//! A service that has to wait for another must say in `poll_ready` whether it would refuse; a [`Turn`] keeps what such a
//! clone knows between its polls. Callers that only make calls need [`Circuit::try_acquire`] and nothing of this.

use std::{fmt, task::Waker, time::Duration};

use crate::{Circuit, Permit, Reason, Rejected, state::duration, turns::Answer};

/// What a circuit says to a clone that asks whether it is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readiness {
    /// Ask the inner service.
    Pass,
    /// Ready at once: the next [`Turn::acquire`] refuses.
    Refuse,
    /// Not ready. The waker is kept; look again after this time by a timer, if there is one.
    #[non_exhaustive]
    Wait {
        /// How long from now.
        look_again: Option<Duration>,
    },
}

/// One service clone's turn at a circuit.
///
/// What it holds (a place in the queue, a lease) it gives back when it is dropped. A clone of it is a turn of its own, on
/// the same circuit, that holds nothing.
pub struct Turn {
    circuit: Circuit,
    /// Its name in the circuit's list, once it has one.
    id: Option<u64>,
    /// A refusal seen by `ask`: the next `acquire` repeats it.
    refusing: Option<(Reason, u64)>,
}

impl Turn {
    /// A turn that holds nothing yet.
    #[must_use]
    pub const fn new(circuit: Circuit) -> Self {
        Self { circuit, id: None, refusing: None }
    }

    /// The circuit.
    #[must_use]
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Asks without ever waiting: [`Readiness::Pass`] or [`Readiness::Refuse`]. While a probe could be admitted, one
    /// asker per free place passes (it has a lease until [`answered`](Self::answered)) and the others are refused.
    /// Only certain refusals refuse here: a share is drawn in [`acquire`](Self::acquire).
    #[inline(always)]
    pub fn ask(&mut self) -> Readiness {
        self.refusing = None;
        if self.circuit.is_admitting() {
            return Readiness::Pass;
        }
        self.ask_refusing()
    }

    #[cold]
    #[inline(never)]
    fn ask_refusing(&mut self) -> Readiness {
        if let Some(remaining) = self.circuit.refuses_at_the_gate() {
            self.refusing = Some((Reason::Open, remaining));
            return Readiness::Refuse;
        }
        let id = &mut self.id;
        self.refusing = self.circuit.with(|scene| {
            if !scene.machine.refuses_for_certain(&scene.cx) {
                return None;
            }
            scene.hand_out();
            // Places reserved by others and leases of others are not for this one.
            scene.machine.verdict(&scene.cx, 0).err().or_else(|| {
                let (turns, machine, cx) = scene.with_turns();
                let id = *id.get_or_insert_with(|| turns.new_id());
                (turns.ask(id, machine, cx) == Answer::Full).then_some((Reason::HalfOpen, 0))
            })
        });
        if self.refusing.is_some() { Readiness::Refuse } else { Readiness::Pass }
    }

    /// Asks, and queues while the circuit refuses: [`Readiness::Pass`] or [`Readiness::Wait`]. A pass while a probe could
    /// be admitted reserves its place until [`acquire`](Self::acquire), drop, or `half_open_timeout` (60 s where off).
    pub fn wait(&mut self, waker: &Waker) -> Readiness {
        self.refusing = None;
        if self.circuit.is_admitting() {
            return Readiness::Pass;
        }
        let (id, waker) = (&mut self.id, waker.clone());
        self.circuit.with(|scene| {
            let passes = scene.machine.admits_or_bypasses(&scene.cx);
            let (turns, machine, cx) = scene.with_turns();
            if passes {
                turns.spend(waker);
                return Readiness::Pass;
            }
            let id = *id.get_or_insert_with(|| turns.new_id());
            match turns.queue(id, waker, machine, cx) {
                Answer::Queued(at) => Readiness::Wait { look_again: at.map(|at| duration(at.saturating_sub(cx.now))) },
                Answer::Pass | Answer::Full => Readiness::Pass,
            }
        })
    }

    /// The inner service is pending: has `waker` woken when the circuit begins to refuse, so that a clone does not go on
    /// waiting for a service that others know to be down.
    pub fn watch(&mut self, waker: &Waker) {
        let (id, watcher) = (&mut self.id, waker.clone());
        let began_meanwhile = self.circuit.with(|scene| {
            let refuses = !scene.machine.admits_or_bypasses(&scene.cx);
            let (turns, ..) = scene.with_turns();
            let id = *id.get_or_insert_with(|| turns.new_id());
            // One that waits with a lease may wait on, as long as it has it.
            let began = refuses && !turns.has_lease(id);
            if began {
                turns.spend(watcher);
            } else {
                turns.watch(id, watcher);
            }
            began
        });
        if began_meanwhile {
            waker.wake_by_ref();
        }
    }

    /// The inner service answered: a lease to wait for it ends. A place reserved by [`wait`](Self::wait) stays.
    #[inline(always)]
    pub fn answered(&mut self) {
        if let Some(id) = self.id
            && !self.circuit.is_admitting()
        {
            self.end_lease(id);
        }
    }

    #[cold]
    #[inline(never)]
    fn end_lease(&self, id: u64) {
        self.circuit.with(|scene| {
            if let Some(turns) = scene.existing_turns() {
                turns.answered(id);
            }
        });
    }

    /// Admission, in `call`, where every call is let through; where not, [`acquire`](Self::acquire) says what is to be done.
    /// Tell the permit when the call begins to wait ([`Permit::start_waiting`]).
    #[inline(always)]
    #[must_use]
    pub fn admit(&self) -> Option<Permit> {
        if self.refusing.is_some() { None } else { self.circuit.admit_unstarted() }
    }

    /// The refusal that [`ask`](Self::ask) saw, in `call`, where the circuit is simply open; where not,
    /// [`acquire`](Self::acquire) says what is to be done. Counted.
    #[inline(always)]
    pub fn refuse(&mut self) -> Option<Rejected> {
        let Some((Reason::Open, remaining)) = self.refusing else { return None };
        let rejected = self.circuit.refuse_at_the_gate(remaining)?;
        self.refusing = None;
        Some(rejected)
    }

    /// Admission, in `call`: with the place reserved, or as anybody; a refusal seen by [`ask`](Self::ask) is repeated even
    /// if the circuit has closed since, for the inner service was not asked. Tell the permit when the call begins to wait
    /// ([`Permit::start_waiting`]).
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the circuit refuses, counted.
    pub fn acquire(&mut self) -> Result<Permit, Rejected> {
        if let Some(refused) = self.refusing.take() {
            return Err(self.circuit.refuse_now(refused));
        }
        match (self.circuit.admit_unstarted(), self.id) {
            (Some(permit), _) => Ok(permit),
            (None, Some(id)) => self.circuit.acquire_as(Some(id)),
            (None, None) => self.circuit.acquire_or_refuse(),
        }
    }

    /// As [`acquire`](Self::acquire), but a refusal is not counted, and nothing passes that would have been refused: for
    /// judging an inner service that failed before there was a call.
    #[must_use]
    pub fn acquire_quietly(&mut self) -> Option<Permit> {
        self.refusing = None;
        self.circuit.acquire_quietly_as(self.id)
    }

    /// Gives back whatever this turn holds.
    fn release(&mut self) {
        if let Some(id) = self.id.take() {
            self.circuit.with(|scene| {
                if let Some(turns) = scene.existing_turns() {
                    turns.leave(id);
                }
            });
        }
    }
}

// By hand: a lease or a place in the queue belongs to one clone.
impl Clone for Turn {
    fn clone(&self) -> Self {
        Self::new(self.circuit.clone())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.release();
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("circuit", &self.circuit.name()).finish_non_exhaustive()
    }
}
