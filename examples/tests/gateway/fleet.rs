//! `[fleet]`: two gateways side by side.

use crate::{
    client::get,
    one_route,
    process::{File, Gateway, run},
    redis::Redis,
    until,
    upstream::Upstream,
};

/// Six calls are the minimum: three of one gateway are not enough.
const BREAKER: &str =
    "failure_threshold = false\nfailure_rate_threshold = 0.5\nminimum_calls = 6\nopen_duration = \"60s\"";

#[test]
#[ignore = "needs redis-server"]
fn two_gateways_trip_together_on_what_neither_would_trip_alone() {
    let redis = Redis::start();
    let upstream = Upstream::start(|exchange| exchange.reply("500 Internal Server Error", ""));
    let routes = one_route(&upstream, BREAKER);
    let fleet = format!("\n[fleet]\nredis = \"{}\"\ninterval = \"2s\"\nquorum = 2\n", redis.url());
    let pair = [Gateway::start(&(routes.clone() + &fleet)), Gateway::start(&(routes + &fleet))];
    for gateway in &pair {
        gateway.line("fleet of routes: joined");
    }
    for gateway in &pair {
        for _ in 0..3 {
            assert_eq!(get(gateway.at, "/x").status, 500);
        }
    }
    for gateway in &pair {
        until("its circuit", || (gateway.circuit("/{*rest}")["state"] == "open").then_some(()));
        assert_eq!(get(gateway.at, "/x").status, 503);
    }
    assert_eq!(upstream.seen().len(), 6);
    drop(redis);
    pair[0].line("every circuit goes on by itself");
    assert_eq!(get(pair[0].at, "/x").status, 503);
}

#[test]
fn a_gateway_starts_and_serves_without_its_redis_and_says_so_once() {
    let upstream = Upstream::start(|exchange| exchange.reply("200 OK", "well"));
    let fleet = "\n[fleet]\nredis = \"redis://127.0.0.1:1\"\ninterval = \"50ms\"\n";
    let gateway = Gateway::start(&(one_route(&upstream, BREAKER) + fleet));
    gateway.line("fleet of routes: redis at 127.0.0.1:1: ");
    gateway.line("fleet of keyed: redis at 127.0.0.1:1: ");
    gateway.line("fleet of endpoints: redis at 127.0.0.1:1: ");
    for _ in 0..20 {
        assert_eq!(get(gateway.at, "/x").status, 200);
    }
    let said = gateway.lines().iter().filter(|line| line.contains("fleet of routes")).count();
    assert_eq!(said, 1);
}

#[test]
fn each_mistake_in_the_fleets_table_is_one_line() {
    let upstream = Upstream::dead();
    for (table, problem) in [
        ("interval = \"1s\"", "fleet.redis is missing"),
        ("redis = 7", "fleet.redis is 7; accepted: a string"),
        ("redis = \"redis://127.0.0.1\"\ninterval = \"soon\"", "fleet.interval is \"soon\"; accepted: a duration"),
        ("redis = \"redis://127.0.0.1\"\nqorum = 2", "fleet.qorum is unknown"),
        ("redis = \"http://127.0.0.1\"", "fleet: url is \"http://127.0.0.1\""),
        ("redis = \"redis://127.0.0.1\"\nquorum = 0", "fleet: quorum is 0; accepted: 1..=64 instances"),
    ] {
        let file = File::new(&format!("{}\n[fleet]\n{table}\n", one_route(&upstream, BREAKER)));
        let output = run(&["--check", file.path()]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(error.contains(problem) && error.starts_with(&format!("gateway: {}", file.path())), "{error}");
        assert_eq!(error.lines().count(), 1);
    }
}
