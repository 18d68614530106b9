//! What a scrape says of circuits and stages.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use prometheus::Counter;
use tower_breaker_core::{
    Bulkhead, BulkheadFigures, Circuit, CircuitBreakerConfig, Circuits, Clock, Figure, Figures, ManualClock, Measure,
    Mode, Outcome, RateLimitFigures, RetryFigures, TimeoutFigures,
};
use tower_breaker_prometheus::CircuitBreakerCollector;

use crate::page::{Page, registered};

const COUNTERS: &[&str] = &[
    "circuit_breaker_calls_total",
    "circuit_breaker_successes_total",
    "circuit_breaker_failures_total",
    "circuit_breaker_slow_calls_total",
    "circuit_breaker_ignored_total",
    "circuit_breaker_stale_total",
    "circuit_breaker_cancelled_total",
    "circuit_breaker_bypassed_total",
    "circuit_breaker_calls_blocked_total",
    "circuit_breaker_calls_blocked_detected_total",
    "circuit_breaker_fallback_used_total",
    "circuit_breaker_opened_total",
    "circuit_breaker_half_opened_total",
    "circuit_breaker_state_transitions_total",
];

const GAUGES: &[&str] = &[
    "circuit_breaker_state",
    "circuit_breaker_mode",
    "circuit_breaker_enforcement",
    "circuit_breaker_failure_rate",
    "circuit_breaker_slow_call_rate",
    "circuit_breaker_open_remaining_seconds",
    "circuit_breaker_open_wait_seconds",
    "circuit_breaker_state_age_seconds",
    "circuit_breaker_ready_to_probe",
    "circuit_breaker_throttle_share",
];

fn config() -> CircuitBreakerConfig {
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .open_duration(Duration::from_secs(10))
        .open_duration_jitter(0.0)
        .success_threshold(1);
    config.build().unwrap()
}

pub(crate) fn circuits(clock: &ManualClock) -> Circuits {
    Circuits::builder().name("upstreams").config(config()).clock(Arc::new(clock.clone()) as Arc<dyn Clock>).build()
}

pub(crate) fn end(circuits: &Circuits, name: &str, outcome: Outcome, times: usize) {
    let circuit = circuits.get_or_create(name);
    for _ in 0..times {
        circuit.try_acquire().unwrap().record(outcome);
    }
}

#[test]
fn every_documented_name_of_a_circuit_is_there_from_the_first_scrape() {
    let circuits = circuits(&ManualClock::new());
    let registry = registered(CircuitBreakerCollector::builder().circuits(&circuits));
    let _idle = circuits.get_or_create("idle");
    let page = Page::scrape(&registry);
    let idle = [("name", "idle"), ("set", "upstreams")];
    for (names, kind) in [(COUNTERS, "counter"), (GAUGES, "gauge")] {
        for name in names {
            assert_eq!(page.kinds[*name], kind, "{name}");
            assert!(page.text.contains(&format!("# HELP {name} ")), "{name}");
            assert!(page.of(name, &idle).count() > 0, "{name}");
        }
    }
    assert_eq!(page.of("circuit_breaker_calls_blocked_total", &idle).count(), 5);
    assert_eq!(page.of("circuit_breaker_state_transitions_total", &idle).count(), 5);
    let documented = include_str!("../src/lib.rs");
    for name in page.kinds.keys() {
        assert!(documented.contains(&format!("`{name}")), "{name} stands in no table");
        assert!(
            COUNTERS.contains(&name.as_str()) || GAUGES.contains(&name.as_str()) || name == "circuit_breaker_circuits"
        );
    }
}

#[test]
fn a_life_is_told_in_numbers() {
    let clock = ManualClock::new();
    let circuits = circuits(&clock);
    let registry = registered(CircuitBreakerCollector::builder().circuits(&circuits));
    let value = |page: &Page, name: &str| page.value(name, &[("name", "orders")]);

    end(&circuits, "orders", Outcome::Success, 2);
    end(&circuits, "orders", Outcome::Ignored, 1);
    let page = Page::scrape(&registry);
    assert_eq!((value(&page, "circuit_breaker_state"), value(&page, "circuit_breaker_mode")), (0.0, 0.0));
    assert!(value(&page, "circuit_breaker_failure_rate").is_nan(), "below the minimum there is no rate");

    end(&circuits, "orders", Outcome::Failure, 3);
    let orders = circuits.get_or_create("orders");
    assert!(orders.try_acquire().is_err());
    clock.advance(Duration::from_secs(4));
    let page = Page::scrape(&registry);
    assert_eq!(value(&page, "circuit_breaker_state"), 1.0);
    assert_eq!(value(&page, "circuit_breaker_calls_total"), 6.0);
    assert_eq!(value(&page, "circuit_breaker_open_wait_seconds"), 10.0);
    assert_eq!(value(&page, "circuit_breaker_open_remaining_seconds"), 6.0);
    assert_eq!(value(&page, "circuit_breaker_state_age_seconds"), 4.0);
    assert_eq!(value(&page, "circuit_breaker_opened_total"), 1.0);
    assert_eq!(value(&page, "circuit_breaker_ready_to_probe"), 0.0);
    assert_eq!(page.value("circuit_breaker_calls_blocked_total", &[("reason", "open"), ("name", "orders")]), 1.0);
    let trip = [("from", "closed"), ("to", "open"), ("name", "orders")];
    assert_eq!(page.value("circuit_breaker_state_transitions_total", &trip), 1.0);

    clock.advance(Duration::from_secs(6));
    assert_eq!(value(&Page::scrape(&registry), "circuit_breaker_ready_to_probe"), 1.0);
    let probe = orders.try_acquire().unwrap();
    let page = Page::scrape(&registry);
    assert_eq!(value(&page, "circuit_breaker_state"), 2.0);
    assert_eq!(value(&page, "circuit_breaker_half_opened_total"), 1.0);
    assert_eq!(value(&page, "circuit_breaker_open_remaining_seconds"), 0.0);
    probe.record(Outcome::Success);
    orders.set_mode(Mode::Observe);
    orders.set_enforcement(0.25).unwrap();
    let page = Page::scrape(&registry);
    assert_eq!(value(&page, "circuit_breaker_state"), 0.0);
    assert_eq!(value(&page, "circuit_breaker_mode"), 1.0);
    assert_eq!(value(&page, "circuit_breaker_enforcement"), 0.25);
    end(&circuits, "orders", Outcome::Failure, 4);
    let page = Page::scrape(&registry);
    assert_eq!(value(&page, "circuit_breaker_bypassed_total"), 1.0);
    assert_eq!(value(&page, "circuit_breaker_calls_blocked_detected_total"), 2.0);
    assert_eq!(page.sum("circuit_breaker_calls_blocked_total", &[("name", "orders")]), 1.0, "observed, not refused");
    orders.reset();
    for (force, state, mode) in [(true, 1.0, 2.0), (false, 0.0, 3.0)] {
        if force {
            orders.force_open();
        } else {
            orders.force_closed();
        }
        let page = Page::scrape(&registry);
        assert_eq!((value(&page, "circuit_breaker_state"), value(&page, "circuit_breaker_mode")), (state, mode));
    }
}

/// Ends the threads that ask for it.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn while_calls_run_each_scrape_agrees_with_itself_and_no_counter_goes_down() {
    const NAMES: [&str; 3] = ["a", "b", "c"];
    let clock = ManualClock::new();
    let circuits = circuits(&clock);
    let registry = registered(CircuitBreakerCollector::builder().circuits(&circuits));
    // What is created after a scrape is not in it.
    NAMES.into_iter().for_each(|name| drop(circuits.get_or_create(name)));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        // Also where an assertion fails: the scope waits for its threads.
        let _ends = Ends(&done);
        for thread in 0..2 {
            let (circuits, clock, done) = (&circuits, &clock, &done);
            scope.spawn(move || {
                for call in thread.. {
                    let circuit = circuits.get_or_create(NAMES[call % 3]);
                    match circuit.try_acquire() {
                        Ok(permit) if call % 5 == 0 => drop(permit),
                        Ok(permit) if call % 7 < 4 => permit.record(Outcome::Failure),
                        Ok(permit) => permit.record(Outcome::Success),
                        Err(_) if call % 11 == 0 => circuit.reset(),
                        Err(_) => clock.advance(Duration::from_secs(1)),
                    }
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        let mut last = Page::scrape(&registry);
        for scrape in 0.. {
            let page = Page::scrape(&registry);
            for name in NAMES {
                let of = |what: &str| page.sum(&format!("circuit_breaker_{what}_total"), &[("name", name)]);
                let parts = ["successes", "failures", "ignored", "cancelled", "stale", "bypassed"];
                assert_eq!(of("calls"), parts.iter().map(|part| of(part)).sum::<f64>());
                let moves = |way: &str, state: &str| {
                    page.sum("circuit_breaker_state_transitions_total", &[("name", name), (way, state)])
                };
                assert_eq!((of("opened"), of("half_opened")), (moves("to", "open"), moves("to", "half_open")));
                // Every circuit began closed: where it is now is where its transitions led.
                let state = page.value("circuit_breaker_state", &[("name", name)]);
                for (value, word) in [(0.0, "closed"), (1.0, "open"), (2.0, "half_open")] {
                    let there = moves("to", word) - moves("from", word) + f64::from(u8::from(word == "closed"));
                    assert_eq!(there, f64::from(u8::from(state == value)), "{name} is {state}, of {word}");
                }
            }
            for (series, before) in last.series.iter().filter(|(series, _)| series.0.ends_with("_total")) {
                assert!(page.series[series] >= *before, "{series:?} went down from {before}");
            }
            last = page;
            // Often enough, and while much happened.
            let counted = |what| last.sum(&format!("circuit_breaker_{what}_total"), &[("name", "a")]) > 10.0;
            if scrape >= 200 && ["opened", "half_opened", "successes", "failures", "cancelled"].into_iter().all(counted)
            {
                break;
            }
            assert!(scrape < 1_000_000, "little happens");
        }
    });
}

#[test]
fn hostile_names_are_text() {
    let circuits = circuits(&ManualClock::new());
    let registry = registered(CircuitBreakerCollector::builder().circuits(&circuits));
    let names = ["<script>alert(1)</script>", "a\"} 1\nfake_total 7", "back\\slash", "", "ü€😀", &"x".repeat(100_000)];
    for name in names {
        end(&circuits, name, Outcome::Success, 1);
    }
    let page = Page::scrape(&registry);
    for name in names {
        assert_eq!(page.value("circuit_breaker_calls_total", &[("name", name)]), 1.0, "{name:.50}");
    }
    assert!(!page.text.lines().any(|line| line.starts_with("fake_total")));
}

pub(crate) struct Stage(Figure);

impl Measure for Stage {
    fn measure(&self) -> Figure {
        self.0
    }
}

pub(crate) fn stages() -> (Figures, Vec<Arc<Stage>>, Bulkhead) {
    let figures = Figures::new();
    let mut retry = RetryFigures::default();
    (retry.first_try, retry.retries, retry.recovered) = (9, 4, 2);
    (retry.exhausted, retry.over_budget, retry.refused, retry.budget_balance) = (1, 3, 5, 7.5);
    let mut timeouts = TimeoutFigures::default();
    (timeouts.whole, timeouts.attempt) = (2, 6);
    let mut limit = RateLimitFigures::default();
    limit.limited = 8;
    let mut places = BulkheadFigures::default();
    (places.in_use, places.queued, places.rejected) = (3, 12, 14);
    let stages = [
        Figure::Retry(retry),
        Figure::Bulkhead(places),
        Figure::Timeout(timeouts),
        Figure::RateLimit(limit),
        Figure::RateLimit(limit),
    ];
    let stages: Vec<_> = stages.into_iter().map(|figure| Arc::new(Stage(figure))).collect();
    stages.iter().for_each(|stage| figures.register("orders", stage));
    let bulkhead = Bulkhead::new(64).unwrap();
    bulkhead.register(&figures, "orders");
    (figures, stages, bulkhead)
}

#[test]
fn stages_are_told_as_long_as_they_live_and_added_up_where_their_names_are_the_same() {
    let (figures, stages, bulkhead) = stages();
    let registry = registered(CircuitBreakerCollector::builder().figures("upstreams", &figures));
    let page = Page::scrape(&registry);
    let attempts =
        |outcome| page.value("resilience_retry_attempts_total", &[("outcome", outcome), ("set", "upstreams")]);
    let outcomes = ["first_try", "retried", "recovered", "exhausted", "over_budget", "refused"];
    assert_eq!(outcomes.map(attempts), [9.0, 4.0, 2.0, 1.0, 3.0, 5.0]);
    let value = |name| page.value(name, &[("name", "orders")]);
    assert_eq!(value("resilience_retry_budget_balance"), 7.5);
    assert_eq!(value("resilience_bulkhead_max_concurrent"), 64.0);
    assert_eq!(value("resilience_bulkhead_in_use"), 3.0);
    assert_eq!(value("resilience_bulkhead_queued"), 12.0);
    assert_eq!(value("resilience_bulkhead_rejected_total"), 14.0);
    assert_eq!(value("resilience_rate_limited_total"), 16.0);
    assert_eq!(page.value("resilience_timeouts_total", &[("kind", "whole")]), 2.0);
    assert_eq!(page.value("resilience_timeouts_total", &[("kind", "attempt")]), 6.0);
    let documented = include_str!("../src/lib.rs");
    page.kinds.keys().for_each(|name| assert!(documented.contains(&format!("`{name}")), "{name} stands in no table"));
    drop((stages, bulkhead));
    assert_eq!(Page::scrape(&registry).series.len(), 0);
}

#[test]
fn a_circuit_in_no_set_is_told_of_too() {
    let orders = Circuit::new("orders", config());
    let payments = Circuit::new("payments", config());
    let both = CircuitBreakerCollector::builder().circuit(&orders).circuit(&payments);
    let registry = registered(both.circuits(&circuits(&ManualClock::new())));
    payments.force_open();
    let page = Page::scrape(&registry);
    assert_eq!(page.value("circuit_breaker_state", &[("name", "orders"), ("set", "")]), 0.0);
    assert_eq!(page.value("circuit_breaker_state", &[("name", "payments"), ("set", "")]), 1.0);
    assert_eq!(page.value("circuit_breaker_circuits", &[("set", ""), ("state", "open")]), 1.0);
}

#[test]
fn two_of_one_name_are_refused() {
    let (one, other) = (circuits(&ManualClock::new()), circuits(&ManualClock::new()));
    let twice = CircuitBreakerCollector::builder().circuits(&one).circuits(&other).build().unwrap_err();
    assert_eq!((twice.field(), twice.value()), ("circuits", "\"upstreams\""));
    let (one, other) = (Circuit::new("orders", config()), Circuit::new("orders", config()));
    let twice = CircuitBreakerCollector::builder().circuit(&one).circuit(&other).build().unwrap_err();
    assert_eq!((twice.field(), twice.value()), ("circuit", "\"orders\""));
    let nameless = Circuits::builder().name("").build();
    let twice = CircuitBreakerCollector::builder().circuit(&one).circuits(&nameless).build().unwrap_err();
    assert_eq!((twice.field(), twice.value()), ("circuits", "\"\""));
    let figures = Figures::new();
    let twice = CircuitBreakerCollector::builder().figures("a", &figures).figures("a", &figures).build().unwrap_err();
    assert_eq!(twice.field(), "figures");
}

#[test]
fn a_registry_takes_no_other_metric_of_one_of_its_names() {
    let figures = Figures::new();
    let collector = CircuitBreakerCollector::builder().circuits(&circuits(&ManualClock::new()));
    let registry = registered(collector.figures("upstreams", &figures));
    for name in crate::rules::page().kinds.into_keys() {
        let other = Counter::new(&name, "Something else.").unwrap();
        assert!(registry.register(Box::new(other)).is_err(), "{name}");
    }
}
