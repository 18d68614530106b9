//! One circuit around a service.
//!
//! [`CircuitBreakerLayer`] holds a [`Circuit`](crate::Circuit), so every service it makes, and every clone of one, shares
//! the circuit's state: a framework may apply one layer value to many routes, or clone the service for every request.
//!
//! # What it asks of the inner service
//!
//! To be a `Service`, no more: not `Clone`, `Send` or `'static`. Nothing is boxed and nothing is allocated on a call's path.
//!
//! # Readiness
//!
//! `poll_ready` is the inner service's while calls pass. While the circuit refuses it is ready at once, without asking the
//! inner service, and the next `call` refuses: a refusal is never an error of `poll_ready`, and never waits behind an inner
//! service that is stuck. When a probe could be sent, one asker waits for the inner service to be ready for it and the
//! others are refused. A place is taken in `call` alone, so a service that is ready and not called holds nothing.
//!
//! An error of the inner `poll_ready` is judged like the error of a call ([`Classify::ready_error`]).
//!
//! Balancers want the opposite: a refusing endpoint should be pending, so that the call goes elsewhere. That is
//! [`CircuitBreakerLayer::backpressure`].
//!
//! # Panics and callers who leave
//!
//! A panic that passes through the inner service's `poll_ready`, `call` or future is a failure. A response future dropped
//! before its end follows the configuration's `on_cancel`. One whose time is over is a failure, if whoever ends it says so
//! ([`Expire`](crate::Expire)).
//!
//! # When not to use it
//!
//! Around a service that stands for many dependencies (a client for any host, a whole router): one sick one opens the
//! circuit for all. See [`keyed`](crate::keyed).
//!
//! [`Classify::ready_error`]: crate::classify::Classify::ready_error

mod backpressure;
mod expire;
mod future;
mod guard;
mod layer;
mod service;

pub use self::{future::ResponseFuture, layer::CircuitBreakerLayer, service::CircuitBreaker};
