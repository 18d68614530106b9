//! What each figure of a circuit's JSON is.

use std::time::Duration;

use serde_json::json;
use tower_breaker_core::{Circuit, CircuitBreakerConfig, ManualClock, OnCancel, Outcome, SlidingWindow};

use crate::support::{Shown, call};

#[tokio::test]
async fn totals_and_refusals_are_each_in_their_place() {
    let shown = Shown::new();
    let circuit = shown.circuits.get_or_create("db");
    let late = circuit.try_acquire().unwrap();
    let end = |outcome| circuit.try_acquire().unwrap().record(outcome);
    (0..5).for_each(|_| end(Outcome::Success));
    (0..2).for_each(|_| end(Outcome::Ignored));
    shown.trip("db");
    late.record(Outcome::Success);
    (0..4).for_each(|_| drop(circuit.try_acquire()));
    shown.clock.advance(Duration::from_secs(10));
    let probe = circuit.try_acquire().unwrap();
    (0..3).for_each(|_| drop(circuit.try_acquire()));
    probe.record(Outcome::Success);
    end(Outcome::Success);
    circuit.force_open();
    (0..2).for_each(|_| drop(circuit.try_acquire()));
    circuit.reset();
    shown.clock.advance(Duration::from_secs(7));
    let (_, one) = call(&shown.app, "GET", "/circuits/db").await;
    let total = json!({
        "calls": 13, "successes": 7, "failures": 3, "ignored": 2, "cancelled": 0, "stale": 1, "bypassed": 0, "slow": 0,
        "opens": 1, "half_opens": 1, "closes": 2, "fallbacks": 0, "vetoed": 0,
    });
    assert_eq!(one["total"], total, "{one}");
    let of = |count: u64| json!({ "enforced": count, "detected": count });
    let refused = json!({
        "enforced": 9, "detected": 9, "open": of(4), "half_open": of(3), "forced_open": of(2),
        "recovering": of(0), "throttled": of(0),
    });
    assert_eq!(one["refused"], refused);
    let last = &one["last_opened"];
    assert_eq!((&last["condition"], &last["failures_in_row"]), (&json!("forced"), &json!(0)), "{last}");
    assert_eq!((&last["seconds_ago"], &one["last_failure_seconds_ago"]), (&json!(7.0), &json!(17.0)));
}

#[tokio::test]
async fn the_configuration_is_told_in_the_words_of_a_file() {
    let config = CircuitBreakerConfig::resilience4j();
    let tuned = CircuitBreakerConfig::builder()
        .sliding_window(SlidingWindow::calls(50))
        .on_cancel(OnCancel::Ignore)
        .slow_call_duration_threshold(Duration::from_secs(2))
        .max_age(Duration::from_secs(90))
        .build()
        .unwrap();
    let of = |name: &str, config| Circuit::builder(name).config(config).clock(ManualClock::new()).build();
    let full = CircuitBreakerConfig::builder()
        .open_duration(Duration::from_secs(30))
        .max_open_duration(Duration::from_secs(60))
        .failure_threshold(5)
        .open_duration_jitter(0.1)
        .open_duration_multiplier(2.0)
        .half_open_timeout(Duration::from_secs(60))
        .on_cancel(OnCancel::FailureAfter(Duration::from_secs(1)))
        .build()
        .unwrap();
    let plain = of("full", full);
    let routes = tower_breaker_axum::CircuitRoutes::new();
    let strict = CircuitBreakerConfig::builder().on_cancel(OnCancel::Failure).build().unwrap();
    let routes = routes.circuit(of("strict", strict));
    let app = routes.circuit(of("r4j", config)).circuit(of("tuned", tuned)).circuit(plain).into_router::<()>();
    for (name, expected) in [
        (
            "full",
            json!({
                "failure_threshold": 5, "failure_rate_threshold": 0.5, "sliding_window": { "time": "5s", "buckets": 10 },
                "minimum_calls": 20, "max_age": false, "slow_call_duration_threshold": false, "slow_call_rate_threshold": 1.0,
                "open_duration": "30s", "open_duration_multiplier": 2.0, "max_open_duration": "1m", "open_duration_jitter": 0.1,
                "success_threshold": 2, "half_open_max_concurrent": 1, "half_open_timeout": "1m",
                "on_cancel": { "failure_after": "1s" }, "mode": "enforce", "enforcement": 1.0, "recovery_ramp": false, "throttle": false,
            }),
        ),
        (
            "r4j",
            json!({ "failure_threshold": false, "permitted_calls": 10, "half_open_timeout": false, "sliding_window": { "calls": 100 } }),
        ),
        ("strict", json!({ "on_cancel": "failure" })),
        ("tuned", json!({ "on_cancel": "ignore", "slow_call_duration_threshold": "2s", "max_age": "1m 30s" })),
    ] {
        let (_, one) = call(&app, "GET", &format!("/circuits/{name}")).await;
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&one["config"][field], value, "{field} of {name}");
        }
    }
}

#[tokio::test]
async fn a_ramp_and_a_throttle_show_their_shares() {
    let clock = ManualClock::new();
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(1)
        .open_duration(Duration::from_secs(1))
        .open_duration_jitter(0.0)
        .success_threshold(1)
        .recovery_ramp(Duration::from_secs(10))
        .throttle(2.0);
    let circuit = Circuit::builder("db").config(config.build().unwrap()).clock(clock.clone()).build();
    let app = tower_breaker_axum::CircuitRoutes::new().circuit(circuit.clone()).into_router::<()>();
    circuit.try_acquire().unwrap().record(Outcome::Failure);
    clock.advance(Duration::from_secs(1));
    circuit.try_acquire().unwrap().record(Outcome::Success);
    clock.advance(Duration::from_secs(5));
    let (_, one) = call(&app, "GET", "/circuits/db").await;
    assert_eq!((&one["config"]["recovery_ramp"], &one["config"]["throttle"]), (&json!("10s"), &json!(2.0)));
    assert_eq!((&one["ramp_remaining_seconds"], &one["throttle_share"]), (&json!(5.0), &json!(0.0)));
    assert!((0.5..0.6).contains(&one["ramp_share"].as_f64().unwrap()), "{one}");
    while circuit.try_acquire().is_ok() {}
    let (_, one) = call(&app, "GET", "/circuits/db").await;
    assert_eq!(one["refused"]["recovering"], json!({ "enforced": 1, "detected": 1 }));
}

#[tokio::test]
async fn each_count_says_what_it_is_over() {
    let shown = Shown::new();
    let circuit = shown.circuits.get_or_create("db");
    circuit.try_acquire().unwrap().record(Outcome::Success);
    shown.clock.advance(Duration::from_secs(60));
    circuit.try_acquire().unwrap().record(Outcome::Failure);
    circuit.try_acquire().unwrap().record(Outcome::Failure);
    let (status, one) = call(&shown.app, "GET", "/circuits/db").await;
    assert_eq!((status, &one["version"]), (200, &json!(1)));
    assert_eq!(one["in_row"], json!({ "failures": 2, "successes": 0, "opens": 0 }));
    assert_eq!((&one["total"]["calls"], &one["total"]["failures"]), (&json!(3), &json!(2)));
    assert_eq!(one["refused"]["enforced"], 0);
    assert_eq!(one["config"]["open_duration"], "10s");
    let (_, all) = call(&shown.app, "GET", "/circuits").await;
    assert_eq!(
        (&all["version"], &all["circuits"][0]["name"], &all["circuits"][0]["set"]),
        (&json!(1), &json!("db"), &json!("upstreams"))
    );
}
