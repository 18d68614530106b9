//! The breaker's layers, by subject.

mod axum;
mod backpressure;
mod classify;
mod keyed;
mod panics;
mod readiness;
mod refuse;
mod support;
mod tower;
mod types;
