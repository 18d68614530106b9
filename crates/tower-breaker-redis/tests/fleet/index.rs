//! The index: what instances that come, lag or were away read of it, also where Redis lost a part.

use super::{CIRCUIT, Instance, Server, rounds, until};

/// The index of one set, and what the scripts make of it.
struct Index(Server);

/// What an instance read: the birth, the last number, and the circuits.
struct Read {
    born: String,
    last: String,
    names: Vec<String>,
}

const KEYS: [&str; 4] = ["version", "meta", "order", "lines"];

impl Index {
    fn new() -> Self {
        Self(Server::start())
    }

    fn call(&self, script: &str, words: &[&str]) -> Vec<String> {
        let call = [&["EVAL", script, "4"], &KEYS[..], &["1", "60000"], words].concat();
        self.0.command(&call)
    }

    /// What an instance reads that has read so far.
    fn read(&self, born: &str, last: &str) -> Read {
        self.read_after(born, last, "0")
    }

    /// And that was told this number as it last published.
    fn read_after(&self, born: &str, last: &str, given: &str) -> Read {
        let words = [born, last, "1000", given];
        let mut words = self.call(include_str!("../../src/scripts/read.lua"), &words).into_iter();
        assert_eq!(words.next().as_deref(), Some("ok"));
        let _now = words.next();
        let (born, last) = (words.next().expect("a birth"), words.next().expect("a number"));
        Read { born, last, names: words.step_by(2).collect() }
    }

    /// Gives the number it was told.
    fn publish(&self, names: &[&str]) -> String {
        let lines = names.iter().flat_map(|name| [*name, "1", "1 fo 0 0 0 - - -1"]);
        let words: Vec<&str> = ["100"].into_iter().chain(lines).collect();
        self.call(include_str!("../../src/scripts/publish.lua"), &words).concat()
    }
}

#[test]
#[ignore = "needs redis-server"]
fn who_reads_on_hears_what_changed_since_and_each_circuit_once() {
    let index = Index::new();
    index.publish(&["a", "b"]);
    let first = index.read("", "0");
    assert_eq!((first.names, first.last.as_str()), (vec!["a".to_owned(), "b".to_owned()], "2"));
    index.publish(&["c"]);
    let second = index.read(&first.born, &first.last);
    assert_eq!((second.names, second.last.as_str(), &second.born), (vec!["c".to_owned()], "3", &first.born));
    assert!(index.read(&second.born, &second.last).names.is_empty());
}

/// A cluster and a proxy fail over without a new connection.
#[test]
#[ignore = "needs redis-server"]
fn who_has_read_further_than_there_is_makes_everybody_read_anew() {
    let index = Index::new();
    index.publish(&["a", "b"]);
    let before = index.read("", "0");
    // A replica that had not heard of "b" yet.
    index.0.command(&["ZREM", "order", "b"]);
    index.0.command(&["HDEL", "lines", "b"]);
    index.0.command(&["HSET", "meta", "last", "1"]);
    let after = index.read(&before.born, &before.last);
    assert_ne!(after.born, before.born, "its instances tell what they know");
    assert_eq!(after.names, ["a"], "what is there still stands");
    // Another one that had read as far finds the new birth.
    assert_eq!(index.read(&before.born, &before.last).born, after.born);
    let again = index.read(&after.born, &after.last);
    assert_eq!((again.born, again.names), (after.born, vec![]), "once");
}

/// What a failover loses most likely is what was published last, and read by nobody.
#[test]
#[ignore = "needs redis-server"]
fn who_was_given_a_number_that_is_gone_makes_everybody_read_anew() {
    let index = Index::new();
    assert_eq!(index.publish(&["a"]), "1");
    let before = index.read("", "0");
    assert_eq!(index.publish(&["b"]), "2");
    assert_eq!(index.publish(&["b"]), "2", "no news");
    index.0.command(&["ZREM", "order", "b"]);
    index.0.command(&["HDEL", "lines", "b"]);
    index.0.command(&["HSET", "meta", "last", "1"]);
    assert_eq!(index.read_after(&before.born, "1", "1").born, before.born);
    let after = index.read_after(&before.born, "1", "2");
    assert_ne!(after.born, before.born);
    assert_eq!(after.names, ["a"]);
    // Of another birth, a number says nothing.
    assert_eq!(index.read_after(&before.born, "1", "2").born, after.born);
}

#[test]
#[ignore = "needs redis-server"]
fn redis_back_with_older_data_hears_again_what_it_lost_and_tells_what_comes() {
    let file = format!("tower-breaker-older-{}.rdb", std::process::id());
    let mut server = Server::start_with(&["--dbfilename", &file]);
    let mut pair = [(); 2].map(|()| Instance::start(&server.url()));
    for instance in &mut pair {
        until("a connection", || instance.look().connected);
    }
    let told = |pair: &mut [Instance], epoch, command: &str| {
        pair[0].tell(command);
        until(command, || pair.iter_mut().all(|instance| instance.look().epoch == epoch));
    };
    told(&mut pair, 1, "force-close");
    assert_eq!(server.command(&["SAVE"]), ["OK"]);
    told(&mut pair, 2, "reset");
    told(&mut pair, 3, "force-open");
    server.kill();
    until("the gauge", || pair.iter_mut().all(|instance| !instance.look().connected));
    server.again();
    until("the gauge", || pair.iter_mut().all(|instance| instance.look().connected));
    assert_eq!(server.command(&["HGET", CIRCUIT, "s"]), ["fo"], "they told the circuit");
    let mut newcomer = Instance::start(&server.url());
    until("what was lost", || newcomer.look().fleet == "forced_open");
    told(&mut pair, 4, "reset");
    until("the reset", || pair.iter_mut().all(|instance| instance.look().mode == "enforce"));
    rounds(&mut newcomer, 2);
    assert_eq!(newcomer.look().mode, "enforce");
    drop(server);
    let _ = std::fs::remove_file(std::env::temp_dir().join(file));
}

/// Where memory is short keys go, and others stay.
const EVICTED: [&[&str]; 4] = [&["meta"], &["order"], &["lines"], &["order", "lines"]];

#[test]
#[ignore = "needs redis-server"]
fn an_index_of_which_a_key_is_gone_begins_anew() {
    for gone in EVICTED {
        let index = Index::new();
        index.publish(&["a", "b", "c"]);
        let before = index.read("", "0");
        index.0.command(&[&["DEL"], gone].concat());
        let after = index.read(&before.born, &before.last);
        assert_ne!(after.born, before.born, "{gone:?}: its instances tell what they know");
        assert_eq!((after.last.as_str(), after.names.len()), ("0", 0), "{gone:?}");
        index.publish(&["b"]);
        let told = index.read(&after.born, &after.last);
        assert_eq!((told.born, told.last.as_str(), told.names), (after.born, "1", vec!["b".to_owned()]), "{gone:?}");
        assert_eq!(index.0.command(&["HKEYS", "lines"]), ["b"], "{gone:?}");
    }
}

/// Between the look at it and the news.
#[test]
#[ignore = "needs redis-server"]
fn news_for_an_index_of_which_a_key_is_gone_begin_it_anew() {
    for gone in EVICTED {
        let index = Index::new();
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        index.publish(&names);
        let before = index.read("", "0");
        index.0.command(&[&["DEL"], gone].concat());
        // It trims eight of what is old: what is left seems whole.
        index.publish(&["z"]);
        let after = index.read(&before.born, &before.last);
        assert_ne!(after.born, before.born, "{gone:?}");
        assert_eq!((after.last.as_str(), after.names), ("1", vec!["z".to_owned()]), "{gone:?}");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn instances_tell_again_what_an_evicted_key_held() {
    let server = Server::start();
    let mut pair = [(); 2].map(|()| Instance::start(&server.url()));
    for instance in &mut pair {
        until("a connection", || instance.look().connected);
    }
    pair[0].tell("force-open");
    until("the command", || pair.iter_mut().all(|instance| instance.look().fleet == "forced_open"));
    for gone in ["meta", "order", "lines"] {
        server.command(&["DEL", &format!("tower-breaker:{{default}}:v1:{gone}")]);
        rounds(&mut pair[0], 3);
        let mut newcomer = Instance::start(&server.url());
        until(gone, || newcomer.look().fleet == "forced_open");
        assert_eq!(newcomer.look().damaged, 0, "{gone}");
    }
    pair[1].tell("reset");
    until("the reset", || pair.iter_mut().all(|instance| instance.look().mode == "enforce"));
}
