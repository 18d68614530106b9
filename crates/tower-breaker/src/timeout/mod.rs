//! So much time for a call, whole or each attempt.
//!
//! A service that hangs takes its callers along. A breaker does not help against that: it learns of a call when the call
//! ends. So every attempt needs an end ([`TimeoutLayer::attempt`], inside the breaker, which sees it as a failure), and so
//! does a call that is retried, queued and waited for ([`TimeoutLayer::whole`], outermost).
//!
//! ```
//! use std::time::Duration;
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//! use tower_breaker::{Circuit, CircuitBreakerLayer, Error, TimeoutLayer, refuse::AsSameError};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let hung = service_fn(|_: ()| std::future::pending::<Result<(), std::io::Error>>());
//! let circuit = Circuit::new("orders", Default::default());
//! let orders = ServiceBuilder::new()
//!     .layer(TimeoutLayer::whole(Duration::from_millis(500)).expiring().refuse(AsSameError))
//!     .layer(CircuitBreakerLayer::new(circuit.clone()))
//!     .service(hung);
//!
//! let answer = orders.oneshot(()).await;
//! assert!(matches!(answer, Err(Error::TimedOut(limit)) if limit.limit() == Duration::from_millis(500)));
//! // Told by the timeout, the breaker knows that the call was not given up by its caller.
//! assert_eq!(circuit.snapshot().totals.failures, 1);
//! # }
//! ```
//!
//! # What it costs
//!
//! One look at the clock for each call, which the stages further in that are called within it (retry, another timeout) share,
//! and room for a timer in its future; the timer is armed only when the call is pending at its first poll. Nothing is boxed.
//! A timeout of the whole call asks the inner service in `call` whether it is ready, and clones it only if it is not. A result
//! that is ready in the same poll as the deadline wins.
//!
//! # A caller's own time
//!
//! A gRPC caller says how long it waits (`grpc-timeout`). `TimeoutLayer::grpc_timeout` (feature `http`) minds it: the smaller of
//! the two bounds the call, and the service inside is told what is left. A stack made by `ResilienceLayer::builder().grpc()`
//! does so at the timeout of the whole call and before each attempt.
//!
//! # When not to use it
//!
//! Where the client underneath has a timeout of its own that ends what it does on the wire, use that one for attempts. And
//! a timeout ends only the waiting: what the call began elsewhere may go on.

#[cfg(feature = "http")]
mod body;
mod caller;
mod deadline;
mod future;
mod kind;
mod layer;
mod service;

#[cfg(feature = "http")]
pub use self::{body::TimeoutBody, caller::GrpcTimeout};
pub use self::{
    caller::{CallerLimit, Unsaid},
    deadline::Deadline,
    future::ResponseFuture,
    kind::{Attempt, Kind, PassOn, Whole, WholeExpiring},
    layer::TimeoutLayer,
    service::Timeout,
};

/// What is known of a timeout by types alone: what it bounds, until when, and whether callers are listened to.
type Marker<K, U, D> = std::marker::PhantomData<fn() -> (K, U, D)>;
