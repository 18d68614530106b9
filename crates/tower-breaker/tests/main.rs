//! The breaker's layers, by subject.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod axum;
mod backpressure;
mod bodies;
mod classify;
mod fallback;
mod keyed;
mod panics;
mod rate_limit;
mod readiness;
mod refuse;
mod support;
mod tower;
mod types;
