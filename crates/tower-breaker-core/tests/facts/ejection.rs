//! Circuits of one group: how many may be out at once.

use std::time::Duration;

use tower_breaker_core::{Circuit, CircuitBreakerConfigBuilder, Circuits, EjectionGroup, ManualClock, Outcome, State};

use super::{end, fail, plain, secs};

struct Endpoints {
    group: EjectionGroup,
    circuits: Vec<Circuit>,
    clock: ManualClock,
}

/// One success closes, so that a healthy probe brings an endpoint back.
fn endpoints(count: usize, max_ejected: f64, config: CircuitBreakerConfigBuilder) -> Endpoints {
    let group = EjectionGroup::new(max_ejected).expect("a share");
    let clock = ManualClock::new();
    let config = config.success_threshold(1).build().expect("a valid configuration");
    let set = Circuits::builder().config(config).clock(clock.clone()).ejection_group(&group).build();
    let circuits = (0..count).map(|number| set.get_or_create(&number.to_string())).collect();
    Endpoints { group, circuits, clock }
}

fn out(circuits: &[Circuit]) -> usize {
    circuits.iter().filter(|circuit| circuit.state() != State::Closed).count()
}

#[test]
fn of_ten_endpoints_with_six_sick_three_are_out_and_three_trips_are_suppressed_and_counted() {
    let Endpoints { group, circuits, .. } = endpoints(10, 0.3, plain());
    circuits[..6].iter().for_each(|circuit| fail(circuit, 3));
    assert_eq!((out(&circuits), group.ejected(), group.max_ejected_members()), (3, 3, 3));
    let vetoed: Vec<_> = circuits.iter().map(|circuit| circuit.snapshot().vetoed).collect();
    assert_eq!(vetoed, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0]);
    // What is suppressed begins anew: two more failures are not the sixth.
    fail(&circuits[3], 2);
    assert_eq!((circuits[3].snapshot().failures_in_row, circuits[3].snapshot().vetoed), (2, 1));
}

#[test]
fn a_returned_endpoint_frees_its_share_and_half_open_ones_keep_theirs() {
    let Endpoints { group, circuits, clock, .. } = endpoints(10, 0.3, plain());
    circuits[..3].iter().for_each(|circuit| fail(circuit, 3));
    clock.advance(secs(1));
    let probe = circuits[0].try_acquire().expect("a probe");
    assert_eq!((circuits[0].state(), group.ejected()), (State::HalfOpen, 3));
    fail(&circuits[3], 3);
    assert_eq!(circuits[3].state(), State::Closed, "all three places are taken");
    probe.record(Outcome::Success);
    assert_eq!(group.ejected(), 2);
    fail(&circuits[3], 3);
    assert_eq!((circuits[3].state(), group.ejected()), (State::Open, 3));
}

#[test]
fn an_endpoint_that_stays_sick_is_out_for_longer_each_time() {
    let Endpoints { circuits, clock, .. } = endpoints(4, 0.5, plain().open_duration_multiplier(2.0));
    fail(&circuits[0], 3);
    let mut waits = Vec::new();
    for _ in 0..4 {
        let wait = circuits[0].snapshot().open_wait.expect("it is open");
        waits.push(wait.as_secs());
        clock.advance(wait);
        end(&circuits[0], Outcome::Failure);
    }
    assert_eq!(waits, [1, 2, 4, 8]);
}

#[test]
fn the_last_one_is_never_out_whatever_the_share() {
    for (count, share, most) in [(1, 1.0, 0), (2, 1.0, 1), (3, 0.0, 1), (4, 1.0, 3), (100, 0.29, 29), (10, 0.7, 7)] {
        let Endpoints { group, circuits, .. } = endpoints(count, share, plain());
        circuits.iter().for_each(|circuit| fail(circuit, 3));
        assert_eq!((out(&circuits), group.max_ejected_members()), (most, most), "{count} endpoints, {share}");
    }
}

#[test]
fn half_of_a_group_may_be_out_unless_said_otherwise() {
    let group = EjectionGroup::default();
    let members: Vec<_> = (0..9)
        .map(|_| Circuit::builder("a").config(plain().build().expect("valid")).ejection_group(&group).build())
        .collect();
    members.iter().for_each(|circuit| fail(circuit, 3));
    assert_eq!((out(&members), group.members()), (4, 9));
}

#[test]
fn a_reset_a_force_and_a_circuit_that_goes_give_their_places_back() {
    let Endpoints { group, mut circuits, .. } = endpoints(10, 0.3, plain());
    circuits[..3].iter().for_each(|circuit| fail(circuit, 3));
    circuits[0].reset();
    circuits[1].force_closed();
    assert_eq!(group.ejected(), 1);
    drop(circuits.remove(2));
    assert_eq!((group.ejected(), group.members()), (0, 9));
}

#[test]
fn what_a_fleet_or_an_operator_opens_is_not_vetoed() {
    let Endpoints { group, circuits, .. } = endpoints(4, 0.25, plain());
    fail(&circuits[0], 3);
    circuits[1].remote_open(Duration::from_secs(1));
    circuits[2].force_open();
    assert_eq!((out(&circuits), group.ejected()), (3, 1));
    circuits[1].remote_close();
    assert_eq!(group.ejected(), 1, "what took no place gives none back");
}

#[test]
fn what_a_fleet_opens_takes_a_place_where_one_is_free_and_takes_it_once() {
    let Endpoints { group, circuits, .. } = endpoints(10, 0.3, plain());
    for _ in 0..2 {
        circuits[0].remote_open(secs(1));
        assert_eq!(group.ejected(), 1);
    }
    fail(&circuits[1], 3);
    circuits[1].remote_open(secs(9));
    assert_eq!(group.ejected(), 2, "it had its place");
    circuits.iter().for_each(Circuit::remote_close);
    assert_eq!(group.ejected(), 0);
}

#[test]
fn a_share_that_changes_counts_from_the_next_trip_and_a_bad_one_changes_nothing() {
    let Endpoints { group, circuits, .. } = endpoints(10, 0.3, plain());
    circuits[..3].iter().for_each(|circuit| fail(circuit, 3));
    group.set_max_ejected(0.1).expect("a share");
    assert_eq!((out(&circuits), group.ejected(), group.max_ejected_members()), (3, 3, 1));
    group.set_max_ejected(0.4).expect("a share");
    circuits[3..6].iter().for_each(|circuit| fail(circuit, 3));
    assert_eq!((out(&circuits), group.ejected()), (4, 4));
    for share in [-0.1, 1.1, f64::NAN] {
        assert!(group.set_max_ejected(share).is_err());
    }
    assert_eq!((group.max_ejected(), group.max_ejected_members()), (0.4, 4));
}

#[test]
fn circuits_of_one_set_may_be_of_several_groups() {
    let groups = [EjectionGroup::default(), EjectionGroup::default(), EjectionGroup::default()];
    let [odd, even, other] = groups.clone();
    let set = Circuits::builder()
        .config(plain().build().expect("valid"))
        .ejection_group(&other)
        .ejection_group_for(move |name| match name.split_once(' ')?.0 {
            "odd" => Some(odd.clone()),
            "even" => Some(even.clone()),
            _ => None,
        })
        .build();
    let names = ["odd 1", "odd 3", "odd 5", "even 2", "even 4", "alone"];
    let circuits: Vec<_> = names.iter().map(|name| set.get_or_create(name)).collect();
    circuits.iter().for_each(|circuit| fail(circuit, 3));
    let counted: Vec<_> = groups.iter().map(|group| (group.members(), group.ejected())).collect();
    assert_eq!(counted, [(3, 1), (2, 1), (1, 0)]);
    // All of them are of the one set: what it counts of those that go does not depend on the group.
    drop(circuits);
    names.iter().for_each(|name| drop(set.remove(name)));
    assert_eq!((groups[0].members(), groups[0].ejected(), set.departed().totals.failures), (0, 0, 18));
}
