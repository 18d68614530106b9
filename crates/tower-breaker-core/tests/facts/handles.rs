//! What calls leave behind on their thread. These circuits are on the system's clock, for only such leave anything.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tower_breaker_core::{
    Circuit, CircuitBreakerConfig, Circuits, Clock, EjectionGroup, Outcome, Rejected, SystemClock, Transition,
};

use super::admitted;

fn call(circuit: &Circuit) {
    admitted(circuit).record(Outcome::Success);
}

/// Something an observer holds, gone once the observer is.
fn watched() -> (Weak<()>, impl Fn(&Transition)) {
    let held = Arc::new(());
    (Arc::downgrade(&held), move |_: &Transition| _ = Arc::strong_count(&held))
}

#[test]
fn an_observer_goes_with_the_last_handle() {
    let (of_builder, observer) = watched();
    let circuit = Circuit::builder("built").observe(observer).build();
    call(&circuit);
    drop(circuit);
    assert_eq!(of_builder.strong_count(), 0);

    let (added, observer) = watched();
    let circuit = Circuit::new("observed later", CircuitBreakerConfig::default());
    call(&circuit);
    circuit.observe(observer);
    call(&circuit);
    drop(circuit);
    assert_eq!(added.strong_count(), 0);
}

#[test]
fn a_clock_goes_with_the_last_handle() {
    #[derive(Debug)]
    struct Held(#[allow(dead_code, reason = "held, not read")] Arc<()>);

    impl Clock for Held {
        fn now(&self) -> Duration {
            SystemClock.now()
        }
    }

    let held = Arc::new(());
    let circuit = Circuit::builder("clocked").clock(Held(Arc::clone(&held))).build();
    call(&circuit);
    drop(circuit);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn a_member_leaves_its_group_with_the_last_handle() {
    let group = EjectionGroup::new(0.5).unwrap();
    let circuit = Circuit::builder("member").ejection_group(&group).build();
    call(&circuit);
    drop(circuit);
    assert_eq!(group.members(), 0);
}

#[test]
fn a_circuit_taken_out_of_a_set_departs_with_its_last_call() {
    let circuits = Circuits::new(CircuitBreakerConfig::default());
    call(&circuits.get_or_create("gone"));
    circuits.remove("gone");
    assert_eq!(circuits.departed().totals.successes, 1);
}

#[test]
fn a_weak_handle_sees_the_last_handle_go() {
    let circuit = Circuit::new("watched", CircuitBreakerConfig::default());
    call(&circuit);
    let weak = circuit.downgrade();
    call(&circuit);
    drop(circuit);
    assert!(weak.upgrade().is_none());

    let circuit = Circuit::new("called once", CircuitBreakerConfig::default());
    call(&circuit);
    let weak = circuit.downgrade();
    drop(circuit);
    assert!(weak.upgrade().is_none(), "nor is one kept from before");
}

#[test]
fn calls_through_many_circuits_in_turn_count_where_they_belong() {
    let circuits: Vec<_> = (0..40).map(|_| Circuit::new("one of many", CircuitBreakerConfig::default())).collect();
    for _ in 0..3 {
        let permits: Vec<_> = circuits.iter().chain(&circuits).map(admitted).collect();
        permits.into_iter().for_each(|permit| permit.record(Outcome::Success));
    }
    assert!(circuits.iter().all(|circuit| circuit.snapshot().totals.successes == 6));
}

#[test]
fn refusals_of_circuits_in_turn_carry_their_own_names() {
    let circuits = ["one", "other"].map(|name| Circuit::new(name, CircuitBreakerConfig::default()));
    circuits.iter().for_each(|circuit| circuit.remote_open(Duration::from_secs(60)));
    let mut kept = Vec::new();
    for circuit in circuits.iter().cycle().take(6) {
        let rejected = circuit.try_acquire().unwrap_err();
        assert_eq!(rejected.name(), circuit.name());
        kept.push(rejected.clone());
    }
    assert_eq!(kept.iter().map(Rejected::name).collect::<Vec<_>>(), ["one", "other"].repeat(3));
}
