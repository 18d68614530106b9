//! The fleet's Redis goes away and comes back.

use std::thread;

use crate::{ground::Ground, process::Gateway, redis::Redis, tally, until};

/// Each is a fleet of its own.
const SETS: [&str; 3] = ["routes", "keyed", "endpoints"];

#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_is_killed_and_started_again_costs_no_call() {
    let mut redis = Redis::start();
    let fleet = format!("\n[fleet]\nredis = \"{}\"\ninterval = \"100ms\"\n", redis.url());
    let joined = |gateway: &Gateway, times: usize| {
        until("together", || {
            let lines = gateway.lines();
            let joined = |set| lines.iter().filter(|line| line.contains(&format!("fleet of {set}: joined"))).count();
            SETS.into_iter().all(|set| joined(set) >= times).then_some(())
        });
    };
    let mut ground = Ground::new(&fleet, |gateway| joined(gateway, 1));
    ground.phase("redis killed", |ground, tally| {
        let away = || ground.gateway.lines().iter().filter(|line| line.contains("goes on by itself")).count();
        for round in 1..=3 {
            redis.kill();
            until("every circuit by itself", || (away() >= round * SETS.len()).then_some(()));
            thread::sleep(ground.scale.trouble / 3);
            redis.again();
            joined(&ground.gateway, round + 1);
        }
        tally.is_real_but_for_a_few();
        "killed and started three times".to_owned()
    });
    println!("\n{}", tally::table(ground.rows()));
}
