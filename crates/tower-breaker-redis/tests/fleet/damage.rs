//! Keys that are not what they should be, and a server that does not want us.

use super::{CIRCUIT, Instance, Server, rounds, trip_anew, until};

#[test]
#[ignore = "needs redis-server"]
fn keys_of_another_version_are_left_alone_and_said_once() {
    let server = Server::start();
    server.command(&["SET", "tower-breaker:{default}:version", "2"]);
    let mut instance = Instance::start(&server.url());
    instance.tell("fail 100");
    until("the warning", || instance.look().away == 1);
    let look = instance.look();
    assert!(look.reason.contains("version \"2\""), "{}", look.reason);
    until("local breaking", || instance.look().opens >= 2);
    assert_eq!((instance.look().away, instance.look().connected), (1, false));
    assert_eq!(server.command(&["DBSIZE"]), ["1"]);
    server.command(&["DEL", "tower-breaker:{default}:version"]);
    until("the gauge", || instance.look().connected);
}

#[test]
#[ignore = "needs redis-server"]
fn a_circuit_whose_key_is_of_another_type_goes_on_by_itself() {
    let server = Server::start();
    server.command(&["SET", CIRCUIT, "by hand"]);
    let mut instance = Instance::start(&server.url());
    instance.tell("fail 100");
    until("the warning", || instance.look().damaged == 1);
    until("local breaking", || instance.look().opens >= 2);
    assert_eq!((instance.look().damaged, instance.look().connected), (1, true));
}

#[test]
#[ignore = "needs redis-server"]
fn a_circuit_whose_key_became_another_type_while_it_was_open_probes_by_itself() {
    let server = Server::start();
    let mut pair = [Instance::start(&server.url()), Instance::start(&server.url())];
    trip_anew(&mut pair);
    server.command(&["SET", CIRCUIT, "by hand"]);
    for instance in &mut pair {
        instance.tell("ok 100");
    }
    until("local closes", || pair.iter_mut().all(|instance| instance.look().state == "closed"));
    server.command(&["DEL", CIRCUIT]);
    until("one mind", || pair.iter_mut().all(|instance| instance.look().fleet == "closed"));
}

#[test]
#[ignore = "needs redis-server"]
fn fields_changed_by_hand_count_as_not_there() {
    let server = Server::start();
    let mut pair = [Instance::start(&server.url()), Instance::start(&server.url())];
    for instance in &mut pair {
        instance.tell("ok 50");
        until("a connection", || instance.look().connected);
    }
    rounds(&mut pair[0], 3);
    for (field, value) in
        [("at", "yesterday"), ("s", "ajar"), ("3", "many"), ("w", "1e300"), ("e", "nan"), ("x", "7"), ("m", "maybe")]
    {
        let mut said = || pair.iter_mut().map(|instance| instance.look().damaged).sum::<u64>();
        let before = said();
        server.command(&["HSET", CIRCUIT, field, value]);
        until(field, || said() > before);
        rounds(&mut pair[0], 2);
        rounds(&mut pair[1], 2);
    }
    server.command(&["HSET", CIRCUIT, "r", "a b c"]);
    rounds(&mut pair[0], 2);
    trip_anew(&mut pair);
}

#[test]
#[ignore = "needs redis-server"]
fn a_wrong_password_is_said_and_the_right_one_works() {
    let server = Server::start_with(&["--requirepass", "right"]);
    let with = |password| format!("redis://:{password}@127.0.0.1:{}", server.port());
    let mut wrong = Instance::start(&with("wrong"));
    until("the warning", || wrong.look().away == 1);
    let reason = wrong.look().reason;
    assert!(reason.contains("assword") && !reason.contains("wrong@"), "{reason}");
    let mut right = Instance::start(&with("right"));
    until("a connection", || right.look().connected);
}
