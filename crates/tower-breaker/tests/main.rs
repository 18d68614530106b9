//! The breaker's layers, by subject.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod axum;
mod backpressure;
mod bodies;
#[cfg(feature = "bulkhead")]
mod bulkhead;
mod classify;
mod keyed;
mod panics;
mod readiness;
mod refuse;
mod support;
#[cfg(feature = "timeout")]
mod timeout;
mod tower;
mod types;
