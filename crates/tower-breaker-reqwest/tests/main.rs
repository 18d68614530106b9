//! Calls of reqwest to servers on loopback.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod beside;
mod bodies;
mod breaker;
mod judge;
mod resilience;
mod retry;
#[cfg(feature = "config")]
mod routes;
mod stages;
mod support;
mod tower;
