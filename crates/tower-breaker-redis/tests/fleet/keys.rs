//! What is in Redis.

use super::{Instance, Server, rounds, until};

#[test]
#[ignore = "needs redis-server"]
fn every_key_has_the_prefix_and_an_expiry() {
    let server = Server::start();
    let mut pair = [Instance::start(&server.url()), Instance::start(&server.url())];
    for instance in &mut pair {
        instance.tell("fail 200");
    }
    until("the trip", || pair.iter_mut().all(|instance| instance.look().fleet == "open"));
    let keys = server.command(&["KEYS", "*"]);
    assert_eq!(keys.len(), 5, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("tower-breaker:{default"), "{key}");
        let left: i64 = server.command(&["PTTL", &key])[0].parse().expect("milliseconds");
        assert!((1..=3_600_000).contains(&left), "{key} lives for {left} ms");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_quiet_instance_sends_one_command_an_interval() {
    let server = Server::start();
    let mut instance = Instance::start(&server.url());
    until("a connection", || instance.look().connected);
    rounds(&mut instance, 2);
    let calls = |server: &Server| -> u64 {
        let stats = server.command(&["INFO", "commandstats"]);
        let line = stats.iter().find(|line| line.starts_with("cmdstat_evalsha:")).expect("a line");
        line.split(['=', ',']).nth(1).and_then(|count| count.parse().ok()).expect("a count")
    };
    let (before, from) = (calls(&server), instance.look().rounds);
    rounds(&mut instance, 10);
    let (after, to) = (calls(&server), instance.look().rounds);
    assert!((after - before).abs_diff(to - from) <= 1, "{} calls in {} rounds", after - before, to - from);
}
