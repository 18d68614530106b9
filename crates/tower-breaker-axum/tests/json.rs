//! Status and health.

use std::time::Duration;

use axum::{body::Body, http::Request};
use serde_json::json;
use tower::ServiceExt;
use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits, ManualClock};

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
    assert!(page.contains(include_str!("../src/dashboard/style.css")));
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
