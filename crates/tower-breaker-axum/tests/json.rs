//! Status and health.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::json;
use tower::ServiceExt;
use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits, ManualClock, OnCancel, Outcome, SlidingWindow};

use crate::support::{CSP, Shown, call};

const HOSTILE: &str = "<script>alert(1)</script>";

#[tokio::test]
async fn health_is_well_again_once_the_wait_is_over_though_nobody_calls() {
    let shown = Shown::new();
    shown.trip("db");
    let (status, health) = call(&shown.app, "GET", "/health/circuits").await;
    assert_eq!((status, &health["healthy"], &health["open_circuits"]), (200, &json!(false), &json!(["db"])));
    let circuit = &health["all_circuits"][0];
    assert_eq!((&circuit["failure_count"], &circuit["failure_threshold"]), (&json!(3), &json!(3)));
    assert_eq!((&circuit["open_duration"], &circuit["failure_rate_threshold"]), (&json!("10s"), &json!(false)));
    assert!(circuit["last_failure_time"].as_str().unwrap().ends_with('Z'), "{circuit}");
    shown.clock.advance(Duration::from_secs(10));
    let (_, health) = call(&shown.app, "GET", "/health/circuits").await;
    assert_eq!((&health["healthy"], &health["open_circuits"]), (&json!(true), &json!(["db"])));
    assert_eq!(health["all_circuits"][0]["ready_to_probe"], true);
}

#[tokio::test]
async fn a_circuit_forced_open_is_not_well() {
    let shown = Shown::new();
    shown.circuits.get_or_create("db").force_open();
    assert_eq!(call(&shown.app, "GET", "/health/circuits").await.1["healthy"], false);
}

#[tokio::test]
async fn a_half_open_circuit_is_well() {
    let shown = Shown::new();
    shown.trip("db");
    shown.clock.advance(Duration::from_secs(10));
    let _probe = shown.circuits.get_or_create("db").try_acquire().unwrap();
    let (_, health) = call(&shown.app, "GET", "/health/circuits").await;
    assert_eq!((&health["healthy"], &health["open_circuits"]), (&json!(true), &json!([])));
    assert_eq!(health["all_circuits"][0]["state"], "half_open");
}

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
    let refused = json!({ "enforced": 9, "detected": 9, "open": of(4), "half_open": of(3), "forced_open": of(2) });
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
    let app = routes.circuit(of("r4j", config)).circuit(of("tuned", tuned)).circuit(plain).into_router::<()>();
    for (name, expected) in [
        (
            "full",
            json!({
                "failure_threshold": 5, "failure_rate_threshold": 0.5, "sliding_window": { "time": "5s", "buckets": 10 },
                "minimum_calls": 20, "max_age": false, "slow_call_duration_threshold": false, "slow_call_rate_threshold": 1.0,
                "open_duration": "30s", "open_duration_multiplier": 2.0, "max_open_duration": "1m", "open_duration_jitter": 0.1,
                "success_threshold": 2, "half_open_max_concurrent": 1, "half_open_timeout": "1m",
                "on_cancel": { "failure_after": "1s" }, "mode": "enforce", "enforcement": 1.0,
            }),
        ),
        (
            "r4j",
            json!({ "failure_threshold": false, "permitted_calls": 10, "half_open_timeout": false, "sliding_window": { "calls": 100 } }),
        ),
        ("tuned", json!({ "on_cancel": "ignore", "slow_call_duration_threshold": "2s", "max_age": "1m 30s" })),
    ] {
        let (_, one) = call(&app, "GET", &format!("/circuits/{name}")).await;
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&one["config"][field], value, "{field} of {name}");
        }
    }
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

#[tokio::test]
async fn a_name_is_percent_encoded_and_any_text() {
    let shown = Shown::new();
    for (name, path) in [
        ("/orders/{id}#a b", "%2Forders%2F%7Bid%7D%23a%20b"),
        (HOSTILE, "%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
        ("ä", "%C3%A4"),
    ] {
        let _ = shown.circuits.get_or_create(name);
        let (status, one) = call(&shown.app, "GET", &format!("/circuits/{path}")).await;
        assert_eq!((status, one["name"].as_str()), (200, Some(name)));
    }
    assert_eq!(call(&shown.app, "GET", "/circuits/%FF").await.0, 400);
}

#[tokio::test]
async fn an_unknown_name_is_404_and_creates_nothing() {
    let shown = Shown::new();
    let long = "x".repeat(60_000);
    for path in ["/circuits/none", "/circuits/none?set=upstreams", &format!("/circuits/{long}"), "/circuits/a/b"] {
        assert_eq!(call(&shown.app, "GET", path).await.0, 404);
    }
    assert!(shown.circuits.is_empty());
}

#[tokio::test]
async fn a_name_of_100_000_characters_is_shown_whole() {
    let shown = Shown::new();
    let long = "x".repeat(100_000);
    let _ = shown.circuits.get_or_create(&long);
    let (_, all) = call(&shown.app, "GET", "/circuits").await;
    assert_eq!(all["circuits"][0]["name"], long.as_str());
}

#[tokio::test]
async fn a_name_in_two_sets_needs_the_set() {
    let one = Circuits::builder().name("one").build();
    let two = Circuits::builder().name("two").build();
    let _ = (one.get_or_create("db"), two.get_or_create("db"));
    let single = Circuit::builder("alone").config(CircuitBreakerConfig::default()).clock(ManualClock::new()).build();
    let app = tower_breaker_axum::CircuitRoutes::new().circuits(one).circuits(two).circuit(single).into_router::<()>();
    assert_eq!(call(&app, "GET", "/circuits/db").await.0, 409);
    assert_eq!(call(&app, "GET", "/circuits/db?set=two").await.1["set"], "two");
    assert_eq!(call(&app, "GET", "/circuits/db?set=three").await.0, 404);
    assert_eq!(call(&app, "GET", "/circuits/db?sett=two").await.0, 400);
    assert_eq!(call(&app, "GET", "/circuits/alone").await.1["set"], "single");
    assert_eq!(call(&app, "GET", "/circuits/none").await.0, 404, "nor is it the single one");
    assert_eq!(call(&app, "GET", "/circuits/db?set=one&set=two").await.0, 400);
    let (_, all) = call(&app, "GET", "/circuits").await;
    let sets: Vec<_> = all["circuits"].as_array().unwrap().iter().map(|circuit| circuit["set"].clone()).collect();
    assert_eq!(sets, ["one", "two", "single"], "in the order in which they were given");
}

#[tokio::test]
async fn the_circuits_of_a_set_stand_by_name() {
    let shown = Shown::new();
    let names: Vec<String> = (0..50).map(|number| format!("{number:02}")).collect();
    names.iter().rev().for_each(|name| drop(shown.circuits.get_or_create(name)));
    for (path, list) in [("/circuits", "circuits"), ("/health/circuits", "all_circuits")] {
        let (_, all) = call(&shown.app, "GET", path).await;
        let told: Vec<_> = all[list].as_array().unwrap().iter().map(|circuit| circuit["name"].clone()).collect();
        assert_eq!(told, names);
    }
}

#[tokio::test]
async fn the_page_holds_nothing_but_its_own() {
    let shown = Shown::new();
    let _ = shown.circuits.get_or_create(HOSTILE);
    let (head, page) = shown.page().await;
    assert!(!page.contains("alert(1)") && !page.contains("{nonce}") && !page.contains("{script}"));
    let policy = head[CSP].to_str().unwrap();
    let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
    assert_eq!((nonce.len(), page.matches(nonce).count()), (32, 2));
    let expected = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
    );
    assert_eq!(policy, expected);
    for (field, value) in [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(head[field], value, "{field}");
    }
    let events = shown.app.clone().oneshot(Request::get("/events").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!([&events.headers()["x-accel-buffering"], &events.headers()["cache-control"]], ["no", "no-store"]);
    assert_ne!(shown.page().await.0[CSP], head[CSP], "each page has a nonce of its own");
}
