//! What is in Redis.

use std::time::Duration;

use tower_breaker_core::{ActiveMode, CircuitBreakerConfig, Circuits};
use tower_breaker_redis::Fleet;

use super::{Instance, Server, rounds, trip, until};

#[test]
#[ignore = "needs redis-server"]
fn every_key_has_the_prefix_and_an_expiry() {
    let server = Server::start();
    let mut pair = [Instance::start(&server.url()), Instance::start(&server.url())];
    trip(&mut pair);
    let keys = server.command(&["KEYS", "*"]);
    assert_eq!(keys.len(), 5, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("tower-breaker:{default"), "{key}");
        let left: i64 = server.command(&["PTTL", &key])[0].parse().expect("milliseconds");
        assert!((1..=3_600_000).contains(&left), "{key} lives for {left} ms");
    }
}

/// The calls of scripts Redis has counted, and the rounds of the instance: of one moment, since no round ended in between.
fn counted(server: &Server, instance: &mut Instance) -> (u64, u64) {
    let mut counted = (0, 0);
    until("a moment between two rounds", || {
        let rounds = instance.look().rounds;
        let stats = server.command(&["INFO", "commandstats"]);
        let line = stats.iter().find(|line| line.starts_with("cmdstat_evalsha:")).expect("a line");
        let calls = line.split(['=', ',']).nth(1).and_then(|count| count.parse().ok()).expect("a count");
        counted = (calls, rounds);
        instance.look().rounds == rounds
    });
    counted
}

#[test]
#[ignore = "needs redis-server"]
fn a_quiet_instance_sends_one_command_an_interval() {
    let server = Server::start();
    let mut instance = Instance::start(&server.url());
    for (epoch, what) in [(0, "quiet"), (1, "force-open")] {
        instance.tell(what);
        until(what, || instance.look().epoch == epoch);
        rounds(&mut instance, 2);
        let (before, from) = counted(&server, &mut instance);
        rounds(&mut instance, 10);
        let (after, to) = counted(&server, &mut instance);
        // The round under way may have asked.
        assert!((after - before).abs_diff(to - from) <= 1, "{} calls in {} rounds", after - before, to - from);
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_newcomer_reads_an_index_of_thousands_in_its_first_round() {
    let server = Server::start();
    let keys = ["version", "v1:meta", "v1:order", "v1:lines"].map(|key| format!("tower-breaker:{{default}}:{key}"));
    let publish = ["EVAL", include_str!("../../src/scripts/publish.lua"), "4", &keys[0], &keys[1], &keys[2], &keys[3]];
    let names: Vec<String> = (0..2_500).map(|number| number.to_string()).collect();
    let lines: Vec<&str> = names.iter().flat_map(|name| [name, "1", "1 fo 0 0 0 - - -1"]).collect();
    for lines in lines.chunks(300) {
        server.command(&[&publish[..], &["1", "3600000", "10000"], lines].concat());
    }
    let circuits = Circuits::new(CircuitBreakerConfig::default());
    let last = circuits.get_or_create("2499");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // A second round is a minute away.
    let fleet = Fleet::builder(server.url()).interval(Duration::from_secs(60));
    let fleet = runtime.block_on(async { fleet.start(&circuits) }).expect("a fleet");
    until("a connection", || fleet.connected());
    assert_eq!(last.snapshot().mode, ActiveMode::ForcedOpen);
    let known = fleet.circuits();
    assert_eq!(known.iter().map(|circuit| &*circuit.name).collect::<Vec<_>>(), ["2499"]);
    let status = fleet.status();
    assert_eq!((status.rounds, status.commands, status.exchanged), (1, 3, 0));
}
