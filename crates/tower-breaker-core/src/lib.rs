//! The circuit of tower-breaker.

mod circuit;
mod circuits;
mod clock;
mod config;
mod ejection;
mod error;
#[cfg(feature = "serde")]
mod export;
mod gate;
mod observe;
mod outcome;
mod permit;
mod refusal;
mod snapshot;
mod state;
mod sync;
mod turn;
mod turns;
mod window;

#[cfg(feature = "state-file")]
pub use self::export::StateFileError;
#[cfg(feature = "serde")]
pub use self::export::{Export, InvalidExport};
pub use self::{
    circuit::{CallAsync, CallAsyncOr, Circuit, CircuitBuilder, Guarded, GuardedAsync},
    circuits::{Circuits, CircuitsBuilder},
    clock::{Clock, ManualClock, SystemClock},
    config::{CircuitBreakerConfig, CircuitBreakerConfigBuilder, HalfOpenRule, Mode, OnCancel, SlidingWindow},
    ejection::EjectionGroup,
    error::{Error, InvalidConfig, Reason, Rejected},
    observe::{Observe, RefusalEvent, Transition},
    outcome::Outcome,
    permit::{PanicGuard, Permit},
    refusal::Refusal,
    snapshot::{Counters, Opened, RefusalCount, Refusals, Snapshot, Totals, Transitions},
    state::{ActiveMode, Condition, State},
    turn::{Readiness, Turn},
    window::WindowCounts,
};
