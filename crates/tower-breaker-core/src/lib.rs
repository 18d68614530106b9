//! The circuit of tower-breaker: a circuit breaker for any call, without a runtime, without Tower, without HTTP.
//!
//! A [`Circuit`] is a cheap handle to one named breaker. It lets calls through while they do well (*closed*), refuses them
//! once too many failed (*open*), and after a wait lets a few probes find out whether all is well again (*half-open*).
//! Nothing runs in the background: time is looked at when somebody asks.
//!
//! ```
//! use std::time::Duration;
//! use tower_breaker_core::{Circuit, CircuitBreakerConfig, Error};
//!
//! let config = CircuitBreakerConfig::builder().failure_threshold(3).open_duration(Duration::from_secs(10)).build()?;
//! let circuit = Circuit::new("inventory", config);
//!
//! match circuit.call(|| query_inventory("tea")) {
//!     Ok(stock) => println!("{stock} left"),
//!     Err(Error::CircuitOpen(rejected)) => println!("not asked: {rejected}"),
//!     Err(error) => println!("asked in vain: {error}"),
//! }
//! # fn query_inventory(_: &str) -> Result<u32, std::io::Error> { Ok(7) }
//! # Ok::<(), tower_breaker_core::InvalidConfig>(())
//! ```
//!
//! # What there is
//!
//! - [`Circuit`]: [`call`](Circuit::call), [`call_async`](Circuit::call_async), [`wrap`](Circuit::wrap), or a [`Permit`] to
//!   hold while something else calls; manual control; [`reconfigure`](Circuit::reconfigure) while it lives.
//! - [`CircuitBreakerConfig`]: how it decides. The table of fields, defaults and ranges stands there.
//! - [`Circuits`]: many circuits by name, in bounded memory.
//! - [`Snapshot`] to look at one, [`Observe`] to be told.
//! - [`Clock`], with a [`ManualClock`] for tests, yours included.
//! - [`EjectionGroup`]: a cap on how many of a group may be out at once.
//! - [`Bulkhead`]: so many calls at once, so many more in a queue, and the rest refused.
//! - [`Turn`] and [`PanicGuard`]: for authors of middleware.
//!
//! # When not to use it
//!
//! Where a call cannot fail for a while (pure computation), where its failures are the caller's own, or where there is
//! nothing better to do than to wait: a breaker turns slow failures into fast ones, and somebody has to be glad of that.
//! Services of Tower, axum, tonic and reqwest are guarded by the layers of the `tower-breaker` crate, which is built on this
//! one and re-exports it.

// Says of each item which feature brings it, where docs are built with `--cfg docsrs` on nightly.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod bulkhead;
mod by_hand;
mod circuit;
mod circuits;
mod clock;
mod config;
mod ejection;
mod error;
#[cfg(feature = "serde")]
mod export;
mod figures;
mod gate;
mod name;
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
    bulkhead::{Admission, Bulkhead, BulkheadBuilder, Place, Waiter},
    by_hand::{ByHand, Forced},
    circuit::{CallAsync, CallAsyncOr, Circuit, CircuitBuilder, Guarded, GuardedAsync, WeakCircuit},
    circuits::{Circuits, CircuitsBuilder},
    clock::{Clock, ManualClock, SystemClock},
    config::{CircuitBreakerConfig, CircuitBreakerConfigBuilder, HalfOpenRule, Mode, OnCancel, SlidingWindow},
    ejection::EjectionGroup,
    error::{Error, InvalidConfig, Reason, Rejected},
    figures::{BulkheadFigures, Figure, Figures, Measure, RateLimitFigures, RetryFigures, TimeoutFigures},
    observe::{Observe, RefusalEvent, Transition},
    outcome::Outcome,
    permit::{PanicGuard, Permit},
    refusal::{BulkheadFull, Exhausted, Interruption, RateLimited, Refusal, TimedOut, TimeoutKind},
    snapshot::{Counters, Opened, RefusalCount, Refusals, Snapshot, Totals, Transitions},
    state::{ActiveMode, Condition, State},
    turn::{Readiness, Turn},
    window::WindowCounts,
};
