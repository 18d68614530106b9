use std::{fmt, mem, time::Duration};

use crate::{
    Circuit, Outcome,
    clock::nanos,
    state::{Kind, Ticket},
};

/// Leave to make one call, from the circuit that gave it.
///
/// End it with [`record`](Self::record). Dropped without an outcome (the caller went away, a timeout outside fired) it is
/// judged by `on_cancel`; a probe's place is given back exactly once in any case. A permit of an older generation changes
/// nothing but the count of stale ones.
///
/// ```
/// use tower_breaker_core::{Circuit, CircuitBreakerConfig, Outcome};
///
/// let circuit = Circuit::new("mail", CircuitBreakerConfig::default());
/// if let Ok(permit) = circuit.try_acquire() {
///     let code = 451; // Whatever the call brought.
///     permit.record(match code {
///         200..300 => Outcome::Success,
///         // No such mailbox: says nothing about the server.
///         550 => Outcome::Ignored,
///         _ => Outcome::Failure,
///     });
/// }
/// assert_eq!(circuit.snapshot().failures_in_row, 1);
/// ```
#[must_use = "a permit dropped at once counts as a call that was cancelled"]
pub struct Permit {
    // `None` once it has ended, so that `Drop` has nothing left to do.
    circuit: Option<Circuit>,
    ticket: Ticket,
}

impl Permit {
    pub(crate) const fn new(circuit: Circuit, ticket: Ticket) -> Self {
        Self { circuit: Some(circuit), ticket }
    }

    /// The circuit that gave it.
    ///
    /// # Panics
    ///
    /// Never: only a permit that has ended has none, and ending consumes it.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        self.circuit.as_ref().expect("a permit that has not ended")
    }

    /// Whether the call was let through although the circuit would have refused it (observing, or a share that is not
    /// enforced). Its outcome is counted apart and changes nothing.
    #[must_use]
    pub fn is_bypass(&self) -> bool {
        self.ticket.kind() == Kind::Bypass
    }

    /// Whether the call is a probe of a half-open circuit.
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.ticket.kind() == Kind::Probe
    }

    /// The call waits for its answer from now on, if it does not wait already. Dropped, it is judged by how long it waited.
    ///
    /// Only a permit of a [`Turn`](crate::Turn) or of [`try_acquire_unstarted`](Circuit::try_acquire_unstarted) needs to be told;
    /// any other one counts from its admission.
    #[inline]
    pub fn start_waiting(&mut self) {
        if let Some(circuit) = &self.circuit
            && self.ticket.started == Ticket::UNKNOWN_START
        {
            self.ticket.started = circuit.start_of_wait();
        }
    }

    /// The call ended now, like this.
    // Always inlined, as all that a healthy call does: a permit that is written in words and moved in pairs of them a moment
    // later costs more than what is done with it.
    #[inline(always)]
    pub fn record(self, outcome: Outcome) {
        self.finish(outcome, None);
    }

    /// The call ended like this and took `elapsed`, whatever the clock says.
    pub fn record_after(self, outcome: Outcome, elapsed: Duration) {
        self.finish(outcome, Some(nanos(elapsed)));
    }

    #[inline(always)]
    fn finish(mut self, outcome: Outcome, elapsed: Option<u64>) {
        let (circuit, ticket) = (self.circuit.take(), self.ticket);
        // It holds nothing any more; without this its destructor would want it in memory.
        mem::forget(self);
        let Some(circuit) = circuit else { return };
        if matches!(outcome, Outcome::Success) && circuit.try_count_success(ticket, elapsed) {
            circuit.leave();
        } else {
            circuit.end(ticket, Some(outcome), elapsed);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(circuit) = self.circuit.take() {
            circuit.end(self.ticket, None, None);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.circuit.as_ref().map(Circuit::name);
        f.debug_struct("Permit").field("circuit", &name).field("ticket", &self.ticket).finish()
    }
}

/// Judges a panic that passes through the code it stands in as a failure of the call.
///
/// Put it around the inner poll or closure and [`disarm`](Self::disarm) it when that has returned. `thread::panicking()`
/// in a destructor would say nothing: it is true for healthy calls of a caller that panics, and false where the panic
/// was caught further in.
///
/// ```
/// # use tower_breaker_core::{Circuit, CircuitBreakerConfig, Outcome, PanicGuard};
/// # let circuit = Circuit::new("db", CircuitBreakerConfig::default());
/// # fn query() {}
/// let mut permit = circuit.try_acquire().ok();
/// let guard = PanicGuard::new(&mut permit);
/// query();
/// guard.disarm();
/// # permit.unwrap().record(Outcome::Success);
/// ```
#[derive(Debug)]
#[must_use = "it guards only while it lives"]
pub struct PanicGuard<'a>(&'a mut Option<Permit>);

impl<'a> PanicGuard<'a> {
    /// Guards the call of `permit`.
    pub const fn new(permit: &'a mut Option<Permit>) -> Self {
        Self(permit)
    }

    /// The code returned: the permit is left to the caller.
    #[inline]
    pub const fn disarm(self) {
        mem::forget(self);
    }
}

impl Drop for PanicGuard<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.0.take() {
            permit.record(Outcome::Failure);
        }
    }
}
