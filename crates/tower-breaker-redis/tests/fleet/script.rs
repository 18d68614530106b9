//! What the script makes of what instances say, word for word, at times of these tests' own.

use std::cell::Cell;

use super::Server;

/// What the script asks for the time.
const CLOCK: &str = "redis.call('TIME')";

/// One circuit, of which two failures in ten calls open it for 200 ms.
pub(super) struct Circuit {
    pub(super) server: Server,
    /// In milliseconds: what Redis would say.
    pub(super) now: Cell<i64>,
}

/// What an instance says.
#[derive(Clone, Copy)]
pub(super) struct Said {
    pub(super) epoch: u64,
    pub(super) state: &'static str,
    pub(super) remaining: u64,
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) act: &'static str,
    /// Milliseconds before now by Redis's time; 0: it does not know.
    pub(super) sent_ago: i64,
}

pub(super) const SAID: Said = Said { epoch: 0, state: "c", remaining: 0, calls: 0, failures: 0, act: "-", sent_ago: 0 };

/// What comes back, as far as these tests ask: epoch, state, row, wait, who probes, calls, failures, who saw failures, whether it
/// was late.
#[derive(Debug, PartialEq)]
struct Heard {
    epoch: u64,
    state: String,
    wait: i64,
    row: u64,
    lease: String,
    calls: u64,
    failures: u64,
    seen_by: u64,
    late: bool,
}

impl Circuit {
    pub(super) fn new() -> Self {
        Self { server: Server::start(), now: Cell::new(1_700_000_000_000) }
    }

    fn pass(&self, millis: i64) {
        self.now.set(self.now.get() + millis);
    }

    /// The words that come back.
    pub(super) fn answer(&self, who: &str, said: Said) -> Vec<String> {
        let sent = if said.sent_ago > 0 { (self.now.get() - said.sent_ago).to_string() } else { "0".to_owned() };
        let number = |number: u64| number.to_string();
        let (epoch, remaining) = (number(said.epoch), number(said.remaining));
        let (calls, failures) = (number(said.calls), number(said.failures));
        let script = include_str!("../../src/scripts/exchange.lua");
        assert_eq!(script.matches(CLOCK).count(), 1);
        let now = self.now.get();
        let script = script.replace(CLOCK, &format!("{{ {}, {} }}", now / 1_000, now % 1_000 * 1_000));
        let call = ["EVAL", &script, "1", "circuit", who, "60000", "500", "2", &sent];
        let words = [
            call.as_slice(),
            &[&epoch, said.state, &remaining, "1", "-", "-", "-1", &calls, &failures, "0"],
            &["1000", "0.2", "-1", "10", "200", "2", "1000", said.act],
        ];
        let answer = self.server.command(&words.concat());
        answer.last().expect("an answer").split(' ').map(str::to_owned).collect()
    }

    fn say(&self, who: &str, said: Said) -> Heard {
        let words = self.answer(who, said);
        let number = |at: usize| words[at].parse().unwrap_or_else(|_| panic!("{words:?}"));
        Heard {
            epoch: number(0),
            state: words[1].clone(),
            wait: words[3].parse().expect("a number"),
            row: number(4),
            lease: words[8].clone(),
            calls: number(10),
            failures: number(11),
            seen_by: number(13),
            late: words[15] == "late",
        }
    }

    /// Opens it: epoch 1.
    pub(super) fn open() -> Self {
        let circuit = Self::new();
        circuit.say("a", Said { calls: 5, failures: 1, ..SAID });
        let heard = circuit.say("b", Said { calls: 5, failures: 1, ..SAID });
        assert_eq!((heard.epoch, heard.state.as_str(), heard.wait, heard.row), (1, "o", 200, 1));
        circuit
    }

    fn probing() -> Self {
        let circuit = Self::open();
        circuit.pass(200);
        assert_eq!(circuit.say("a", Said { epoch: 1, act: "want", ..SAID }).lease, "me");
        circuit
    }
}

#[test]
#[ignore = "needs redis-server"]
fn it_trips_at_the_rate_with_the_minimum_and_the_quorum_and_not_before() {
    let circuit = Circuit::new();
    let heard = circuit.say("a", Said { calls: 9, failures: 9, ..SAID });
    assert_eq!((heard.epoch, heard.calls, heard.failures, heard.seen_by), (0, 9, 9, 1));
    // The minimum, but one witness; another one without a failure is none.
    circuit.say("a", Said { calls: 9, failures: 9, ..SAID });
    assert_eq!(circuit.say("b", Said { calls: 60, failures: 0, ..SAID }).state, "c");
    // A second witness, and a rate just below: 19 of 96.
    assert_eq!(circuit.say("b", Said { calls: 18, failures: 1, ..SAID }).state, "c");
    assert_eq!(circuit.say("b", Said { calls: 2, failures: 1, ..SAID }).state, "o");
}

#[test]
#[ignore = "needs redis-server"]
fn what_belongs_to_another_epoch_counts_nowhere() {
    let circuit = Circuit::probing();
    assert_eq!(circuit.say("a", Said { epoch: 1, act: "close", ..SAID }).state, "c");
    // Counts, a close, a reopen and a wish from before.
    for act in ["-", "close", "reopen", "want"] {
        let heard = circuit.say("b", Said { epoch: 1, calls: 50, failures: 50, act, ..SAID });
        assert_eq!((heard.epoch, heard.state.as_str(), heard.calls, heard.lease.as_str()), (2, "c", 0, "-"), "{act}");
    }
    // Redis is not older than an instance that never heard of it either.
    assert_eq!(circuit.say("c", Said { calls: 50, failures: 50, ..SAID }).calls, 0);
    assert_eq!(circuit.say("b", Said { epoch: 2, calls: 5, failures: 1, ..SAID }).calls, 5);
}

#[test]
#[ignore = "needs redis-server"]
fn what_stood_in_a_socket_for_longer_than_the_window_changes_nothing() {
    let circuit = Circuit::new();
    let late = Said { calls: 50, failures: 50, sent_ago: 10_001, ..SAID };
    assert_eq!((circuit.say("a", late).calls, circuit.say("b", late).state.as_str()), (0, "c"));
    let heard = circuit.say("a", Said { act: "hand", state: "fo", ..late });
    assert_eq!((heard.state.as_str(), heard.late), ("c", true));
    let heard = circuit.say("a", Said { sent_ago: 10_000, failures: 0, ..late });
    assert_eq!((heard.calls, heard.late), (50, false));
}

#[test]
#[ignore = "needs redis-server"]
fn one_probes_and_only_its_failure_opens_again() {
    let circuit = Circuit::open();
    circuit.pass(199);
    assert_eq!(circuit.say("a", Said { epoch: 1, act: "want", ..SAID }).lease, "-", "the wait is not over");
    circuit.pass(1);
    assert_eq!(circuit.say("a", Said { epoch: 1, act: "want", ..SAID }).lease, "me");
    assert_eq!(circuit.say("b", Said { epoch: 1, act: "want", ..SAID }).lease, "other");
    assert_eq!(circuit.say("b", Said { epoch: 1, act: "reopen", ..SAID }).epoch, 1);
    let heard = circuit.say("a", Said { epoch: 1, act: "reopen", ..SAID });
    assert_eq!((heard.epoch, heard.state.as_str(), heard.wait, heard.row), (2, "o", 400, 2));
    assert_eq!(heard.lease, "-");
    // A probe that went out before says nothing of this open.
    circuit.pass(400);
    for act in ["close", "reopen", "want"] {
        let heard = circuit.say("a", Said { epoch: 1, act, ..SAID });
        assert_eq!((heard.epoch, heard.state.as_str(), heard.lease.as_str()), (2, "o", "-"), "{act}");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn waits_grow_to_their_cap_and_a_server_may_ask_for_more_up_to_it() {
    let circuit = Circuit::open();
    for (epoch, wish, wait) in [(1, 0, 400), (2, 700, 800), (3, 900, 1_000), (4, 5_000, 1_000)] {
        let heard = circuit.say("a", Said { epoch, act: "reopen", remaining: wish, ..SAID });
        assert_eq!(heard.wait, wait, "open {} in a row", heard.row);
    }
}

#[test]
#[ignore = "needs redis-server"]
fn the_lease_ends_by_itself_is_renewed_by_its_holder_and_given_back() {
    let circuit = Circuit::probing();
    circuit.pass(300);
    circuit.say("a", Said { epoch: 1, act: "want", ..SAID });
    circuit.pass(499);
    assert_eq!(circuit.say("b", Said { epoch: 1, act: "want", ..SAID }).lease, "other", "it was renewed");
    circuit.pass(1);
    assert_eq!(circuit.say("b", Said { epoch: 1, act: "want", ..SAID }).lease, "me", "its holder is silent");
    assert_eq!(circuit.say("a", Said { epoch: 1, act: "leave", ..SAID }).lease, "other");
    let heard = circuit.say("b", Said { epoch: 1, act: "leave", ..SAID });
    assert_eq!((heard.lease.as_str(), heard.state.as_str(), heard.epoch), ("-", "o", 2), "that is news");
    assert_eq!(circuit.say("b", Said { epoch: 1, act: "want", ..SAID }).lease, "-", "late, from before it left");
    assert_eq!(circuit.say("a", Said { epoch: 2, act: "want", ..SAID }).lease, "me");
}

#[test]
#[ignore = "needs redis-server"]
fn a_higher_epoch_is_taken_over_with_what_it_stood_for() {
    let circuit = Circuit::new();
    let heard = circuit.say("a", Said { epoch: 7, state: "o", remaining: 150, ..SAID });
    assert_eq!((heard.epoch, heard.state.as_str(), heard.wait), (7, "o", 150));
    // One that lags, and says something else of its own epoch, does not move it.
    assert_eq!(circuit.say("b", Said { epoch: 6, state: "c", ..SAID }).epoch, 7);
    assert_eq!(circuit.say("b", Said { epoch: 7, state: "c", ..SAID }).state, "o");
}

#[test]
#[ignore = "needs redis-server"]
fn a_mode_or_a_share_is_an_epoch_that_changes_no_state_also_where_the_state_was_forgotten() {
    let circuit = Circuit::open();
    let heard = circuit.say("a", Said { epoch: 1, state: "o", act: "keep", ..SAID });
    assert_eq!((heard.epoch, heard.state.as_str(), heard.wait), (2, "o", 200));
    circuit.server.command(&["FLUSHALL"]);
    let heard = circuit.say("a", Said { epoch: 5, state: "o", remaining: 150, act: "keep", ..SAID });
    assert_eq!((heard.epoch, heard.state.as_str(), heard.wait), (6, "o", 150));
    // Where it was never known there is nothing to keep but that it is closed.
    circuit.server.command(&["FLUSHALL"]);
    let heard = circuit.say("a", Said { act: "keep", ..SAID });
    assert_eq!((heard.epoch, heard.state.as_str()), (1, "c"));
}

/// Names come from strangers, and each that was called once has a key.
#[test]
#[ignore = "needs redis-server"]
fn a_circuit_of_which_nothing_was_decided_is_kept_for_two_of_its_windows_only() {
    let circuit = Circuit::new();
    let left = || circuit.server.command(&["PTTL", "circuit"])[0].parse::<i64>().expect("milliseconds");
    circuit.say("a", Said { calls: 5, failures: 1, ..SAID });
    assert!((1..=20_000).contains(&left()), "{} ms", left());
    // Nobody who only asks makes it live longer.
    circuit.server.command(&["PEXPIRE", "circuit", "10000"]);
    circuit.say("a", SAID);
    assert!((1..=10_000).contains(&left()), "{} ms", left());
    circuit.say("b", Said { calls: 5, failures: 1, ..SAID });
    assert!((20_001..=60_000).contains(&left()), "it opened, and is kept for {} ms", left());
}

#[test]
#[ignore = "needs redis-server"]
fn a_forced_circuit_counts_and_does_not_trip() {
    let circuit = Circuit::new();
    assert_eq!(circuit.say("a", Said { act: "hand", state: "fc", ..SAID }).state, "fc");
    circuit.say("a", Said { epoch: 1, calls: 50, failures: 50, ..SAID });
    let heard = circuit.say("b", Said { epoch: 1, calls: 50, failures: 50, ..SAID });
    assert_eq!((heard.state.as_str(), heard.calls, heard.seen_by), ("fc", 100, 2));
    assert_eq!(circuit.say("b", Said { epoch: 1, act: "hand", state: "r", ..SAID }).state, "r");
    assert_eq!(circuit.say("b", Said { epoch: 2, ..SAID }).calls, 0);
}

#[test]
#[ignore = "needs redis-server"]
fn a_clock_of_redis_that_was_set_back_holds_nothing_up() {
    let circuit = Circuit::probing();
    let tomorrow = (circuit.now.get() + 86_400_000).to_string();
    circuit.server.command(&["HSET", "circuit", "at", &tomorrow, "lu", &tomorrow]);
    // The wait begins now at the latest, and the lease ends after its length.
    assert_eq!(circuit.say("b", Said { epoch: 1, act: "want", ..SAID }).lease, "other");
    circuit.pass(499);
    assert_eq!(circuit.say("b", Said { epoch: 1, act: "want", ..SAID }).lease, "other");
    circuit.pass(1);
    assert_eq!(circuit.say("b", Said { epoch: 1, act: "want", ..SAID }).lease, "me");
}

#[test]
#[ignore = "needs redis-server"]
fn a_force_ends_after_its_length_also_where_the_clock_of_redis_was_set_back() {
    let circuit = Circuit::new();
    assert_eq!(circuit.say("a", Said { act: "hand", state: "fo", ..SAID }).state, "fo");
    // As if it had begun tomorrow, for 400 ms.
    let tomorrow = circuit.now.get() + 86_400_000;
    let (at, until) = (tomorrow.to_string(), (tomorrow + 400).to_string());
    circuit.server.command(&["HSET", "circuit", "at", &at, "u", &until]);
    assert_eq!(circuit.say("a", Said { epoch: 1, ..SAID }).state, "fo");
    circuit.pass(399);
    assert_eq!(circuit.say("a", Said { epoch: 1, ..SAID }).state, "fo");
    circuit.pass(1);
    let heard = circuit.say("b", Said { epoch: 1, ..SAID });
    assert_eq!((heard.epoch, heard.state.as_str(), heard.wait), (2, "o", 0));
}
