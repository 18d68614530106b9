//! What is told of a circuit that has seen something, alike in status, health and events.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tower_breaker_axum::CircuitRoutes;
use tower_breaker_core::{
    Circuit, CircuitBreakerConfig, Circuits, EjectionGroup, ManualClock, Mode, OnCancel, Outcome,
};

use crate::{
    events::Listening,
    support::{Shown, call},
};

const SECOND: Duration = Duration::from_secs(1);

/// `db`, closed after five calls in the window.
fn busy(shown: &Shown) -> Circuit {
    let circuit = shown.circuits.get_or_create("db");
    let config = CircuitBreakerConfig::builder()
        .minimum_calls(5)
        .failure_threshold(None)
        .failure_rate_threshold(0.75)
        .slow_call_duration_threshold(SECOND)
        .open_duration(10 * SECOND)
        .open_duration_jitter(0.0)
        .on_cancel(OnCancel::Ignore);
    circuit.reconfigure(config.build().unwrap());
    let end = |outcome, time| circuit.try_acquire().unwrap().record_after(outcome, time);
    end(Outcome::Ignored, SECOND);
    drop(circuit.try_acquire());
    end(Outcome::Failure, 2 * SECOND);
    end(Outcome::Success, 2 * SECOND);
    end(Outcome::Success, SECOND);
    end(Outcome::Failure, SECOND);
    end(Outcome::Failure, SECOND);
    circuit
}

/// Opened four seconds ago by three more failures. One call was refused since, and had another answer; one would have been.
fn broken(shown: &Shown) -> Circuit {
    let circuit = busy(shown);
    for _ in 0..3 {
        circuit.try_acquire().unwrap().record_after(Outcome::Failure, SECOND);
    }
    assert_eq!(circuit.call_or(|| Ok::<_, ()>("fresh"), |_| "from the cache"), "from the cache");
    circuit.set_mode(Mode::Observe);
    circuit.try_acquire().unwrap().record(Outcome::Success);
    circuit.set_enforcement(0.75).unwrap();
    shown.clock.advance(4 * SECOND);
    circuit
}

fn assert_holds(told: &Value, expected: &Value) {
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&told[field], value, "{field} in {told}");
    }
}

#[tokio::test]
async fn status_and_health_have_each_figure_of_a_circuit_that_is_closed() {
    let shown = Shown::new();
    let _circuit = busy(&shown);
    let (_, one) = call(&shown.app, "GET", "/circuits/db").await;
    let expected = json!({
        "state": "closed", "failure_rate": 0.6, "slow_call_rate": 0.4, "last_opened": null,
        "in_window": { "calls": 5, "failures": 3, "slow": 2 }, "in_row": { "failures": 2, "successes": 0, "opens": 0 },
    });
    assert_holds(&one, &expected);
    let total = json!({ "calls": 7, "successes": 2, "failures": 3, "ignored": 1, "cancelled": 1, "slow": 2 });
    assert_holds(&one["total"], &total);
    let (_, health) = call(&shown.app, "GET", "/health/circuits").await;
    let expected = json!({
        "name": "db", "set": "upstreams", "state": "closed", "failure_rate": 0.6, "slow_call_rate": 0.4,
        "calls_in_window": 5, "failures_in_row": 2, "success_count": 2, "failure_count": 3,
    });
    assert_holds(&health["all_circuits"][0], &expected);
}

#[tokio::test(start_paused = true)]
async fn status_health_and_events_have_each_figure_of_a_circuit_that_is_open() {
    let shown = Shown::new();
    let _circuit = broken(&shown);
    let now = json!({
        "name": "db", "set": "upstreams", "state": "open", "mode": "observe", "ready_to_probe": false,
        "state_age_seconds": 4.0, "remaining_seconds": 6.0, "failure_rate": 0.75, "slow_call_rate": 0.25,
    });
    let with = |more: Value| {
        let mut all = now.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let (_, one) = call(&shown.app, "GET", "/circuits/db").await;
    let opened = json!({
        "condition": "failure_rate", "failure_rate": 0.75, "slow_call_rate": 0.25, "failures_in_row": 5, "seconds_ago": 4.0,
    });
    let expected = json!({
        "version": 1, "enforcement": 0.75, "generation": 1, "open_wait_seconds": 10.0, "last_opened": opened,
        "in_row": { "failures": 5, "successes": 0, "opens": 1 }, "last_failure_seconds_ago": 4.0,
    });
    assert_holds(&one, &with(expected));
    assert_holds(&one["total"], &json!({ "calls": 11, "bypassed": 1, "opens": 1, "fallbacks": 1 }));
    assert_holds(&one["refused"], &json!({ "enforced": 1, "detected": 2, "open": { "enforced": 1, "detected": 2 } }));

    let (_, health) = call(&shown.app, "GET", "/health/circuits").await;
    assert_eq!(health["version"], 1);
    assert_holds(&health["all_circuits"][0], &with(json!({ "opens_in_row": 1, "refused_count": 1 })));

    let mut listening = Listening::to(&shown, None).await;
    let (_, all) = listening.named("circuits").await;
    let expected = json!({
        "enforcement": 0.75, "generation": 1, "open_wait_seconds": 10.0, "calls_in_window": 8, "opens_in_row": 1,
        "condition": "failure_rate", "calls": 11, "failures": 6, "slow": 2, "refused": 1, "detected": 2,
    });
    assert_holds(&all["circuits"][0], &with(expected));
    let (_, transitions) = listening.named("transitions").await;
    let expected = json!({
        "id": 1, "set": "upstreams", "circuit": "db", "from": "closed", "to": "open", "mode": "enforce", "generation": 1,
        "condition": "failure_rate", "failure_rate": 0.75, "slow_call_rate": 0.25, "wait_seconds": 10.0,
    });
    assert_holds(&transitions[0], &expected);
    let (_, summary) = listening.named("summary").await;
    for told in [&all, &transitions[0], &summary] {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(told["at"].as_u64().unwrap());
        assert!(at.elapsed().unwrap() < 600 * SECOND, "{told}");
    }
}

#[tokio::test]
async fn status_has_the_trips_that_a_group_did_not_allow() {
    let config = CircuitBreakerConfig::builder().failure_threshold(1).build().unwrap();
    let group = EjectionGroup::new(0.5).unwrap();
    let circuits = Circuits::builder().config(config).ejection_group(&group).build();
    let both = ["a", "b"].map(|name| circuits.get_or_create(name));
    both.iter().for_each(|circuit| circuit.try_acquire().unwrap().record(Outcome::Failure));
    let app = CircuitRoutes::new().circuits(circuits).into_router::<()>();
    for (path, vetoed) in [("/circuits/a", 0), ("/circuits/b", 1)] {
        assert_eq!(call(&app, "GET", path).await.1["total"]["vetoed"], vetoed, "{path}");
    }
}

#[tokio::test]
async fn status_tells_when_a_probe_may_go_and_how_many_went_well() {
    let shown = Shown::new();
    shown.trip("db");
    shown.clock.advance(10 * SECOND);
    let (_, one) = call(&shown.app, "GET", "/circuits/db").await;
    assert_holds(&one, &json!({ "state": "open", "ready_to_probe": true, "remaining_seconds": 0.0 }));
    shown.circuits.get_or_create("db").try_acquire().unwrap().record(Outcome::Success);
    let (_, one) = call(&shown.app, "GET", "/circuits/db").await;
    assert_holds(&one, &json!({ "state": "half_open", "ready_to_probe": false }));
    assert_eq!(one["in_row"]["successes"], 1);
}

#[tokio::test]
async fn status_has_the_calls_that_a_throttle_refused() {
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(None)
        .failure_rate_threshold(None)
        .slow_call_duration_threshold(SECOND)
        .throttle(2.0);
    let circuit = Circuit::builder("db").config(config.build().unwrap()).clock(ManualClock::new()).build();
    let app = CircuitRoutes::new().circuit(circuit.clone()).into_router::<()>();
    while let Ok(permit) = circuit.try_acquire() {
        permit.record_after(Outcome::Failure, SECOND);
    }
    let (_, one) = call(&app, "GET", "/circuits/db").await;
    assert_eq!(one["refused"]["throttled"], json!({ "enforced": 1, "detected": 1 }));
}
