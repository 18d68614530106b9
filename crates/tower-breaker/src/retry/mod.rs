//! Another attempt after one that failed.
//!
//! [`RetryLayer`] makes a failed call again, after a wait that grows and that chance spreads, as long as the [`Budget`] for
//! all calls together allows it. One attempt that meets a connection that just broke is worth repeating; a dependency that
//! is down is not helped by three times the calls, which is what the budget is for.
//!
//! ```
//! use std::io;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_breaker::{
//!     Circuit, CircuitBreakerLayer,
//!     retry::{RetryConfig, RetryLayer},
//! };
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let circuit = Circuit::new("orders", Default::default());
//! let mut orders = ServiceBuilder::new()
//!     .layer(RetryLayer::new(RetryConfig::default()).ask(circuit.clone()))
//!     .layer(CircuitBreakerLayer::new(circuit.clone()))
//!     .service(service_fn(|id: u64| async move {
//!         if fastrand::bool() { Ok(id) } else { Err(io::Error::from(io::ErrorKind::ConnectionReset)) }
//!     }));
//! let _ = orders.ready().await?.call(17).await;
//! # Ok(())
//! # }
//! ```
//!
//! # What stands where
//!
//! - What is retried is a [`RetryPolicy`]: [`RetryErrors`], `HttpRetry` (feature `http`), or a closure over the result.
//! - How a request is made again is a [`Repeat`]: [`CloneRequest`], [`CloneBy`], `BufferBody` for HTTP. A request that
//!   cannot be made again has one attempt, and never fails for that.
//! - Whether it would be refused anyway is asked of whoever is given to [`RetryLayer::ask`]: put the retry around the
//!   circuit breaker, so that each attempt is judged, and let it ask the circuit.
//!
//! # One attempt after the other
//!
//! After a failed attempt these are asked in turn, and the first no ends the call with that attempt's own result, unwaited:
//! the policy; attempts left; the request; the wait, which a server's wish (`Retry-After`, `grpc-retry-pushback-ms`)
//! decides over the backoff, and which must be neither longer than the longest wait nor reach beyond the total timeout;
//! the circuit; and last the budget, which is charged then.
//!
//! A failed *response* is dropped before the wait, and the attempt's future with it: its connection and its place in a
//! bulkhead further in are free meanwhile. An *error* is kept: if the next attempt is refused (the circuit opened during
//! the wait), it is what the caller gets. Where there is none, the caller gets the refusal; a refusal *response* then says
//! in an extension, `Retried` (feature `http`), how many attempts there were and how the last was answered.
//!
//! # What it costs
//!
//! A call that succeeds at once: a clone of the request, one reading of the clock (which a timeout around it has read
//! already), an atomic count in the budget and one among the figures. No box, no allocation but what that clone takes, no
//! timer. The inner service is cloned for each attempt after the first.
//!
//! # When not to use it
//!
//! At more than one level of a chain of services: attempts multiply, and only the innermost knows what happened. For
//! requests that must not be carried out twice, without a key that lets the server tell. In place of a queue.

mod ask;
mod backoff;
mod budget;
#[cfg(feature = "http")]
mod buffer;
mod call;
mod config;
mod future;
#[cfg(feature = "http")]
mod http_policy;
mod layer;
mod policy;
mod repeat;
#[cfg(feature = "http")]
mod replay;
mod service;
mod shared;
#[cfg(feature = "http")]
mod tape;

pub use self::{
    ask::{Ask, Nobody},
    backoff::Jitter,
    budget::Budget,
    config::{RetryConfig, RetryConfigBuilder},
    future::ResponseFuture,
    layer::RetryLayer,
    policy::{RetryErrors, RetryPolicy, Verdict, from_fn},
    repeat::{CloneBy, CloneRequest, Repeat},
    service::Retry,
};
#[cfg(feature = "http")]
pub use self::{
    buffer::{BufferBody, KeptRequest, MapBody, Unmapped},
    http_policy::{HttpRetry, HttpRetryState, IsConnect, NotAsked, Repeatable, Retried},
    replay::ReplayBody,
};
