//! Many circuits: bounded, by name, the same for everybody.

use std::{collections::HashSet, sync::Barrier, thread};

use tower_breaker_core::{Circuit, Circuits, CircuitsBuilder, ManualClock, Mode, Outcome, State, Transition};

use super::{admitted, by_rate, end, fail, plain, secs, succeed};

fn set() -> (CircuitsBuilder, ManualClock) {
    let clock = ManualClock::new();
    let config = plain().build().expect("a valid configuration");
    (Circuits::builder().config(config).clock(clock.clone()).seed(24), clock)
}

#[test]
fn a_million_distinct_names_stay_under_the_capacity() {
    const NAMES: u64 = 1_000_000;
    let circuits = set().0.capacity(1_000).build();
    for name in 0..NAMES {
        end(&circuits.get_or_create(&name.to_string()), Outcome::Success);
        if name % 10_000 == 0 {
            assert!(circuits.len() <= 1_000);
        }
    }
    let alive = circuits.snapshots();
    assert!(alive.len() <= 1_000);
    // A circuit's counters depart when it is dropped: what is not alive holds no memory.
    let alive: u64 = alive.iter().map(|one| one.totals.successes).sum();
    assert_eq!(circuits.departed().totals.successes + alive, NAMES);
}

#[test]
fn circuits_that_are_not_closed_or_are_forced_outlive_closed_ones() {
    let (builder, clock) = set();
    // That one set is crowded with open circuits changes nothing for another.
    let crowded = set().0.capacity(10).build();
    (0..20).for_each(|name| fail(&crowded.get_or_create(&name.to_string()), 3));
    let circuits = builder.capacity(100).build();
    let make = |kind: &str, each: &dyn Fn(&Circuit)| {
        for number in 0..10 {
            each(&circuits.get_or_create(&format!("{kind} {number}")));
        }
    };
    make("half-open", &|circuit| fail(circuit, 3));
    clock.advance(secs(1));
    make("half-open", &|circuit| succeed(circuit, 1));
    make("open", &|circuit| fail(circuit, 3));
    make("forced open", &Circuit::force_open);
    make("forced closed", &Circuit::force_closed);
    // Strangers that come again and again are the more recently and the more often used.
    for stranger in 0..10_000 {
        for _ in 0..5 {
            end(&circuits.get_or_create(&format!("stranger {}", stranger % 500)), Outcome::Success);
        }
    }
    for (kind, state) in [
        ("half-open", State::HalfOpen),
        ("open", State::Open),
        ("forced open", State::Open),
        ("forced closed", State::Closed),
    ] {
        for number in 0..10 {
            let circuit = circuits.get(&format!("{kind} {number}")).expect(kind);
            assert_eq!(circuit.state(), state, "{kind}");
        }
    }
    assert!(circuits.len() <= 100);
}

#[test]
fn a_set_of_nothing_but_open_circuits_is_bounded_too() {
    let circuits = set().0.capacity(50).build();
    for name in 0..1_000 {
        fail(&circuits.get_or_create(&name.to_string()), 3);
        assert!(circuits.len() <= 50);
    }
    assert!(circuits.get("999").is_some(), "the newest is there");
}

#[test]
fn what_goes_with_an_evicted_circuit_may_ask_the_set() {
    struct Asks(Circuits);
    impl Drop for Asks {
        fn drop(&mut self) {
            // Under the set's lock this would wait for ever.
            let _ = (self.0.get("newest"), self.0.len());
        }
    }
    let circuits = set().0.capacity(4).build();
    for name in 0..100 {
        let asks = Asks(circuits.clone());
        circuits.get_or_create(&name.to_string()).observe(move |_: &Transition| _ = asks.0.len());
    }
    assert!(circuits.len() <= 4);
    // What is left would hold the set, and the set it.
    circuits.list().iter().for_each(|circuit| drop(circuits.remove(circuit.name())));
}

#[test]
fn threads_that_create_one_name_get_one_circuit() {
    let circuits = set().0.build();
    let barrier = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for name in 0..300 {
                    if name % 10 == 0 {
                        barrier.wait();
                    }
                    end(&circuits.get_or_create(&name.to_string()), Outcome::Success);
                }
            });
        }
    });
    let snapshots = circuits.snapshots();
    assert_eq!((circuits.len(), snapshots.len()), (300, 300));
    assert!(snapshots.iter().all(|one| one.totals.successes == 8));
}

#[test]
fn get_never_creates_and_an_existing_circuit_keeps_its_configuration() {
    let circuits = set().0.build();
    assert!(circuits.get("db").is_none() && circuits.snapshot("db").is_none() && !circuits.reset("db"));
    assert!(circuits.is_empty());
    let own = by_rate().build().unwrap();
    let db = circuits.get_or_create_with("db", own.clone());
    assert_eq!(*db.config(), own);
    assert_eq!(*circuits.get_or_create("db").config(), own);
    assert_eq!(*circuits.get_or_create_with("db", plain().build().unwrap()).config(), own);
    assert_eq!((circuits.len(), circuits.is_empty(), db.name()), (1, false, "db"));
}

#[test]
fn a_function_of_the_name_configures() {
    let own = by_rate().build().unwrap();
    let for_slow = own.clone();
    let circuits = set().0.config_for(move |name| name.starts_with("slow ").then(|| for_slow.clone())).build();
    assert_eq!(*circuits.get_or_create("slow db").config(), own);
    assert_eq!(*circuits.get_or_create("db").config(), plain().build().unwrap());
}

#[test]
fn another_function_of_the_name_configures_those_to_come_and_those_that_are_there() {
    let (own, other) = (by_rate().build().unwrap(), plain().open_duration(secs(7)).build().unwrap());
    let circuits = set().0.build();
    let [db, cache] = ["db", "cache"].map(|name| circuits.get_or_create(name));
    fail(&db, 3);
    let for_db = own.clone();
    circuits.set_config_for(move |name| name.starts_with("db").then(|| for_db.clone()));
    assert_eq!((&*db.config(), db.state()), (&own, State::Open), "reconfigured in place");
    assert_eq!(*cache.config(), plain().build().unwrap(), "not spoken of");
    assert_eq!(*circuits.get_or_create("db 2").config(), own);
    assert_eq!(*circuits.get_or_create_with("db 3", other.clone()).config(), other, "created with its own");
    circuits.set_config_for(|_| None);
    assert_eq!(*db.config(), own, "as it was");
    assert_eq!(*circuits.get_or_create("db 4").config(), plain().build().unwrap());
}

#[test]
fn a_circuit_created_while_another_function_is_set_is_configured_by_that_one() {
    let own = by_rate().build().unwrap();
    let circuits = set().0.build();
    let (in_between, for_db) = (circuits.clone(), own.clone());
    // Asked when the circuit is not in the map yet.
    circuits.set_config_for(move |_| {
        let for_db = for_db.clone();
        in_between.set_config_for(move |_| Some(for_db.clone()));
        None
    });
    assert_eq!(*circuits.get_or_create("db").config(), own);
}

#[test]
fn circuits_are_listed_reset_and_removed_by_name_or_all() {
    let circuits = set().0.name("upstreams").build();
    let names = ["a", "b", "c"];
    names.iter().for_each(|name| fail(&circuits.get_or_create(name), if *name == "c" { 2 } else { 3 }));
    let listed = |circuits: Vec<Circuit>| circuits.iter().map(|one| one.name().to_owned()).collect::<HashSet<_>>();
    assert_eq!(listed(circuits.list()), names.map(str::to_owned).into());
    assert_eq!(listed(circuits.list_open()), ["a", "b"].map(str::to_owned).into());
    assert!(circuits.reset("a"));
    assert_eq!(circuits.snapshot("a").unwrap().state, State::Closed);
    circuits.reset_all();
    assert!(circuits.list_open().is_empty());
    assert_eq!(circuits.snapshot("c").unwrap().failures_in_row, 0);
    let removed = circuits.remove("a").unwrap();
    assert!(circuits.get("a").is_none() && circuits.remove("a").is_none());
    end(&removed, Outcome::Success);
    assert_eq!(circuits.get_or_create("a").snapshot().totals.calls(), 0);
    assert_eq!(circuits.name(), "upstreams");
}

#[test]
fn what_departed_had_counted_is_kept() {
    let circuits = set().0.build();
    let gone = circuits.get_or_create("gone");
    fail(&gone, 3);
    assert!(gone.try_acquire().is_err());
    circuits.remove("gone");
    assert_eq!(circuits.departed().totals.calls(), 0, "somebody still holds it");
    drop(gone);
    let departed = circuits.departed();
    assert_eq!((departed.totals.failures, departed.opens, departed.refusals.open.enforced), (3, 1, 1));
    assert_eq!(departed.transitions.between(State::Closed, State::Open), 1);
}

#[test]
fn idle_circuits_go_when_another_is_created_and_busy_or_open_ones_stay() {
    let (builder, clock) = set();
    let circuits = builder.idle(secs(60)).build();
    succeed(&circuits.get_or_create("idle"), 1);
    fail(&circuits.get_or_create("open"), 3);
    circuits.get_or_create("observed").set_mode(Mode::Observe);
    for round in 0..3 {
        clock.advance(secs(61));
        succeed(&circuits.get_or_create("busy"), 1);
        drop(circuits.get_or_create(&format!("newcomer {round}")));
    }
    assert!(circuits.get("idle").is_none());
    assert!(circuits.get("busy").is_some() && circuits.get("open").is_some());
}

#[test]
fn idle_circuits_are_looked_for_once_in_an_idle_time() {
    let (builder, clock) = set();
    let circuits = builder.idle(secs(60)).build();
    succeed(&circuits.get_or_create("seldom called"), 1);
    let create = |name: &str| drop(circuits.get_or_create(name));
    ["one", "two", "three"].into_iter().for_each(create);
    assert!(circuits.get("seldom called").is_some(), "no time has passed");
    clock.advance(secs(61));
    create("looks: it was called since the last look");
    clock.advance(secs(58));
    ["four", "five"].into_iter().for_each(create);
    assert!(circuits.get("seldom called").is_some(), "it is not time for another look");
    clock.advance(secs(2));
    create("looks again: it was not called");
    assert!(circuits.get("seldom called").is_none());
}

#[test]
fn a_seeded_set_gives_each_name_its_own_chance_in_whatever_order_they_come() {
    let config = plain().open_duration_jitter(0.5).max_open_duration(secs(10)).build().unwrap();
    let waits = |names: [&str; 3]| {
        let circuits = Circuits::builder().config(config.clone()).clock(ManualClock::new()).seed(7).build();
        let waits = names.map(|name| {
            let circuit = circuits.get_or_create(name);
            fail(&circuit, 3);
            (name.to_owned(), circuit.snapshot().open_remaining.expect("it is open"))
        });
        std::collections::BTreeMap::from(waits)
    };
    let first = waits(["a", "b", "c"]);
    assert_eq!(first, waits(["c", "a", "b"]));
    assert_eq!(first.values().collect::<HashSet<_>>().len(), 3, "{first:?}");
}

#[test]
fn an_observer_of_the_set_is_told_of_every_circuit() {
    let (tell, told) = std::sync::mpsc::channel();
    let observer = |from: &'static str| {
        let tell = tell.clone();
        move |transition: &Transition| tell.send(format!("{from}: {}", transition.circuit)).expect("it listens")
    };
    let circuits = set().0.observe(observer("built")).build();
    let before = circuits.get_or_create("before");
    circuits.observe(observer("added"));
    fail(&before, 3);
    fail(&circuits.get_or_create("after"), 3);
    let told: Vec<_> = told.try_iter().collect();
    assert_eq!(told, ["built: before", "added: before", "built: after", "added: after"]);
}

#[test]
fn a_clone_is_the_same_set_and_another_of_the_same_name_is_not() {
    let [one, other] = [(); 2].map(|()| Circuits::builder().name("origins").build());
    assert!(one.same_set(&one.clone()));
    assert!(!one.same_set(&other));
}

#[test]
fn the_set_of_the_process_is_one() {
    let name = "facts::circuits::the_set_of_the_process_is_one";
    let circuit = Circuits::global().get_or_create(name);
    let _held = admitted(&circuit);
    circuit.force_open();
    assert_eq!(Circuits::global().snapshot(name).unwrap().state, State::Open);
    Circuits::global().remove(name);
}

#[test]
fn one_called_as_often_as_refused_is_not_idle() {
    let (builder, clock) = set();
    let circuits = builder.idle(secs(60)).build();
    let looks = || {
        clock.advance(secs(61));
        drop(circuits.get_or_create("newcomer"));
        circuits.remove("newcomer");
    };
    succeed(&circuits.get_or_create("db"), 1);
    looks();
    let db = circuits.get("db").expect("it was called");
    db.force_open();
    assert!(db.try_acquire().is_err());
    db.reset();
    succeed(&db, 1);
    drop(db);
    looks();
    assert!(circuits.get("db").is_some());
    looks();
    assert!(circuits.get("db").is_none());
}

#[test]
fn a_circuit_in_use_or_just_made_is_not_idle() {
    let (builder, clock) = set();
    let circuits = builder.idle(secs(60)).build();
    clock.advance(secs(59));
    let held = circuits.get_or_create("held");
    let _permit = held.try_acquire().expect("closed");
    drop(circuits.get_or_create("just made"));
    clock.advance(secs(1));
    drop(circuits.get_or_create("another"));
    assert!(circuits.get("held").is_some() && circuits.get("just made").is_some());
    for sweep in 1..=2 {
        clock.advance(secs(60));
        drop(circuits.get_or_create(&format!("sweep {sweep}")));
    }
    assert!(circuits.get("held").is_some() && circuits.get("just made").is_none());
}
