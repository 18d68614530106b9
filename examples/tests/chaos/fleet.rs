//! The fleet's Redis goes away and comes back.

use std::thread;

use crate::{ground::Ground, redis::Redis, tally, until};

#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_is_killed_and_started_again_costs_no_call() {
    let mut redis = Some(Redis::start());
    let port = redis.as_ref().map(Redis::port).unwrap();
    let fleet = format!("\n[fleet]\nredis = \"redis://127.0.0.1:{port}\"\ninterval = \"100ms\"\n");
    let mut ground = Ground::new(&fleet);
    ground.gateway.line("fleet of routes: joined");
    ground.phase("redis killed", |ground, tally| {
        let said = |what: &str| ground.gateway.lines().iter().filter(|line| line.contains(what)).count();
        let (away, joined) = ("fleet of routes: redis at", "fleet of routes: joined");
        for round in 1..=3 {
            drop(redis.take());
            until("every circuit by itself", || (said(away) >= round).then_some(()));
            thread::sleep(ground.scale.trouble / 3);
            redis = Some(Redis::on(port));
            until("together again", || (said(joined) > round).then_some(()));
        }
        tally.is_real_but_for_a_few();
        "killed and started three times".to_owned()
    });
    println!("\n{}", tally::table(ground.rows()));
}
