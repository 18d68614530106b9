//! Real processes around a real redis-server.
#![allow(clippy::disallowed_methods, reason = "real processes take real time")]

mod away;
mod calls;
#[cfg(feature = "cluster")]
mod cluster;
mod damage;
mod fields;
mod index;
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

/// The key of the circuit that all instances have.
const CIRCUIT: &str = "tower-breaker:{default/payments}:v1";

/// Waits until `is` holds, and says how long that took. The bound is far beyond what it should take: machines are busy.
#[track_caller]
fn until(what: &str, mut is: impl FnMut() -> bool) -> Duration {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < Duration::from_secs(60), "waited for {what}");
        pause(10);
    }
    started.elapsed()
}

/// Waits for so many rounds of an instance.
fn rounds(instance: &mut Instance, count: u64) {
    let end = instance.look().rounds + count;
    until("rounds", || instance.look().rounds >= end);
}

/// Opens the circuit of all, whose windows are empty, by what only the fleet can see: each has fewer failures than its minimum
/// of 20 in 2 s, and goes on having them however late somebody hears of it. One that tripped by itself would have nothing
/// more to tell.
fn trip(instances: &mut [Instance]) {
    instances.iter_mut().for_each(|instance| instance.tell("fail 8"));
    until("the fleet's trip", || instances.iter_mut().all(|instance| instance.look().fleet == "open"));
}

/// Lets the windows of 2 s run empty first.
fn trip_anew(instances: &mut [Instance]) {
    instances.iter_mut().for_each(|instance| instance.tell("quiet"));
    instances.iter_mut().for_each(|instance| rounds(instance, 30));
    trip(instances);
}

/// Between two looks at another process there is nothing to wait for but time.
fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}
