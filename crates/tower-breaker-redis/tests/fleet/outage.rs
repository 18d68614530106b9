//! Failures that many see, or one.

use super::{Instance, Server, pause, rounds, until};

fn fleet(server: &Server, count: usize) -> Vec<Instance> {
    let mut instances: Vec<_> = (0..count).map(|_| Instance::start(&server.url())).collect();
    for instance in &mut instances {
        until("a connection", || instance.look().connected);
    }
    instances
}

fn all(instances: &mut [Instance], state: &str) -> bool {
    instances.iter_mut().all(|instance| instance.look().state == state)
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
fn the_fleet_trips_one_probes_and_its_close_reaches_all() {
    let server = Server::start();
    let mut instances = fleet(&server, 3);
    instances.iter_mut().for_each(|instance| instance.tell("ok 100"));
    rounds(&mut instances[0], 5);
    // Two in three calls of the fleet fail; the last instance alone would never trip.
    instances[0].tell("fail 200");
    instances[1].tell("fail 200");
    instances[2].tell("mixed 100");
    spreads("open", &mut instances);

    // A probe of the one that is half well could close it for all, rightly so. From here on every call fails.
    instances[2].tell("fail 100");
    instances[2].look();
    until("all open", || all(&mut instances, "open"));

    // Calls go on failing: through three waits there is one probe at a time in the whole fleet.
    let before: u64 = instances.iter_mut().map(|instance| instance.look().called).sum();
    let epoch = instances[0].look().epoch;
    until("three probes that failed", || instances[0].look().epoch >= epoch + 3);
    let probes = instances.iter_mut().map(|instance| instance.look().called).sum::<u64>() - before;
    assert!((3..=4).contains(&probes), "{probes} probes in all");

    instances.iter_mut().for_each(|instance| instance.tell("ok 100"));
    spreads("closed", &mut instances);
}

#[test]
#[ignore = "needs redis-server"]
fn one_instance_with_a_broken_network_opens_only_its_own() {
    let server = Server::start();
    let mut instances = fleet(&server, 3);
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
    let mut instances = fleet(&server, 3);
    instances.iter_mut().for_each(|instance| instance.tell("fail 200"));
    until("the trip", || all(&mut instances, "open"));
    instances.iter_mut().for_each(|instance| instance.tell("hang"));
    instances.iter_mut().for_each(|instance| instance.tell("ok 100"));
    let mut holder = None;
    until("a probe that hangs", || {
        holder = instances.iter_mut().position(|instance| instance.look().state == "half_open");
        holder.is_some()
    });
    // The lease is renewed while the probe is out, beyond its length.
    pause(2_500);
    let probing =
        instances.iter_mut().filter_map(|instance| (instance.look().state == "half_open").then_some(())).count();
    assert_eq!(probing, 1, "one probes for all");
    drop(instances.remove(holder.expect("found")));
    until("the next one's probe", || instances.iter_mut().any(|instance| instance.look().state == "half_open"));
    let probing =
        instances.iter_mut().filter_map(|instance| (instance.look().state == "half_open").then_some(())).count();
    assert_eq!(probing, 1, "the other one still waits");
}

#[test]
#[ignore = "needs redis-server"]
fn a_holder_that_leaves_in_order_lets_another_one_probe_at_once() {
    let server = Server::start();
    let mut instances = fleet(&server, 2);
    instances.iter_mut().for_each(|instance| instance.tell("fail 200"));
    until("the trip", || all(&mut instances, "open"));
    instances.iter_mut().for_each(|instance| instance.tell("hang"));
    let mut holder = None;
    until("a probe that hangs", || {
        holder = instances.iter_mut().position(|instance| instance.look().state == "half_open");
        holder.is_some()
    });
    let lease = || server.command(&["HGET", "tower-breaker:{default/payments}:v1", "l"]).join("");
    let before = lease();
    assert_eq!(before.len(), 16);
    // Nobody else asks for it, so that what is seen is that it was given back.
    instances.iter_mut().for_each(|instance| instance.tell("quiet"));
    instances[holder.expect("found")].tell("leave");
    let took = until("the lease given back", || lease() != before);
    assert!(took.as_millis() < 1_500, "{took:?}, and not the lease of two seconds");
}

#[test]
#[ignore = "needs redis-server"]
fn clocks_minutes_apart_change_nothing() {
    let server = Server::start();
    let mut instances: Vec<_> = ["0", "180", "7200"]
        .iter()
        .map(|ahead| Instance::start_with(&server.url(), &[("FLEET_CLOCK", ahead)]))
        .collect();
    instances.iter_mut().for_each(|instance| instance.tell("fail 200"));
    until("the trip", || all(&mut instances, "open"));
    instances.iter_mut().for_each(|instance| instance.tell("ok 100"));
    let took = until("the close", || all(&mut instances, "closed"));
    assert!(took.as_secs_f64() < 5.0, "a wait of one second took {took:?}");
}

#[test]
#[ignore = "needs redis-server"]
fn a_newcomer_hears_that_the_fleet_is_open_before_its_calls_find_out() {
    let server = Server::start();
    let mut instances = fleet(&server, 2);
    instances.iter_mut().for_each(|instance| instance.tell("fail 200"));
    until("the trip", || all(&mut instances, "open"));
    let mut newcomer = Instance::start(&server.url());
    until("the newcomer's open", || newcomer.look().state == "open");
    assert_eq!((newcomer.look().called, newcomer.look().fleet.as_str()), (0, "open"));
}
