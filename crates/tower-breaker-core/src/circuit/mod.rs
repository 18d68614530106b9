//! The handle to one named circuit, and the way to what it guards.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | admission, and looking at it |
//! | `locked.rs` | the machine behind its lock, and what follows when the lock is let go |
//! | `builder.rs` | construction |
//! | `control.rs` | an operator, a reload, the fleet |
//! | `call.rs`, `call_async.rs`, `wrap.rs` | functions and futures guarded without Tower |

mod builder;
mod call;
mod call_async;
mod control;
mod locked;
mod wrap;

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

pub(crate) use self::locked::Environment;
use self::locked::{Keep, Shared};
pub use self::{
    builder::CircuitBuilder,
    call_async::{CallAsync, CallAsyncOr},
    wrap::{Guarded, GuardedAsync},
};
use crate::{
    CircuitBreakerConfig, Outcome, Permit, Reason, Rejected, Snapshot, State,
    gate::Counted,
    state::{Kind, Refused, Ticket, duration},
    sync::Ordering,
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
            Some(generation) => Ok(self.clone().permit(generation)),
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

    /// As [`try_acquire`](Self::try_acquire), but a refusal is not counted, and nothing passes that would have been
    /// refused: for judging what was not a call.
    #[must_use]
    pub fn try_acquire_quietly(&self) -> Option<Permit> {
        let ticket = self.with(|scene| {
            let reserved = scene.reserved(None);
            scene.machine.verdict(&scene.cx, reserved).ok()?;
            Some(scene.machine.admit(&mut scene.cx))
        });
        ticket.map(|ticket| Permit::new(self.clone(), ticket))
    }

    /// Asks whether a call would be refused for certain, before something is spent on it. `Ok` reserves nothing.
    ///
    /// # Errors
    ///
    /// [`Rejected`], counted as a refusal. A refusal that would only be observed, or drawn by `enforcement`, is none.
    pub fn check(&self) -> Result<(), Rejected> {
        if self.shared.gate.admits().is_some() {
            return Ok(());
        }
        if let Some(remaining) = self.shared.gate.refuses(|| self.now()) {
            return Err(self.refused_at_the_gate(remaining));
        }
        let verdict = self.with(|scene| {
            let reserved = scene.reserved(None);
            match scene.machine.verdict(&scene.cx, reserved) {
                Err(refused) if scene.machine.refuses_for_certain(&scene.cx) => {
                    scene.machine.refuse(&mut scene.cx, refused)
                }
                _ => Ok(()),
            }
        });
        verdict.map_err(|(reason, remaining)| self.rejected(reason, remaining))
    }

    /// The state now. A half-open circuit whose deadline has passed is open as of that deadline.
    #[must_use]
    pub fn state(&self) -> State {
        self.with(|scene| scene.machine.state())
    }

    /// Everything there is to see now.
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
        Permit::new(self, Ticket { kind: Kind::Call, generation, started })
    }

    #[cold]
    #[inline(never)]
    fn acquire_or_refuse(&self) -> Result<Permit, Rejected> {
        match self.shared.gate.refuses(|| self.now()) {
            Some(remaining) => Err(self.refused_at_the_gate(remaining)),
            None => self.acquire_as(None),
        }
    }

    /// Under the lock; `turn` may have a place reserved.
    pub(crate) fn acquire_as(&self, turn: Option<u64>) -> Result<Permit, Rejected> {
        let ticket = self.with(|scene| {
            let reserved = scene.reserved(turn);
            if let (Some(turns), Some(turn)) = (scene.existing_turns(), turn) {
                turns.leave(turn);
            }
            scene.machine.acquire(&mut scene.cx, reserved)
        });
        match ticket {
            Ok(ticket) => Ok(Permit::new(self.clone(), ticket)),
            Err((reason, remaining)) => Err(self.rejected(reason, remaining)),
        }
    }

    #[inline]
    pub(crate) fn is_admitting(&self) -> bool {
        self.shared.gate.admits().is_some()
    }

    pub(crate) fn refuses_at_the_gate(&self) -> Option<u64> {
        self.shared.gate.refuses(|| self.now())
    }

    /// A refusal that was decided before: counted and carried out.
    pub(crate) fn refuse_now(&self, (reason, remaining): Refused) -> Rejected {
        if reason == Reason::Open && self.shared.gate.is_refusing() {
            return self.refused_at_the_gate(remaining);
        }
        self.with(|scene| scene.machine.count_refusal(&mut scene.cx, reason, true));
        self.rejected(reason, remaining)
    }

    fn refused_at_the_gate(&self, remaining: u64) -> Rejected {
        self.shared.gate.count_refusal();
        self.rejected(Reason::Open, remaining)
    }

    pub(crate) fn rejected(&self, reason: Reason, remaining: u64) -> Rejected {
        Rejected::new(Arc::clone(&self.shared.name), reason, duration(remaining))
    }

    /// A permit ends, with an outcome or dropped. `elapsed` in nanoseconds, where it is not what the clock says. Kept out
    /// of line: most calls end without it.
    #[inline(never)]
    pub(crate) fn end(&self, ticket: Ticket, outcome: Option<Outcome>, elapsed: Option<u64>) {
        self.with(|scene| {
            let elapsed = elapsed.unwrap_or_else(|| scene.cx.now.saturating_sub(ticket.started));
            scene.machine.end(&mut scene.cx, ticket, outcome, elapsed);
        });
    }

    /// Whoever takes the lock absorbs first: coming by is enough.
    #[cold]
    #[inline(never)]
    fn absorb(&self) {
        self.with(|_| ());
    }

    /// A success of a call that a closed circuit let through, without the lock if it decides nothing.
    #[inline]
    pub(crate) fn try_count_success(&self, ticket: Ticket, elapsed: Option<u64>) -> bool {
        if ticket.kind != Kind::Call {
            return false;
        }
        let slow_after = self.shared.slow_after();
        let counted = if slow_after == u64::MAX {
            self.shared.gate.count_success(ticket.generation, || self.now())
        } else {
            let now = self.now();
            if elapsed.unwrap_or_else(|| now.saturating_sub(ticket.started)) > slow_after {
                return false;
            }
            self.shared.gate.count_success(ticket.generation, || now)
        };
        if counted == Counted::Late {
            self.absorb();
        }
        counted != Counted::No
    }

    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.shared.now()
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

/// What a set asks to know which of its circuits may go. No lock: it is asked under the map's.
impl Circuit {
    /// Not yet seen by anybody.
    pub(crate) fn is_new(&self) -> bool {
        self.shared.keep.load(Ordering::Relaxed) == Keep::New as u8
    }

    pub(crate) fn no_longer_new(&self) {
        // Relaxed, and only if nothing happened to it yet: what happened has the say.
        let (new, plain) = (Keep::New as u8, Keep::Plain as u8);
        let _ = self.shared.keep.compare_exchange(new, plain, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Not closed, or forced.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        self.shared.keep.load(Ordering::Relaxed) == Keep::Last as u8
    }

    /// Whether nobody called since this was last asked, and nothing is lost by letting it go.
    pub(crate) fn was_idle(&self) -> bool {
        let snapshot = self.snapshot();
        let calls = snapshot.totals.calls() + snapshot.refusals.detected();
        self.shared.calls_seen.swap(calls, Ordering::Relaxed) == calls && !self.is_worth_keeping()
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
