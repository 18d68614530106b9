//! The handle to one named circuit, and the way to what it guards.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | admission, and looking at it |
//! | `pass.rs` | how a call gets in and out |
//! | `shared.rs` | what the handles share: what calls read without the lock, and the lock |
//! | `locked.rs` | the machine behind its lock, and what follows when the lock is let go |
//! | `scene.rs` | what an event sees while the lock is held |
//! | `spare.rs` | handles that calls leave behind for the next ones |
//! | `keep.rs` | what a set asks to know which of its circuits may go |
//! | `builder.rs` | construction |
//! | `control.rs` | an operator, a reload |
//! | `fleet.rs` | other instances of the same circuit |
//! | `call.rs`, `call_async.rs`, `wrap.rs` | functions and futures guarded without Tower |

mod builder;
mod call;
mod call_async;
mod control;
mod fleet;
mod keep;
mod locked;
mod pass;
mod scene;
mod shared;
mod spare;
mod wrap;

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

pub(crate) use self::shared::Environment;
use self::shared::Shared;
pub use self::{
    builder::CircuitBuilder,
    call_async::{CallAsync, CallAsyncOr},
    fleet::WeakCircuit,
    wrap::{Guarded, GuardedAsync},
};
use crate::{
    CircuitBreakerConfig, Permit, Rejected, Snapshot, State,
    state::{Kind, Ticket},
};

/// A cheap handle to one named circuit; clones are the same circuit.
///
/// Everything rests on three things: [`try_acquire`](Self::try_acquire), [`Permit::record`], and a permit dropped.
///
/// ```
/// use tower_breaker_core::{Circuit, CircuitBreakerConfig, Outcome};
///
/// let circuit = Circuit::new("inventory", CircuitBreakerConfig::default());
/// match circuit.try_acquire() {
///     Ok(permit) => permit.record(Outcome::Success),
///     Err(rejected) => println!("{rejected}; try again in {:?}", rejected.remaining()),
/// }
/// assert_eq!(circuit.snapshot().totals.successes, 1);
/// ```
#[doc(alias("CircuitBreaker"))]
#[derive(Clone)]
pub struct Circuit {
    shared: Arc<Shared>,
}

impl Circuit {
    /// A circuit on the system's clock.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, config: CircuitBreakerConfig) -> Self {
        Self::builder(name).config(config).build()
    }

    /// Sets clock, seed, observers and the like before building.
    pub fn builder(name: impl Into<Arc<str>>) -> CircuitBuilder {
        CircuitBuilder::new(name.into())
    }

    /// The circuit's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// Asks to make a call. The permit is to be kept while the call runs and ended with its outcome; dropped without
    /// one, it is judged by `on_cancel`.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the circuit refuses; the refusal is counted.
    #[inline]
    pub fn try_acquire(&self) -> Result<Permit, Rejected> {
        match self.shared.gate.admits() {
            Some(generation) => Ok(self.handle().permit(generation)),
            None => self.acquire_or_refuse(),
        }
    }

    /// As [`try_acquire`](Self::try_acquire), moving the handle into the permit: for callers that hold one to give away.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the circuit refuses.
    #[inline]
    pub fn try_acquire_owned(self) -> Result<Permit, Rejected> {
        match self.shared.gate.admits() {
            Some(generation) => Ok(self.permit(generation)),
            None => self.acquire_or_refuse(),
        }
    }

    /// For authors of middleware: as [`try_acquire_owned`](Self::try_acquire_owned), but the permit is to be told when its
    /// call begins to wait for an answer ([`Permit::start_waiting`]). A call that never waits need not look at the clock.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the circuit refuses.
    #[inline]
    pub fn try_acquire_unstarted(self) -> Result<Permit, Rejected> {
        match self.shared.gate.admits() {
            Some(generation) => Ok(self.permit_unstarted(generation)),
            None => self.acquire_or_refuse(),
        }
    }

    /// As [`try_acquire`](Self::try_acquire), but a refusal is not counted, and nothing passes that would have been
    /// refused: for judging what was not a call.
    #[must_use]
    pub fn try_acquire_quietly(&self) -> Option<Permit> {
        self.acquire_quietly_as(None)
    }

    /// Asks whether a call would be refused for certain, before something is spent on it. `Ok` reserves nothing.
    ///
    /// # Errors
    ///
    /// [`Rejected`], counted as a refusal. A refusal that would only be observed, or drawn by `enforcement`, is none.
    pub fn check(&self) -> Result<(), Rejected> {
        if self.is_admitting() {
            return Ok(());
        }
        match self.certain_refusal() {
            Some(refused) => Err(self.refuse_now(refused)),
            None => Ok(()),
        }
    }

    /// As [`check`](Self::check), counting nothing: for a retry that wonders whether another attempt makes sense.
    #[must_use]
    pub fn would_refuse(&self) -> bool {
        !self.is_admitting() && self.certain_refusal().is_some()
    }

    /// The state now. A half-open circuit whose deadline has passed is open as of that deadline.
    #[must_use]
    pub fn state(&self) -> State {
        self.with(|scene| scene.machine.state())
    }

    /// Everything there is to see now.
    #[doc(alias("metrics"))]
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.with(|scene| scene.snapshot(&self.shared))
    }

    /// The configuration in force.
    #[must_use]
    pub fn config(&self) -> Arc<CircuitBreakerConfig> {
        self.with(|scene| Arc::clone(scene.cx.config))
    }

    /// Notes that a fallback answered in place of a call.
    pub fn record_fallback(&self) {
        self.with(|scene| {
            scene.machine.count_fallback(&mut scene.cx);
        });
    }

    #[inline]
    fn permit(self, generation: u64) -> Permit {
        let started = if self.shared.is_timed() { self.now() } else { Ticket::UNKNOWN_START };
        Permit::new(self, Ticket::new(Kind::Call, generation, started))
    }

    #[inline(always)]
    pub(super) fn permit_unstarted(self, generation: u64) -> Permit {
        let started = if self.shared.is_timed_from_admission() { self.now() } else { Ticket::UNKNOWN_START };
        Permit::new(self, Ticket::new(Kind::Call, generation, started))
    }

    /// When a call began that has to wait now: its silence may decide something.
    pub(crate) fn start_of_wait(&self) -> u64 {
        if self.shared.is_timed() { self.now() } else { Ticket::UNKNOWN_START }
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.shared.now()
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

// A panic leaves a circuit whole: no user code runs under its lock.
impl UnwindSafe for Circuit {}
impl RefUnwindSafe for Circuit {}

impl fmt::Debug for Circuit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.snapshot();
        f.debug_struct("Circuit")
            .field("name", &snapshot.name)
            .field("state", &snapshot.state)
            .field("mode", &snapshot.mode)
            .finish_non_exhaustive()
    }
}
