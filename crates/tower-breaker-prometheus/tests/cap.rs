//! How many circuits have series of their own, and where the calls of all others are found.

use prometheus::Registry;
use tower_breaker_core::{CircuitBreakerConfig, Circuits, Outcome};
use tower_breaker_prometheus::CircuitBreakerCollector;

use crate::page::{Page, registered};

fn set(capacity: usize) -> Circuits {
    Circuits::builder().name("hosts").config(CircuitBreakerConfig::default()).capacity(capacity).build()
}

fn capped(circuits: &Circuits, max: usize) -> Registry {
    registered(CircuitBreakerCollector::builder().circuits(circuits).max_circuits(max))
}

fn call(circuits: &Circuits, name: &str) {
    circuits.get_or_create(name).try_acquire().unwrap().record(Outcome::Success);
}

fn calls(page: &Page, name: &str) -> f64 {
    page.value("circuit_breaker_calls_total", &[("name", name)])
}

#[test]
fn the_open_and_the_busy_have_series_and_all_others_are_added_up() {
    let circuits = set(100);
    (0..20).for_each(|host| (0..=host).for_each(|_| call(&circuits, &format!("host-{host}"))));
    circuits.get_or_create("host-0").force_open();
    let page = Page::scrape(&capped(&circuits, 3));
    for (host, expected) in [("host-0", 1.0), ("host-19", 20.0), ("host-18", 19.0), ("other", 170.0)] {
        assert_eq!(calls(&page, host), expected, "{host}");
    }
    assert_eq!(page.of("circuit_breaker_calls_total", &[]).count(), 4);
    assert_eq!(page.of("circuit_breaker_state", &[]).count(), 3, "`other` is in no state");
    assert_eq!(page.value("circuit_breaker_circuits", &[("state", "closed")]), 19.0);
    assert_eq!(page.value("circuit_breaker_circuits", &[("state", "open")]), 1.0);
}

#[test]
fn whoever_has_series_keeps_them_and_a_newcomer_takes_a_place_that_is_free() {
    let circuits = set(100);
    let registry = capped(&circuits, 1);
    call(&circuits, "first");
    let _ = Page::scrape(&registry);
    (0..10).for_each(|_| call(&circuits, "busier"));
    let page = Page::scrape(&registry);
    assert_eq!((calls(&page, "first"), calls(&page, "other")), (1.0, 10.0));
    drop(circuits.remove("first"));
    call(&circuits, "newcomer");
    let page = Page::scrape(&registry);
    assert_eq!((calls(&page, "newcomer"), calls(&page, "other")), (1.0, 11.0));
    drop((circuits.remove("newcomer"), circuits.remove("busier")));
    let _ = Page::scrape(&registry);
    call(&circuits, "busier");
    assert_eq!(calls(&Page::scrape(&registry), "busier"), 1.0, "a newcomer as well, once it was gone");
}

#[test]
fn a_thousand_circuits_of_a_set_have_series_unless_said_otherwise() {
    let circuits = set(2_000);
    (0..1_001).for_each(|host| drop(circuits.get_or_create(&format!("host-{host}"))));
    let page = Page::scrape(&registered(CircuitBreakerCollector::builder().circuits(&circuits)));
    assert_eq!(page.of("circuit_breaker_state", &[]).count(), 1_000);
}

#[test]
fn a_million_names_stay_under_the_cap_and_no_call_is_lost() {
    let circuits = set(200);
    let registry = capped(&circuits, 50);
    let mut most = 0;
    for host in 0..1_000_000 {
        call(&circuits, &format!("host-{host}"));
        if host % 100_000 == 0 {
            most = most.max(Page::scrape(&registry).of("circuit_breaker_state", &[]).count());
        }
    }
    let page = Page::scrape(&registry);
    assert!(most <= 50, "{most}");
    assert_eq!(page.sum("circuit_breaker_calls_total", &[]), 1_000_000.0);
}

#[test]
fn what_leaves_the_set_while_somebody_holds_it_takes_nothing_from_the_others() {
    let circuits = set(100);
    let registry = capped(&circuits, 0);
    (0..5).for_each(|_| call(&circuits, "held"));
    assert_eq!(calls(&Page::scrape(&registry), "other"), 5.0);
    let held = circuits.remove("held");
    assert_eq!(calls(&Page::scrape(&registry), "other"), 5.0);
    drop(held);
    call(&circuits, "next");
    assert_eq!(calls(&Page::scrape(&registry), "other"), 6.0);
}

#[test]
fn a_circuit_named_other_is_counted_there() {
    let circuits = set(100);
    call(&circuits, "other");
    call(&circuits, "another");
    let page = Page::scrape(&capped(&circuits, 10));
    assert_eq!((calls(&page, "other"), calls(&page, "another")), (1.0, 1.0));
}
