//! One operator, on whatever instance.

use super::{CIRCUIT, Instance, Server, rounds, trip, until};

fn fleet(server: &Server) -> [Instance; 3] {
    let mut fleet = [(); 3].map(|()| Instance::start(&server.url()));
    for instance in &mut fleet {
        until("a connection", || instance.look().connected);
    }
    fleet
}

#[test]
#[ignore = "needs redis-server"]
fn every_command_reaches_the_fleet_from_any_instance() {
    let server = Server::start();
    let mut fleet = fleet(&server);
    for (at, command, mode, state) in [
        (0, "force-open", "forced_open", "open"),
        (1, "force-close", "forced_closed", "closed"),
        (2, "reset", "enforce", "closed"),
        (1, "observe", "observe", "closed"),
        (0, "force-open", "forced_open", "open"),
        (2, "reset", "enforce", "closed"),
    ] {
        fleet[at].tell(command);
        for instance in &mut fleet {
            until(command, || {
                let look = instance.look();
                (look.mode.as_str(), look.state.as_str()) == (mode, state)
            });
        }
    }
    // Nobody echoes: once all have heard, the epoch stands still.
    until("the last one's epoch", || fleet.iter_mut().all(|instance| instance.look().epoch >= 6));
    rounds(&mut fleet[1], 5);
    assert_eq!(fleet[0].look().epoch, 6);
}

#[test]
#[ignore = "needs redis-server"]
fn a_timed_force_ends_for_all_with_one_that_probes() {
    let server = Server::start();
    let mut fleet = fleet(&server);
    // Long enough for all to hear of it while it lasts.
    fleet[0].tell("force-open-for 5000");
    until("the command", || fleet.iter_mut().all(|instance| instance.look().mode == "forced_open"));
    fleet.iter_mut().for_each(|instance| instance.tell("ok 50"));
    until("its end", || fleet.iter_mut().all(|instance| instance.look().mode == "enforce"));
    until("closed", || fleet.iter_mut().all(|instance| instance.look().state == "closed"));
}

#[test]
#[ignore = "needs redis-server"]
fn when_a_timed_force_ends_one_probes_and_not_everybody_at_once() {
    let server = Server::start();
    let mut fleet = fleet(&server);
    fleet[0].tell("force-open-for 5000");
    until("the command", || fleet.iter_mut().all(|instance| instance.look().mode == "forced_open"));
    for instance in &mut fleet[1..] {
        instance.tell("hang");
        instance.tell("ok 100");
    }
    // Those that are out hang: each has been counted when the first round after is over.
    until("a probe", || fleet.iter_mut().any(|instance| instance.look().state == "half_open"));
    rounds(&mut fleet[1], 2);
    rounds(&mut fleet[2], 2);
    assert_eq!(fleet[1].look().called + fleet[2].look().called, 1);
}

#[test]
#[ignore = "needs redis-server"]
fn a_reset_closes_what_others_opened_by_themselves() {
    let server = Server::start();
    let mut fleet = fleet(&server);
    fleet[0].tell("fail 200");
    until("a local trip", || fleet[0].look().state == "open");
    fleet[0].tell("quiet");
    fleet[1].tell("reset");
    until("the reset", || fleet[0].look().state == "closed");
}

#[test]
#[ignore = "needs redis-server"]
fn a_command_given_while_redis_was_away_is_told_when_it_is_back() {
    let mut server = Server::start();
    let mut fleet = fleet(&server);
    server.kill();
    until("the gauge", || fleet.iter_mut().all(|instance| !instance.look().connected));
    fleet[0].tell("force-open");
    server.again();
    until("the command", || fleet.iter_mut().all(|instance| instance.look().mode == "forced_open"));
}

#[test]
#[ignore = "needs redis-server"]
fn a_command_given_before_an_instance_ever_met_redis_is_told_to_a_fleet_that_knows_better() {
    let server = Server::start();
    let mut other = Instance::start(&server.url());
    for command in ["force-close", "reset"] {
        other.tell(command);
        let mode = if command == "reset" { "enforce" } else { "forced_closed" };
        until(command, || other.look().fleet != "unknown" && other.look().mode == mode);
    }
    until("the reset told", || other.look().epoch == 2);
    server.signal("STOP");
    let mut newcomer = Instance::start_with(&server.url(), &[("FLEET_TIMEOUT", "250")]);
    until("no Redis", || newcomer.look().away == 1);
    newcomer.tell("force-open");
    server.signal("CONT");
    until("the command", || newcomer.look().epoch > 2 && other.look().mode == "forced_open");
    assert_eq!(newcomer.look().mode, "forced_open");
}

#[test]
#[ignore = "needs redis-server"]
fn a_command_given_just_before_a_shutdown_is_told() {
    let server = Server::start();
    let mut fleet = fleet(&server);
    for (at, command, mode) in [(0, "force-open", "forced_open"), (1, "observe", "observe")] {
        if at == 1 {
            fleet[2].tell("reset");
            // Not only in force no more: it may not have heard of the force yet.
            until("the reset", || fleet.iter_mut().skip(1).all(|instance| instance.look().epoch == 2));
        }
        // Nobody has a round between the two.
        fleet[at].tell(command);
        fleet[at].tell("leave");
        until(command, || fleet[2].look().mode == mode);
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_mode_set_where_redis_forgot_the_circuit_keeps_what_the_fleet_was() {
    let server = Server::start();
    let mut pair = [(); 2].map(|()| Instance::start_with(&server.url(), &[("FLEET_OPEN", "60")]));
    for instance in &mut pair {
        until("a connection", || instance.look().connected);
    }
    trip(&mut pair);
    pair.iter_mut().for_each(|instance| instance.tell("quiet"));
    rounds(&mut pair[0], 2);
    let epoch = pair[0].look().epoch;
    server.command(&["DEL", CIRCUIT]);
    pair[0].tell("observe");
    until("the mode", || pair.iter_mut().all(|instance| instance.look().mode == "observe"));
    for instance in &mut pair {
        let look = instance.look();
        assert_eq!((look.fleet.as_str(), look.state.as_str(), look.epoch), ("open", "open", epoch + 1));
        assert_eq!(look.damaged, 0);
    }
}
