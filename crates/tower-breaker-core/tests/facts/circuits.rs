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
    assert_eq!(circuits.len(), 300);
    assert!(circuits.snapshots().iter().all(|one| one.totals.successes == 8));
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
    assert_eq!((circuits.len(), db.name()), (1, "db"));
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
fn an_observer_of_the_set_is_told_of_every_circuit() {
    let circuits = set().0.build();
    let before = circuits.get_or_create("before");
    let (tell, told) = std::sync::mpsc::channel();
    circuits.observe(move |transition: &Transition| tell.send(transition.circuit.to_string()).expect("it listens"));
    fail(&before, 3);
    fail(&circuits.get_or_create("after"), 3);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), ["before", "after"]);
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
