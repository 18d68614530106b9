use std::sync::Mutex;

use tower_breaker_core::{CircuitBreakerConfig, Outcome, State};

use super::{steps::Found, *};
use crate::{
    FleetState,
    wire::{self, Act},
};

const SECOND: Duration = Duration::from_secs(1);

/// Where nothing is. What it says is kept.
fn round() -> (Round, Arc<Mutex<Vec<FleetEvent>>>) {
    round_of(Circuits::new(CircuitBreakerConfig::default()))
}

fn round_of(circuits: Circuits) -> (Round, Arc<Mutex<Vec<FleetEvent>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&told);
    let (target, address) = Target::parse("redis://127.0.0.1:1", SECOND).expect("a URL");
    let setup = Setup {
        circuits,
        keys: Keys::new("tower-breaker", "default"),
        address,
        interval: SECOND,
        timeout: SECOND,
        quorum: 2,
        lease: 5 * SECOND,
        expiry: 3_600 * SECOND,
        terms: Terms { hold: 5 * SECOND, refresh: 900 * SECOND, counts_as: 10 * SECOND, shortest: 3 * SECOND },
        shared: Arc::new(Shared::new("me".to_owned())),
        on_event: Some(Box::new(move |event| events.lock().expect("whole").push(event.clone()))),
    };
    (Round::new(setup, target), told)
}

impl Round {
    fn ends(&mut self, outcome: Result<(), &str>) {
        self.note(Instant::now(), outcome.map_err(str::to_owned));
    }

    fn hears(&mut self, name: &str, line: &str) {
        self.heard(&name.into(), line, true, 0, Instant::now());
    }

    fn answers(&mut self, found: &[Found], now: &str, line: &str) {
        self.answered(found, &[now.to_owned(), line.to_owned()], &mut Vec::new()).expect("a time");
    }

    /// What there is to tell, of which circuit and of how many calls.
    fn tells(&mut self, joins: bool) -> Vec<(String, Act, u64)> {
        let found = self.look(joins);
        found.iter().map(|(name, _, asked)| (name.to_string(), asked.ask.act, asked.ask.calls)).collect()
    }
}

fn call(round: &Round, name: &str) {
    round.setup.circuits.get_or_create(name).try_acquire().expect("closed").record(Outcome::Success);
}

#[test]
fn an_interval_is_long_by_a_tenth_more_or_less_and_up_to_eight_times_while_redis_is_away() {
    let (mut round, _) = round();
    for times in [1, 1, 2, 4, 8, 8, 8] {
        for _ in 0..100 {
            let pause = round.pause();
            assert!((SECOND * 9 / 10..=SECOND * 11 / 10).contains(&(pause / times)), "{pause:?} of {times}");
        }
        round.ends(Err("no answer"));
    }
    round.ends(Ok(()));
    assert!(round.pause() <= SECOND * 11 / 10);
}

#[test]
fn away_and_back_are_each_said_once_and_counted_each_time() {
    let (mut round, told) = round();
    for outcome in [Ok(()), Ok(()), Err("no answer"), Err("refused")] {
        round.ends(outcome);
    }
    let status = round.setup.shared.status();
    assert_eq!((status.connected, status.rounds, status.failed), (false, 2, 2));
    assert_eq!(status.reason.as_deref(), Some("redis at 127.0.0.1:1: refused"), "the latest");
    round.ends(Ok(()));
    let status = round.setup.shared.status();
    assert_eq!((status.connected, status.rounds, status.failed, status.reason), (true, 3, 2, None));
    assert!(status.last_contact.is_some());
    let told = told.lock().expect("whole");
    assert!(matches!(
        &told[..],
        [FleetEvent::Joined { after: None }, FleetEvent::Away { .. }, FleetEvent::Joined { after: Some(_) }]
    ));
}

#[test]
fn a_first_contact_is_said_also_after_failures_and_with_no_time_away() {
    let (mut round, told) = round();
    round.ends(Err("no answer"));
    round.ends(Ok(()));
    let told = told.lock().expect("whole");
    assert!(matches!(&told[..], [FleetEvent::Away { .. }, FleetEvent::Joined { after: None }]));
}

#[test]
fn whatever_ends_the_task_the_gauge_says_so() {
    let (mut round, _) = round();
    call(&round, "orders");
    round.hears("orders", "3 fo 0 0 0 - - -1");
    round.look(false);
    round.show();
    round.ends(Ok(()));
    let shared = Arc::clone(&round.setup.shared);
    assert!(shared.status().connected && shared.state().circuits.contains_key("orders"));
    drop(Ended(Arc::clone(&shared)));
    assert!(!shared.status().connected && shared.state().circuits.is_empty());
    assert_eq!(shared.status().reason.as_deref(), Some("the fleet's task has ended"));
}

#[test]
fn the_time_of_redis_goes_on_with_this_instances_clock() {
    let at = Instant::now();
    assert_eq!(redis_now(Some((1_700_000_000_000, at)), at + 3 * SECOND), 1_700_000_003_000);
    assert_eq!(redis_now(None, at), 0, "it was never told");
}

#[test]
fn in_a_cluster_times_of_two_nodes_are_never_compared() {
    let (mut round, _) = round();
    call(&round, "orders");
    let found = round.look(false);
    let now = Instant::now();
    // The index's node is hours ahead.
    round.index.now = Some((90_000_000, now));
    assert_eq!(round.sent(true, &found, now), 90_000_000);
    assert_eq!(round.sent(false, &found, now), 0, "nothing was heard from its node");
    round.answers(&found, "5000", "0 c 0 0 0 - - -1 - 0 1 0 0 0 - -");
    let later = round.sent(false, &found, Instant::now() + SECOND);
    assert!((6_000..60_000).contains(&later), "{later}");
    round.rejoin();
    assert_eq!(round.sent(false, &found, now), 0, "another node may be the one");
}

#[test]
fn a_command_that_came_late_is_told_again_and_not_undone() {
    let (mut round, _) = round();
    let circuit = round.setup.circuits.get_or_create("orders");
    circuit.force_open();
    let found = round.look(false);
    round.answers(&found, "5000", "0 c 5000 0 0 - - -1 - 0 0 0 0 0 - late");
    assert_eq!(circuit.by_hand().commands, 1);
    assert_eq!(round.tells(false), [("orders".to_owned(), Act::Hand(Some(wire::State::ForcedOpen)), 0)]);
}

#[test]
fn what_circuits_made_since_it_joined_counted_is_told_whole_and_once() {
    let (mut round, _) = round();
    call(&round, "before");
    assert_eq!(round.tells(true), []);
    call(&round, "since");
    call(&round, "since");
    assert_eq!(round.tells(false), [("since".to_owned(), Act::Report, 2)]);
    assert_eq!(round.tells(false), []);
    // Another circuit of that name.
    round.setup.circuits.remove("since");
    call(&round, "since");
    assert_eq!(round.tells(false), [("since".to_owned(), Act::Report, 1)]);
}

#[test]
fn what_was_set_since_the_start_is_a_command_and_what_was_set_before_gives_way() {
    for line in [None, Some("3 r 0 0 0 - - -1")] {
        let circuits = Circuits::new(CircuitBreakerConfig::default());
        let [before, since] = ["before", "since"].map(|name| circuits.get_or_create(name));
        before.force_open();
        let (mut round, _) = round_of(circuits);
        since.force_open();
        round.setup.circuits.get_or_create("made since").force_open();
        for name in ["before", "since", "made since"] {
            line.into_iter().for_each(|line| round.hears(name, line));
        }
        let mut told = round.tells(true);
        told.sort_by_key(|(name, ..)| name.len());
        let command = |name: &str| (name.to_owned(), Act::Hand(Some(crate::wire::State::ForcedOpen)), 0);
        assert_eq!(told, [command("since"), ("before".to_owned(), Act::Report, 0), command("made since")], "{line:?}");
        assert_eq!(before.by_hand().force.is_some(), line.is_none());
        assert!(since.by_hand().force.is_some());
    }
}

#[test]
fn what_was_restored_since_the_start_is_no_command() {
    let before = Circuits::new(CircuitBreakerConfig::default());
    before.get_or_create("orders").force_open();
    for line in [None, Some("3 r 0 0 0 - - -1")] {
        let (mut round, _) = round();
        line.into_iter().for_each(|line| round.hears("orders", line));
        round.setup.circuits.restore(&before.export()).expect("an export");
        assert_eq!(round.tells(false), [("orders".to_owned(), Act::Report, 0)]);
        let hand = round.setup.circuits.get_or_create("orders").by_hand();
        assert_eq!(hand.force.is_some(), line.is_none(), "the fleet knows better");
    }
}

#[test]
fn a_circuit_made_while_redis_was_away_tells_its_commands_and_not_what_it_counted() {
    let (mut round, _) = round();
    round.look(true);
    call(&round, "orders");
    round.setup.circuits.get_or_create("orders").reset();
    assert_eq!(round.tells(true), [("orders".to_owned(), Act::Hand(Some(crate::wire::State::Reset)), 0)]);
}

#[test]
fn last_words_are_of_commands_alone_whatever_was_counted() {
    let (mut round, _) = round();
    for name in ["known", "called"] {
        call(&round, name);
    }
    round.look(false);
    for name in ["known", "called", "made since"] {
        call(&round, name);
    }
    for name in ["known", "made since"] {
        round.setup.circuits.get_or_create(name).force_closed();
    }
    let mut told: Vec<_> = round.commands().iter().map(|(name, ..)| name.to_string()).collect();
    told.sort_unstable();
    assert_eq!(told, ["known", "made since"]);
}

#[test]
fn circuits_that_left_the_set_are_let_go() {
    let (mut round, _) = round();
    for name in ["a", "b"] {
        call(&round, name);
    }
    round.look(true);
    round.setup.circuits.remove("a");
    round.look(false);
    assert_eq!(round.members.keys().map(|name| &**name).collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_circuit_begins_with_what_the_index_had_of_its_name() {
    let (mut round, _) = round();
    round.hears("orders", "3 o 0 60000 1 - - -1");
    let circuit = round.setup.circuits.get_or_create("orders");
    assert_eq!(circuit.state(), State::Closed);
    round.look(false);
    assert_eq!(circuit.state(), State::Open);
    round.hears("orders", "4 c 0 0 0 - - -1");
    assert_eq!(circuit.state(), State::Closed);
}

#[test]
fn what_a_round_that_joins_reads_is_how_things_stand_and_no_news() {
    let (mut round, _) = round();
    let circuits = ["first", "again", "news"].map(|name| round.setup.circuits.get_or_create(name));
    round.look(true);
    for circuit in &circuits {
        while let Ok(permit) = circuit.try_acquire() {
            permit.record(Outcome::Failure);
        }
    }
    round.hears("first", "3 r 0 0 0 - - -1");
    round.ends(Ok(()));
    round.ends(Err("no answer"));
    round.hears("again", "3 r 0 0 0 - - -1");
    round.ends(Ok(()));
    round.hears("news", "3 r 0 0 0 - - -1");
    assert_eq!(circuits.map(|circuit| circuit.state()), [State::Open, State::Open, State::Closed]);
}

#[test]
fn what_was_read_of_the_index_is_not_trusted_over_a_new_connection() {
    let (mut round, _) = round();
    round.hears("orders", "3 o 0 60000 1 - - -1");
    (round.index.born, round.index.last, round.index.given) = ("1.1".to_owned(), "7".to_owned(), 8);
    round.rejoin();
    let Index { born, last, given, lines, now } = &round.index;
    assert_eq!((born.as_str(), last.as_str(), *given, lines.len(), *now), ("", "", 0, 0, None));
}

#[test]
fn of_an_index_of_another_birth_nothing_is_kept_and_what_is_known_is_told() {
    let (mut round, _) = round();
    call(&round, "orders");
    round.look(true);
    let lists = |round: &mut Round, words: &str| round.listed(words.split(';').map(str::to_owned).collect());
    assert_eq!(lists(&mut round, "ok;5000;1.1;7;orders;3 r 0 0 0 - - -1;a;1 c 0 0 0 - - -1"), Ok(2));
    round.index.given = 8;
    assert_eq!(lists(&mut round, "ok;6000;1.1;9"), Ok(0));
    assert_eq!((round.index.lines.len(), round.index.given, round.tells(false).len()), (2, 8, 0));
    assert_eq!(lists(&mut round, "ok;7000;2.2;1;a;1 c 0 0 0 - - -1"), Ok(1));
    assert_eq!((&*round.index.born, &*round.index.last, round.index.given), ("2.2", "1", 0));
    assert_eq!(round.index.lines.keys().map(|name| &**name).collect::<Vec<_>>(), ["a"]);
    assert_eq!(round.tells(false), [("orders".to_owned(), Act::Report, 0)]);
    assert!(lists(&mut round, "version;2").is_err_and(|reason| reason.contains("version \"2\"")));
    assert!(lists(&mut round, "ok;yesterday;1.1;7").is_err());
}

#[test]
fn of_the_index_no_more_than_twice_what_redis_keeps_is_remembered() {
    let (mut round, _) = round();
    for number in 0..20_000 {
        round.hears(&number.to_string(), "3 fo 0 0 0 - - -1");
    }
    assert_eq!(round.index.lines.len(), 20_000);
    round.hears("one more", "3 fo 0 0 0 - - -1");
    assert_eq!(round.index.lines.len(), 1);
}

#[test]
fn the_handle_shows_circuits_of_which_the_fleet_said_something() {
    let (mut round, _) = round();
    for name in ["silent", "counted", "open", "forced", "closed"] {
        call(&round, name);
    }
    for (name, line) in
        [("open", "3 o 0 60000 1 - - -1"), ("forced", "4 fc 0 0 0 - - -1"), ("closed", "5 r 0 0 0 - - -1")]
    {
        round.hears(name, line);
    }
    round.look(true);
    round.members.get_mut("counted").expect("a member").totals.calls = 1;
    round.show();
    let state = round.setup.shared.state();
    let mut shown: Vec<_> = state.circuits.values().map(|shown| (&*shown.name, shown.state, shown.epoch)).collect();
    shown.sort_unstable_by_key(|(name, ..)| *name);
    assert_eq!(
        shown,
        [
            ("closed", FleetState::Closed, 5),
            ("counted", FleetState::Closed, 0),
            ("forced", FleetState::ForcedClosed, 4),
            ("open", FleetState::Open, 3),
        ]
    );
}
