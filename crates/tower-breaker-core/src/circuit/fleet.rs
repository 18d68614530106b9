//! For one who makes many instances act as one: what comes in from the others, and what he has to see to tell them.

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use super::{Circuit, shared::Shared};
use crate::{ByHand, clock::nanos};

impl Circuit {
    /// For the fleet: opens for `wait`, in a new generation and outside the row of opens. Ignored while forced.
    pub fn remote_open(&self, wait: Duration) {
        self.with(|scene| scene.machine.remote_open(&mut scene.cx, nanos(wait)));
    }

    /// For the fleet: closes an open or half-open circuit as successful probes would. Ignored while forced.
    pub fn remote_close(&self) {
        self.with(|scene| scene.machine.remote_close(&mut scene.cx));
    }

    /// For the fleet: somebody else probes, so none goes from here for `at_most`, unless the circuit is closed before.
    /// Another call replaces it, with [`Duration::ZERO`] ends it. Ignored while closed or forced.
    pub fn hold_probes(&self, at_most: Duration) {
        self.with(|scene| scene.machine.hold_probes(&mut scene.cx, nanos(at_most)));
    }

    /// What was set by hand and still stands.
    #[must_use]
    pub fn by_hand(&self) -> ByHand {
        self.with(|scene| scene.machine.commands(scene.cx.now))
    }

    /// How many stand in line for a place, under backpressure. They were not refused, and so no counter shows them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.with(|scene| scene.existing_turns().map_or(0, |turns| turns.waiting()))
    }

    /// A handle that does not keep the circuit: a set may let go of it, and idleness is not disturbed.
    ///
    /// It shows when the circuit goes, so calls of a circuit that is in no set leave no handles to the next ones from now
    /// on, and each counts its own up and down.
    #[must_use]
    pub fn downgrade(&self) -> WeakCircuit {
        self.leave_no_more_handles();
        WeakCircuit { shared: Arc::downgrade(&self.shared) }
    }
}

/// A handle that does not keep its circuit; from [`Circuit::downgrade`].
#[derive(Clone)]
pub struct WeakCircuit {
    shared: Weak<Shared>,
}

impl WeakCircuit {
    /// The circuit, if somebody still holds it. Of a circuit in no set, another thread may hold what its last call before
    /// the [`downgrade`](Circuit::downgrade) left there, until it makes other calls or ends.
    #[must_use]
    pub fn upgrade(&self) -> Option<Circuit> {
        self.shared.upgrade().map(|shared| Circuit { shared })
    }

    /// Whether this is a handle to `circuit`, and not to another that had its name.
    #[must_use]
    pub fn is_of(&self, circuit: &Circuit) -> bool {
        std::ptr::eq(self.shared.as_ptr(), Arc::as_ptr(&circuit.shared))
    }
}

impl fmt::Debug for WeakCircuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.upgrade().map(|circuit| circuit.name().to_owned());
        f.debug_struct("WeakCircuit").field("name", &name).finish()
    }
}
