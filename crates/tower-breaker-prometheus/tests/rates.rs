//! What a scrape says of rates and shares, and of calls that are neither success nor failure.

use std::time::Duration;

use tower_breaker_core::{Circuit, CircuitBreakerConfig, ManualClock, Outcome};
use tower_breaker_prometheus::CircuitBreakerCollector;

use crate::page::{Page, registered};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn rates_and_shares_are_told_once_there_are_calls_enough() {
    let config = CircuitBreakerConfig::builder()
        .minimum_calls(4)
        .failure_threshold(None)
        .failure_rate_threshold(1.0)
        .slow_call_duration_threshold(SECOND)
        .throttle(2.0);
    let circuit = Circuit::builder("orders").config(config.build().unwrap()).clock(ManualClock::new()).build();
    let registry = registered(CircuitBreakerCollector::builder().circuit(&circuit));
    let of = |page: &Page, name: &str| page.value(&format!("circuit_breaker_{name}"), &[("name", "orders")]);
    let end = |outcome, time| circuit.try_acquire().unwrap().record_after(outcome, time);
    end(Outcome::Ignored, SECOND);
    end(Outcome::Success, SECOND);
    end(Outcome::Failure, SECOND);
    end(Outcome::Failure, 2 * SECOND);
    let page = Page::scrape(&registry);
    assert!(of(&page, "failure_rate").is_nan() && of(&page, "slow_call_rate").is_nan());
    assert_eq!(of(&page, "throttle_share"), 0.0);

    end(Outcome::Failure, 3 * SECOND);
    let page = Page::scrape(&registry);
    assert_eq!((of(&page, "failure_rate"), of(&page, "slow_call_rate")), (0.75, 0.5));
    assert_eq!(of(&page, "throttle_share"), 0.4, "(4 calls - 2 x 1 success) / 5");
    assert_eq!((of(&page, "slow_calls_total"), of(&page, "ignored_total")), (2.0, 1.0));
}

#[test]
fn answers_given_in_place_of_a_calls_are_told() {
    let circuit = Circuit::new("orders", CircuitBreakerConfig::default());
    let registry = registered(CircuitBreakerCollector::builder().circuit(&circuit));
    circuit.force_open();
    assert_eq!(circuit.call_or(|| Ok::<_, ()>("fresh"), |_| "from the cache"), "from the cache");
    let page = Page::scrape(&registry);
    assert_eq!(page.value("circuit_breaker_fallback_used_total", &[("name", "orders")]), 1.0);
}
