//! Failures that many see, or one.

use super::{CIRCUIT, Instance, Server, rounds, trip, until};

fn fleet(server: &Server, count: usize, variables: &[(&str, &str)]) -> Vec<Instance> {
    let mut instances: Vec<_> = (0..count).map(|_| Instance::start_with(&server.url(), variables)).collect();
    for instance in &mut instances {
        until("a connection", || instance.look().connected);
    }
    instances
}

fn all(instances: &mut [Instance], state: &str) -> bool {
    instances.iter_mut().all(|instance| instance.look().state == state)
}

/// Lets calls through from now on that never end, and finds the first of them.
fn holder(instances: &mut [Instance]) -> usize {
    instances.iter_mut().for_each(|instance| instance.tell("hang"));
    instances.iter_mut().for_each(|instance| instance.tell("ok 100"));
    let mut holder = None;
    until("a probe that hangs", || {
        holder = instances.iter_mut().position(|instance| instance.look().state == "half_open");
        holder.is_some()
    });
    holder.expect("found")
}

fn probing(instances: &mut [Instance]) -> usize {
    instances.iter_mut().map(Instance::look).filter(|look| look.state == "half_open").count()
}

/// What Redis holds of the circuit.
fn field(server: &Server, name: &str) -> String {
    server.command(&["HGET", CIRCUIT, name]).join("")
}

fn number(server: &Server, name: &str) -> u64 {
    field(server, name).parse().expect("a number")
}

/// Once one instance has heard that the fleet is in `state`, the others follow within two rounds.
fn spreads(state: &str, instances: &mut [Instance]) {
    until(state, || instances.iter_mut().any(|instance| instance.look().fleet == state));
    for instance in instances {
        // The round under way may have asked before.
        let latest = instance.look().rounds + 3;
        let mut look = instance.look();
        until("everybody", || {
            look = instance.look();
            look.fleet == state && look.state == state || look.rounds > latest
        });
        assert_eq!((look.fleet.as_str(), look.state.as_str()), (state, state), "{look:?}");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn the_fleet_trips_also_who_would_never_trip_alone() {
    let server = Server::start();
    // So long that nobody probes meanwhile: one that is half well could close it for all, rightly so.
    let mut instances = fleet(&server, 3, &[("FLEET_OPEN", "60")]);
    instances.iter_mut().for_each(|instance| instance.tell("ok 8"));
    rounds(&mut instances[0], 5);
    // Seven in nine calls of the fleet fail, too few of each instance for any to trip by itself.
    instances[0].tell("fail 8");
    instances[1].tell("fail 8");
    instances[2].tell("mixed 8");
    spreads("open", &mut instances);
}

#[test]
#[ignore = "needs redis-server"]
fn one_probes_for_all_and_its_close_reaches_all() {
    let server = Server::start();
    // A wait so long that the fleet is told within it how the probe ended: the one that made it would make the next by itself.
    let mut instances = fleet(&server, 3, &[("FLEET_LEASE", "60"), ("FLEET_OPEN", "3")]);
    trip(&mut instances);
    // Calls go on failing: through three waits there is one probe at a time in the whole fleet, and each is an epoch.
    instances.iter_mut().for_each(|instance| instance.tell("fail 100"));
    let mut counted = || {
        let epoch = number(&server, "e");
        let called: u64 = instances.iter_mut().map(|instance| instance.look().called).sum();
        (epoch, called, number(&server, "e"))
    };
    let (earliest, before, from) = counted();
    until("three probes that failed", || number(&server, "e") >= from + 3);
    let (to, after, latest) = counted();
    // Before and after, one may be out that nobody told of yet.
    let probes = after - before;
    assert!((to - from - 1..=latest - earliest + 1).contains(&probes), "{probes} probes in all");

    instances.iter_mut().for_each(|instance| instance.tell("ok 100"));
    spreads("closed", &mut instances);
}

#[test]
#[ignore = "needs redis-server"]
fn one_instance_with_a_broken_network_opens_only_its_own() {
    let server = Server::start();
    let mut instances = fleet(&server, 3, &[]);
    // More failures than all the others have calls: it is the quorum that keeps the fleet closed.
    instances[0].tell("fail 400");
    instances[1].tell("ok 20");
    instances[2].tell("ok 20");
    until("its own trip", || instances[0].look().opens >= 2);
    rounds(&mut instances[1], 5);
    assert!(instances.iter_mut().all(|instance| instance.look().fleet != "open"));
    assert_eq!((instances[1].look().opens, instances[2].look().opens), (0, 0));
}

#[test]
#[ignore = "needs redis-server"]
fn a_holder_that_dies_mid_probe_is_replaced_and_nobody_joins_it() {
    let server = Server::start();
    let mut instances = fleet(&server, 3, &[("FLEET_LEASE", "4")]);
    trip(&mut instances);
    let holder = holder(&mut instances);
    // While the probe is out the lease is renewed, beyond its length and each time before its end.
    let first = number(&server, "lu");
    let mut ends = first;
    until("a lease renewed for longer than it lasts", || {
        let before = std::mem::replace(&mut ends, number(&server, "lu"));
        assert!(ends < before + 4_000, "it had ended");
        ends > first + 4_000
    });
    assert_eq!(probing(&mut instances), 1, "one probes for all");
    drop(instances.remove(holder));
    until("the next one's probe", || probing(&mut instances) > 0);
    assert_eq!(probing(&mut instances), 1, "the other one still waits");
}

#[test]
#[ignore = "needs redis-server"]
fn a_holder_that_leaves_in_order_lets_another_one_probe_at_once() {
    let server = Server::start();
    let mut instances = fleet(&server, 2, &[("FLEET_LEASE", "60")]);
    trip(&mut instances);
    let holder = holder(&mut instances);
    // The other one has asked, and heard that somebody probes.
    let mut other = instances.remove(1 - holder);
    rounds(&mut other, 5);
    instances[0].tell("leave");
    let took = until("the other one's probe", || other.look().state == "half_open");
    assert!(took.as_secs() < 30, "{took:?}, and not the lease of a minute");
}

#[test]
#[ignore = "needs redis-server"]
fn clocks_minutes_apart_change_nothing() {
    let server = Server::start();
    let mut instances: Vec<_> = ["0", "180", "7200"]
        .iter()
        .map(|ahead| Instance::start_with(&server.url(), &[("FLEET_CLOCK", ahead)]))
        .collect();
    trip(&mut instances);
    until("all open", || all(&mut instances, "open"));
    instances.iter_mut().for_each(|instance| instance.tell("ok 100"));
    let took = until("the close", || all(&mut instances, "closed"));
    assert!(took.as_secs() < 30, "a wait of one second took {took:?}");
}

#[test]
#[ignore = "needs redis-server"]
fn a_newcomer_hears_that_the_fleet_is_open_before_its_calls_find_out() {
    let server = Server::start();
    let mut instances = fleet(&server, 2, &[]);
    trip(&mut instances);
    let mut newcomer = Instance::start(&server.url());
    until("what the newcomer hears", || newcomer.look().fleet == "open");
    assert_eq!((newcomer.look().called, newcomer.look().state.as_str()), (0, "open"));
}
