//! Redis goes, comes back, forgets; instances stop and go on.

use super::{Instance, Server, pause, rounds, trip_anew, until};

fn pair(server: &Server, variables: &[(&str, &str)]) -> [Instance; 2] {
    let mut pair = [(); 2].map(|()| Instance::start_with(&server.url(), variables));
    for instance in &mut pair {
        instance.tell("ok 100");
        until("a connection", || instance.look().connected);
    }
    pair
}

fn is_one_fleet(pair: &mut [Instance; 2]) {
    trip_anew(pair);
    for instance in &mut *pair {
        instance.tell("ok 100");
    }
    until("the fleet's close", || pair.iter_mut().all(|instance| instance.look().fleet == "closed"));
}

#[test]
#[ignore = "needs redis-server"]
fn killed_redis_leaves_every_instance_its_own_breaker_and_takes_them_back() {
    let mut server = Server::start();
    let mut pair = pair(&server, &[]);
    server.kill();
    until("the event", || pair.iter_mut().all(|instance| instance.look().away > 0));
    assert!(pair.iter_mut().all(|instance| !instance.look().connected));
    // By itself: one opens, probes and closes, and the other knows nothing of it.
    pair[0].tell("fail 200");
    until("a local trip and probes", || pair[0].look().opens >= 3);
    pair[0].tell("ok 100");
    until("a local close", || pair[0].look().state == "closed");
    assert_eq!(pair[1].look().opens, 0);
    assert_eq!((pair[0].look().away, pair[1].look().away), (1, 1), "said once");
    server.again();
    until("the gauge", || pair.iter_mut().all(|instance| instance.look().connected));
    is_one_fleet(&mut pair);
}

#[test]
#[ignore = "needs redis-server"]
fn paused_redis_holds_up_no_call_and_counts_nothing_late() {
    let server = Server::start();
    let mut pair = pair(&server, &[]);
    server.signal("STOP");
    until("the gauge", || pair.iter_mut().all(|instance| !instance.look().connected));
    // Fifty calls that waited for the timeout would take four minutes.
    let before = pair[0].look().called;
    until("calls", || pair[0].look().called > before + 50);
    server.signal("CONT");
    until("the gauge", || pair.iter_mut().all(|instance| instance.look().connected));
    assert_eq!((pair[0].look().opens, pair[1].look().opens), (0, 0));
    is_one_fleet(&mut pair);
}

#[test]
#[ignore = "needs redis-server"]
fn redis_gone_while_open_every_instance_probes_for_itself() {
    let mut server = Server::start();
    // Beyond the wait it gives the fleet the lease, or three intervals and two timeouts where that is longer: here it is not.
    let mut pair = pair(&server, &[("FLEET_TIMEOUT", "250")]);
    trip_anew(&mut pair);
    server.kill();
    for instance in &mut pair {
        instance.tell("ok 100");
    }
    until("local closes", || pair.iter_mut().all(|instance| instance.look().state == "closed"));
    // Back and empty: what they knew is told, and the older open does not come back.
    server.again();
    until("the gauge", || pair.iter_mut().all(|instance| instance.look().connected));
    until("one mind", || pair.iter_mut().all(|instance| instance.look().fleet == "closed"));
    assert!(pair.iter_mut().all(|instance| instance.look().state == "closed"));
}

#[test]
#[ignore = "needs redis-server"]
fn redis_that_answers_and_decides_nothing_holds_nobody_back() {
    // No memory for what is written, and no replica to write it to: it can be read all the same.
    for (setting, bad, good) in [("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")] {
        let server = Server::start();
        let mut pair = pair(&server, &[("FLEET_TIMEOUT", "250")]);
        trip_anew(&mut pair);
        server.command(&["CONFIG", "SET", setting, bad]);
        for instance in &mut pair {
            instance.tell("ok 100");
        }
        until(setting, || pair.iter_mut().all(|instance| instance.look().state == "closed"));
        server.command(&["CONFIG", "SET", setting, good]);
        until("one mind", || pair.iter_mut().all(|instance| instance.look().fleet == "closed"));
        assert!(pair.iter_mut().all(|instance| instance.look().state == "closed"));
    }
}

#[test]
#[ignore = "needs redis-server"]
fn emptied_redis_learns_again_what_the_instances_know() {
    let server = Server::start();
    let mut pair = pair(&server, &[]);
    pair[0].tell("force-open");
    until("the command", || pair.iter_mut().all(|instance| instance.look().fleet == "forced_open"));
    let epoch = pair[1].look().epoch;
    server.command(&["FLUSHALL"]);
    rounds(&mut pair[0], 3);
    let mut newcomer = Instance::start(&server.url());
    until("the newcomer's force", || newcomer.look().fleet == "forced_open");
    assert_eq!(newcomer.look().mode, "forced_open");
    assert!(newcomer.look().epoch >= epoch);
    newcomer.tell("reset");
    until("the reset", || pair.iter_mut().all(|instance| instance.look().mode == "enforce"));
    is_one_fleet(&mut pair);
}

#[test]
#[ignore = "needs redis-server"]
fn an_instance_that_slept_through_the_close_does_not_open_the_fleet_again() {
    let server = Server::start();
    let mut pair = pair(&server, &[]);
    trip_anew(&mut pair);
    pair[0].signal("STOP");
    pair[1].tell("ok 100");
    until("the close", || pair[1].look().fleet == "closed");
    let (epoch, opens) = (pair[1].look().epoch, pair[1].look().opens);
    pair[0].signal("CONT");
    pair[0].tell("ok 100");
    until("the sleeper's close", || pair[0].look().state == "closed");
    rounds(&mut pair[1], 5);
    assert_eq!((pair[1].look().epoch, pair[1].look().opens), (epoch, opens));
}

#[test]
#[ignore = "needs redis-server"]
fn an_instance_restarted_with_nothing_joins_and_one_killed_is_not_missed() {
    let server = Server::start();
    let mut pair = pair(&server, &[]);
    trip_anew(&mut pair);
    pair[0] = Instance::start(&server.url());
    until("what it hears", || pair[0].look().fleet == "open");
    for instance in &mut pair {
        instance.tell("ok 100");
    }
    until("the close", || pair.iter_mut().all(|instance| instance.look().fleet == "closed"));
    is_one_fleet(&mut pair);
}

#[test]
#[ignore = "needs redis-server"]
fn an_instance_away_for_half_the_expiry_forgets_the_fleet_and_tells_anew_what_operators_set() {
    let mut server = Server::start();
    let mut forgetful = Instance::start_with(&server.url(), &[("FLEET_EXPIRY", "10")]);
    until("a connection", || forgetful.look().connected);
    for (epoch, command) in [(1, "force-close"), (2, "reset"), (3, "force-open")] {
        forgetful.tell(command);
        until(command, || forgetful.look().epoch == epoch);
    }
    server.kill();
    until("the gauge", || !forgetful.look().connected);
    pause(5_500);
    server.again();
    until("the gauge", || forgetful.look().connected);
    until("the command told", || forgetful.look().fleet == "forced_open");
    assert_eq!(forgetful.look().epoch, 1, "Redis may have begun anew: it is not told of old epochs");
}
