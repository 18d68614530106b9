//! An answer in place of a call that was refused, came too late, or failed.
//!
//! A circuit breaker turns slow failures into fast ones; a fallback turns a fast failure into something a caller can
//! use. [`FallbackLayer`] goes outermost, around breaker, retry and timeout, so that it sees what they have made of the
//! call.
//!
//! ```
//! use std::io;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_breaker::{Circuit, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, fallback};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let circuit = Circuit::new("stock", CircuitBreakerConfig::builder().failure_threshold(1).build()?);
//! let mut stock = ServiceBuilder::new()
//!     .layer(FallbackLayer::new(fallback::value("some".to_owned())).circuit(circuit.clone()))
//!     .layer(CircuitBreakerLayer::new(circuit.clone()))
//!     .service(service_fn(|_item: &'static str| async { Err::<String, _>(io::Error::from(io::ErrorKind::TimedOut)) }));
//!
//! // The call was made and failed: that error is the caller's.
//! assert!(stock.ready().await?.call("tea").await.is_err());
//! // From here on the circuit refuses, and the fallback answers.
//! assert_eq!(stock.ready().await?.call("tea").await?, "some");
//! assert_eq!(circuit.snapshot().fallbacks, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Which fallback
//!
//! | strategy | how | when | mind |
//! |---|---|---|---|
//! | *cached*: the last good answer | [`lookup`] in a cache of yours | reads that age well: catalogues, prices, profiles | say how old it is; never give one caller's answer to another (`Authorization`, `Vary`) |
//! | *default*: a fixed answer | [`value`] | something neutral exists: no recommendations, feature off | a default must not look like a fact: "0 left" is not "unknown" |
//! | *queue*: take it now, do it later | [`from_fn`] that queues, and answers 202 | writes that may come late and can be repeated | bound the queue; idempotency keys; drain it when the circuit closes, at a gentle rate |
//! | *degraded*: the same by simpler means | [`from_fn`], [`from_async_fn`] | a local ranking for a remote one, a rough estimate | the simple way must not need what is down |
//! | *partial*: the page without this part | [`value`] or [`from_fn`] with an empty part | pages made of many calls | the caller must know that a part is missing |
//! | *alternate*: another backend | [`service`] | a replica, another region, another vendor | it gets the whole load at once: give it a circuit and a bulkhead of its own |
//! | *error*: a good one, at once | no fallback, or [`from_fn`] that returns an error of yours | payments, permissions, anything where a guess is worse than a refusal | say when to come back (`Retry-After`) |
//!
//! A fallback that is needed once a year fails when it is needed: use it now and then, and alert on the circuit's
//! `fallbacks`, for users see no errors any more.
//!
//! # When it falls back
//!
//! From refusals (circuit, bulkhead, rate limit) and timeouts, known by their type: as an [`Error`](crate::Error), or
//! by the extension that their responses carry, as the responses do with which a retry gave up. An error with which it
//! gave up looks like any error of the service: that, and any response, is by choice ([`FallbackLayer::or_when`]).
//!
//! ```
//! use std::io;
//! use tower_breaker::{Error, FallbackLayer, fallback};
//!
//! let unknown = fallback::value("unknown".to_owned());
//! let layer = FallbackLayer::new(unknown).or_when(|result: &Result<String, Error<io::Error>>| {
//!     matches!(result, Err(Error::Inner(error)) if error.kind() == io::ErrorKind::ConnectionReset)
//! });
//! # let _ = layer;
//! ```
//!
//! # Its own failures
//!
//! An error of the fallback is the caller's error. One that takes longer than
//! [`fallback_timeout`](FallbackLayer::fallback_timeout) ends as a timeout of kind
//! [`Fallback`](crate::TimeoutKind::Fallback). Neither reaches the circuit inside.
//!
//! # What it costs
//!
//! A call that needs no fallback pays for what is kept of its request: nothing for [`value`]; a clone, or what `keep`
//! takes of it, for functions and services. Nothing is boxed; no timer is armed for a fallback that answers at once.
//!
//! # When not to use it
//!
//! Inside the breaker, where it would hide the failures that the breaker is to see. Where the answer decides over money
//! or access.

mod alternate;
mod answer;
mod cause;
mod function;
mod future;
mod keep;
mod layer;
mod mark;
mod service;
mod trigger;
mod value;

pub use self::{
    alternate::{Alternate, AlternateFuture, service},
    answer::{Answer, FallbackKind},
    cause::Cause,
    function::{Always, Async, Function, IfFound, from_async_fn, from_fn, lookup},
    future::ResponseFuture,
    keep::{CloneRequest, Keep},
    layer::FallbackLayer,
    mark::{FellBack, Mark, Unmarked},
    service::Fallback,
    trigger::{AnyError, Either, Interruptions, Trigger, Verdict},
    value::{Value, value},
};
#[cfg(feature = "http")]
pub use self::{mark::MarkResponses, trigger::InterruptedResponses};
