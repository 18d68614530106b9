//! Fault isolation for Tower: a circuit breaker that any [`Service`](tower_service::Service) can wear.
//!
//! A circuit breaker watches the calls to something that may fail. While too many of them do, it refuses further ones at
//! once instead of letting every caller wait for an answer that will not come, and lets the sick thing recover; then it
//! tries with a few calls whether it is well again.
//!
//! ```
//! use std::io;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_breaker::{Circuit, CircuitBreakerConfig, CircuitBreakerLayer, Error};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = CircuitBreakerConfig::builder().failure_threshold(3).build()?;
//! let mut orders = ServiceBuilder::new()
//!     .layer(CircuitBreakerLayer::new(Circuit::new("orders", config)))
//!     .service(service_fn(|_id: u64| async { Err::<String, _>(io::Error::from(io::ErrorKind::ConnectionRefused)) }));
//!
//! for _ in 0..3 {
//!     let answer = orders.ready().await?.call(17).await;
//!     assert!(matches!(answer, Err(Error::Inner(_))));
//! }
//! // From here on nobody waits for it.
//! let answer = orders.ready().await?.call(17).await;
//! assert!(matches!(answer, Err(Error::CircuitOpen(refused)) if refused.name() == "orders"));
//! # Ok(())
//! # }
//! ```
//!
//! # What is here
//!
//! - [`CircuitBreakerLayer`]: one circuit around a service. `CircuitBreakerLayer::http` (feature `http`) is the one for axum.
//! - [`KeyedCircuitBreakerLayer`]: one circuit for each key of the request: host, route, tenant.
//! - `RateLimitLayer` (feature `rate-limit`): so many calls a second. `FallbackLayer` (feature `fallback`): what answers in
//!   place of a call.
//! - [`classify`]: what is a failure. [`refuse`]: what a caller gets instead.
//! - `resilience` (feature `resilience`): all stages in the right order, by one layer.
//! - `retry` (feature `retry`): another attempt, within a budget.
//! - `routes` (feature `config`): which calls get which circuit breaker, from a file that may change.
//! - `timeout` (feature `timeout`): so much time for a call, whole or each attempt. [`Expire`] lets a breaker know.
//! - `bulkhead` (feature `bulkhead`): so many calls at once, so many more in a queue.
//! - `trace` (feature `tracing`): transitions, refusals, retries and fallbacks as events for logs.
//! - `Circuits::save` and `load` (feature `state-file`): open circuits stay open across a restart.
//! - [`Circuit`] itself guards plain functions and futures, without Tower: [`Circuit::call`], [`Circuit::wrap`].
//! - [`TokioClock`]: circuits on tokio's time, so that tests with paused time drive them.
//! - [`guide`]: pages to read, on each framework, the order of the stages, testing, and life beside a mesh.
//!
//! # When not to use it
//!
//! Around something local that fails or works as a whole with this process, around one-off jobs, and in place of a timeout:
//! a breaker without one does not see a dependency that hangs until its callers give up.

// Says of each item which feature brings it, where docs are built with `--cfg docsrs` on nightly.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod breaker;
#[cfg(feature = "bulkhead")]
pub mod bulkhead;
pub mod classify;
mod clock;
#[cfg(all(feature = "http", any(feature = "retry", feature = "timeout")))]
mod deadline;
mod expire;
#[cfg(feature = "fallback")]
pub mod fallback;
pub mod guide;
#[cfg(feature = "http")]
mod headers;
pub mod key;
pub mod keyed;
#[cfg(any(feature = "retry", feature = "timeout"))]
mod moment;
#[cfg(any(feature = "bulkhead", feature = "rate-limit", feature = "timeout"))]
pub mod oneshot;
#[cfg(feature = "rate-limit")]
pub mod rate_limit;
pub mod refuse;
#[cfg(feature = "resilience")]
pub mod resilience;
#[cfg(feature = "retry")]
pub mod retry;
#[cfg(feature = "config")]
pub mod routes;
#[cfg(feature = "timeout")]
pub mod timeout;
#[cfg(any(feature = "bulkhead", feature = "fallback", feature = "rate-limit", feature = "timeout"))]
mod timer;
#[cfg(feature = "tracing")]
pub mod trace;
#[cfg(any(feature = "bulkhead", feature = "timeout"))]
pub mod until;
mod view;

#[cfg(feature = "state-file")]
#[doc(inline)]
pub use tower_breaker_core::StateFileError;
#[doc(inline)]
pub use tower_breaker_core::{
    ActiveMode, Admission, Bulkhead, BulkheadBuilder, BulkheadFigures, BulkheadFull, ByHand, CallAsync, CallAsyncOr,
    Circuit, CircuitBreakerConfig, CircuitBreakerConfigBuilder, CircuitBuilder, Circuits, CircuitsBuilder, Clock,
    Condition, Counters, EjectionGroup, Error, Exhausted, Figure, Figures, Forced, Guarded, GuardedAsync, HalfOpenRule,
    Interruption, InvalidConfig, ManualClock, Measure, Mode, Observe, OnCancel, Opened, Outcome, PanicGuard, Permit,
    Place, RateLimitFigures, RateLimited, Readiness, Reason, Refusal, RefusalCount, RefusalEvent, Refusals, Rejected,
    RetryFigures, SlidingWindow, Snapshot, State, SystemClock, TimedOut, TimeoutFigures, TimeoutKind, Totals,
    Transition, Transitions, Turn, Waiter, WeakCircuit, WindowCounts,
};
#[cfg(any(feature = "config", feature = "state-file"))]
#[doc(inline)]
pub use tower_breaker_core::{Export, InvalidExport};

#[cfg(feature = "bulkhead")]
#[doc(inline)]
pub use self::bulkhead::{BulkheadLayer, BulkheadService};
#[cfg(feature = "timeout")]
#[doc(inline)]
pub use self::timeout::{Timeout, TimeoutLayer};

#[cfg(feature = "fallback")]
#[doc(inline)]
pub use self::fallback::{Fallback, FallbackLayer};
#[cfg(feature = "rate-limit")]
#[doc(inline)]
pub use self::rate_limit::{RateLimit, RateLimitLayer};
#[cfg(feature = "resilience")]
#[doc(inline)]
pub use self::resilience::ResilienceLayer;
#[cfg(feature = "retry")]
#[doc(inline)]
pub use self::retry::{Retry, RetryLayer};
#[cfg(feature = "tracing")]
#[doc(inline)]
pub use self::trace::TraceEvents;
#[doc(inline)]
pub use self::{
    breaker::{CircuitBreaker, CircuitBreakerLayer},
    clock::TokioClock,
    expire::Expire,
    keyed::{KeyedCircuitBreaker, KeyedCircuitBreakerLayer},
};
