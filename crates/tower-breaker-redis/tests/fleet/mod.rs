//! Real processes around a real redis-server.
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod away;
mod damage;
mod instance;
mod keys;
mod kinds;
mod many;
mod operator;
mod outage;
mod script;
mod server;
mod thousand;

use std::time::{Duration, Instant};

use self::{instance::Instance, server::Server};

/// An instance tells and hears so often.
const INTERVAL: Duration = Duration::from_millis(100);

/// Waits until `is` holds, and says how long that took. The bound is far beyond what it should take: machines are busy.
#[track_caller]
fn until(what: &str, mut is: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(20), "waited for {what}");
        pause(10);
    }
    started.elapsed()
}

/// Waits for so many rounds of an instance.
fn rounds(instance: &mut Instance, count: u64) {
    let end = instance.look().rounds + count;
    until("rounds", || instance.look().rounds >= end);
}

/// Between two looks at another process there is nothing to wait for but time.
fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}
