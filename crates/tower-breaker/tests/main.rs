//! The breaker's layers, by subject.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod axum;
mod backpressure;
mod bodies;
mod classify;
mod keyed;
mod panics;
mod readiness;
mod refuse;
mod retry_bodies;
mod retry_budget;
mod retry_http;
mod retry_steps;
mod support;
mod tower;
mod types;
