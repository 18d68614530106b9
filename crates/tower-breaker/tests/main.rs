//! The breaker's layers, by subject.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod axum;
mod backpressure;
mod bodies;
#[cfg(feature = "bulkhead")]
mod bulkhead;
mod classify;
mod fallback;
mod header_fuzz;
mod keyed;
mod panics;
mod rate_limit;
mod readiness;
mod refuse;
mod resilience;
mod retry_bodies;
mod retry_budget;
mod retry_http;
mod retry_ready;
mod retry_steps;
mod soak;
mod support;
#[cfg(feature = "timeout")]
mod timeout;
mod tower;
#[cfg(feature = "tracing")]
mod trace;
mod types;
