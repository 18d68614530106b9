//! The gateway as a program: started, driven over sockets by clients and upstreams that know nothing of it, and stopped.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod circuits;
mod client;
mod command_line;
mod connections;
mod demonstration;
mod failing;
mod fleet;
mod http2;
mod metrics;
mod process;
#[path = "../programs/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of other programs")]
mod programs;
mod protocol;
mod proxying;
mod redis;
mod reloading;
mod reporting;
mod silent;
mod slow;
mod smuggling;
mod stages;
mod state;
mod stopping;
mod storm;
mod upstream;
mod upstreams;

use std::{
    thread,
    time::{Duration, Instant},
};

/// No test waits longer for anything, what takes the gateway its 30 seconds aside.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something is so.
#[track_caller]
fn until<T>(what: &str, mut is: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = is() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A routes file: one route for every path to `upstream`, with this circuit breaker.
fn one_route(upstream: &upstream::Upstream, breaker: &str) -> String {
    format!(
        "[policies.default.circuit_breaker]\nopen_duration_jitter = 0.0\n{breaker}\n\n\
         [[routes]]\npath = \"/{{*rest}}\"\nupstream = \"{}\"\n",
        upstream.url()
    )
}

/// A breaker that stays out of the way.
const LAX: &str = "failure_threshold = 1000\nfailure_rate_threshold = false";
