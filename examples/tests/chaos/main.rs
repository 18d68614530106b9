//! The gateway as a program under load, through every kind of trouble that its surroundings can make: each phase ends with all
//! well again, every answer one of the upstream's own or 502, 503 or 504, and nothing held that was not held before.
//!
//! A short form by default. `CHAOS_SECONDS=30 CHAOS_CONNECTIONS=10000 cargo test --release -p tower-breaker-examples --test
//! chaos -- --nocapture` is a long one, and prints what was seen: `examples/gateway/CHAOS.md`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod callers;
#[path = "../gateway/client.rs"]
#[allow(dead_code, reason = "shared with the other tests of the gateway")]
mod client;
mod crowd;
mod fleet;
mod ground;
#[path = "../gateway/process.rs"]
#[allow(dead_code, reason = "shared with the other tests of the gateway")]
mod process;
#[path = "../programs/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of other programs")]
mod programs;
#[path = "../gateway/redis.rs"]
mod redis;
mod scale;
mod slow;
mod tally;
mod trouble;
mod upstream;
mod vitals;

use std::{
    thread,
    time::{Duration, Instant},
};

use ground::Ground;

/// No test waits longer for anything that does not say so.
const PATIENCE: Duration = Duration::from_secs(20);

#[track_caller]
fn until<T>(what: &str, is: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, is)
}

#[track_caller]
fn until_within<T>(most: Duration, what: &str, mut is: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = is() {
            return found;
        }
        assert!(start.elapsed() < most, "in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn through_every_kind_of_trouble_each_answer_is_a_real_one_nothing_leaks_and_all_recovers() {
    let mut ground = Ground::new("", |_| {});
    ground.phase("none", trouble::none);
    ground.phase("upstream killed", trouble::killed);
    ground.phase("upstream hung", trouble::hung);
    ground.phase("answers cut", trouble::cutting);
    ground.phase("slow callers", slow::callers);
    ground.phase("many connections", crowd::comes_and_goes);
    if ground.scale.is_long() {
        // An allocator keeps what crowds needed, and has its fill after some of them; a leak would need as much again.
        ground.phase("again", crowd::comes_and_goes);
        ground.phase("a third time", crowd::comes_and_goes);
        ground.phase("a fourth time", crowd::comes_and_goes);
        ground.holds_no_more_than_after("a third time");
    }
    ground.phase("reloads", trouble::reloads);
    println!("\n{}", tally::table(ground.rows()));
}
