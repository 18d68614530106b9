//! How calls get in and out of a circuit: by hand here, through the layer in the tests that have one.

use std::{
    panic::{self, AssertUnwindSafe},
    time::Duration,
};

use tower_breaker_core::{Circuit, Error, Outcome, PanicGuard, Permit, Reason};

/// Why a call was refused, and for how long.
pub(crate) type Refusal = (Reason, Duration);

/// A way to make calls. What is out is dropped to cancel it.
pub(crate) trait Way {
    /// A call that was let through and has not ended.
    type Call;

    fn new(circuit: &Circuit) -> Self;

    /// Makes a call, which goes on if it is let through.
    fn enter(&mut self) -> Result<Self::Call, Refusal>;

    /// A call ends, after `took` where that is not what the clock says.
    fn end(&mut self, call: Self::Call, outcome: Outcome, took: Option<Duration>);

    /// What runs behind the circuit panics.
    fn panic(&mut self, call: Self::Call);

    /// Makes a call that ends before anybody waits for it; `None`: in a panic.
    fn run(&mut self, outcome: Option<Outcome>) -> Result<(), Refusal>;

    /// Admits what the machine admits, and counts no refusal.
    fn enter_quietly(&mut self) -> Option<Self::Call>;

    /// What stands behind the circuit fails before there is a call, and that is judged if the circuit would let one through.
    fn fail_unready(&mut self);

    /// Whether a call was let through although refused, where that is told.
    fn is_bypass(call: &Self::Call) -> Option<bool>;
}

/// Permits, and closures.
pub(crate) struct ByHand(Circuit);

impl Way for ByHand {
    type Call = Permit;

    fn new(circuit: &Circuit) -> Self {
        Self(circuit.clone())
    }

    fn enter(&mut self) -> Result<Permit, Refusal> {
        self.0.try_acquire().map_err(|rejected| (rejected.reason(), rejected.remaining()))
    }

    fn end(&mut self, permit: Permit, outcome: Outcome, took: Option<Duration>) {
        match took {
            Some(took) => permit.record_after(outcome, took),
            None => permit.record(outcome),
        }
    }

    fn panic(&mut self, permit: Permit) {
        let mut permit = Some(permit);
        panics(|| {
            let _guard = PanicGuard::new(&mut permit);
            panic::resume_unwind(Box::new("as drawn"))
        });
    }

    fn run(&mut self, outcome: Option<Outcome>) -> Result<(), Refusal> {
        let circuit = &self.0;
        let ended = panic::catch_unwind(AssertUnwindSafe(|| match outcome {
            Some(outcome) => circuit.call_with(|| Err::<(), ()>(()), |_| outcome),
            None => circuit.call(|| panic::resume_unwind(Box::new("as drawn"))),
        }));
        match ended {
            Ok(Err(Error::CircuitOpen(rejected))) => Err((rejected.reason(), rejected.remaining())),
            _ => Ok(()),
        }
    }

    fn enter_quietly(&mut self) -> Option<Permit> {
        self.0.try_acquire_quietly()
    }

    fn fail_unready(&mut self) {
        if let Some(permit) = self.0.try_acquire_quietly() {
            permit.record(Outcome::Failure);
        }
    }

    fn is_bypass(permit: &Permit) -> Option<bool> {
        Some(permit.is_bypass())
    }
}

/// Runs what panics. Without the hook's message: thousands of them are drawn.
pub(crate) fn panics<T>(what: impl FnOnce() -> T) {
    assert!(panic::catch_unwind(AssertUnwindSafe(what)).is_err(), "it was to panic");
}
