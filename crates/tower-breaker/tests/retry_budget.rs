//! The budget of retries, and the configuration.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use ::tower::{Layer, service_fn};
use tokio::time::advance;
use tower_breaker::{
    CircuitBreakerLayer, Error,
    retry::{Budget, RetryConfig, RetryLayer},
};

use crate::support::{Echo, ask, circuit, trip};

fn spend_all(budget: &Budget) -> u64 {
    (0..1_000_000).take_while(|_| budget.try_spend()).count() as u64
}

#[test]
fn eight_threads_get_the_share_of_ten_thousand_calls_and_not_one_retry_more() {
    for percent in [10, 30, 60, 75] {
        let budget = Budget::new(f64::from(percent) / 100.0, 0).unwrap();
        let spent = AtomicU64::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..1_250 {
                        budget.record_call();
                        let granted = (0..4).filter(|_| budget.try_spend()).count() as u64;
                        spent.fetch_add(granted, Ordering::Relaxed);
                    }
                });
            }
        });
        // What a thread could not see yet of another's calls is there now.
        let spent = spent.into_inner() + spend_all(&budget);
        assert_eq!(spent, u64::from(percent as u32) * 100, "{percent} %");
    }
}

/// What is overdrawn by a race is paid back by later calls: so none come later.
#[test]
fn eight_threads_at_once_never_overdraw_it() {
    for round in 0..300_u64 {
        let budget = Budget::new(0.5, 0).unwrap();
        let due = 20 + round % 7;
        (0..due * 2).for_each(|_| budget.record_call());
        let (spent, all) = (AtomicU64::new(0), Barrier::new(8));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    all.wait();
                    spent.fetch_add(spend_all(&budget), Ordering::Relaxed);
                });
            }
        });
        assert_eq!((spent.into_inner(), budget.balance()), (due, 0.0));
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_calls_fail_the_layer_repeats_no_larger_share_of_them() {
    for (percent, fails) in [(10, 100), (30, 100), (60, 100), (75, 100), (30, 10), (30, 60)] {
        let mut calls = 0_u32;
        let share = f64::from(percent) / 100.0;
        let config = RetryConfig::builder().attempts(3).budget(share).budget_floor(0).base(Duration::from_millis(1));
        let layer = RetryLayer::new(config.build().unwrap()).seed(41);
        let mut service = layer.layer(service_fn(|number: u32| async move {
            // An unlucky request fails each time.
            if number * 37 % 100 < fails { Err(std::fmt::Error) } else { Ok(()) }
        }));
        while calls < 10_000 {
            calls += 1;
            let _ = ask(&mut service, calls).await;
        }
        let (retries, allowed) = (f64::from(calls) * share, layer.figures().retries as f64);
        assert!(allowed <= retries, "{allowed} retries of {calls} calls, of which {fails} % fail, with {percent} %");
        // All that is asked for, or all that is there but for what left the window unused.
        let wanted = f64::from(calls) * f64::from(fails) / 100.0 * 2.0;
        assert!(
            allowed >= 0.9 * retries.min(wanted),
            "{allowed} retries, where {retries} were allowed, {wanted} wanted"
        );
    }
}

/// A second after an outage in which every call was refused, there is no more than the floor to retry with.
#[tokio::test(start_paused = true)]
async fn calls_that_a_circuit_refused_save_up_no_retries() {
    const FAILS: Result<(), std::fmt::Error> = Err(std::fmt::Error);
    let circuit = circuit(1);
    let layer = RetryLayer::new(RetryConfig::builder().budget(0.5).budget_floor(0).build().unwrap());
    let mut service = layer.layer(CircuitBreakerLayer::new(circuit.clone()).layer(Echo));
    trip(&circuit);
    for _ in 0..1_000 {
        assert!(matches!(ask(&mut service, FAILS).await, Err(Error::CircuitOpen(_))));
    }
    assert_eq!(layer.figures().budget_balance, 0.0);
    circuit.reset();
    let _ = ask(&mut service, FAILS).await;
    assert_eq!(layer.figures().budget_balance, 0.5, "this one was made");
}

#[tokio::test(start_paused = true)]
async fn the_floor_alone_allows_ten_seconds_of_itself() {
    let budget = Budget::new(0.0, 10).unwrap();
    assert_eq!(spend_all(&budget), 100);
    advance(Duration::from_secs(9)).await;
    assert_eq!(spend_all(&budget), 0);
    advance(Duration::from_secs(1)).await;
    assert_eq!(spend_all(&budget), 100);
}

#[tokio::test(start_paused = true)]
async fn calls_and_retries_leave_after_ten_seconds() {
    let budget = Budget::new(0.5, 0).unwrap();
    for _ in 0..10 {
        budget.record_call();
    }
    assert_eq!(budget.balance(), 5.0);
    assert_eq!(spend_all(&budget), 5);
    advance(Duration::from_secs(5)).await;
    budget.record_call();
    budget.record_call();
    assert_eq!(spend_all(&budget), 1);
    advance(Duration::from_secs(5)).await;
    // The two of five seconds ago, and their retry.
    assert!(!budget.try_spend());
    assert_eq!(budget.balance(), 0.0);
}

#[tokio::test(start_paused = true)]
async fn calm_hours_save_up_nothing() {
    let budget = Budget::new(0.2, 1).unwrap();
    for _ in 0..3_600 {
        for _ in 0..10 {
            budget.record_call();
        }
        advance(Duration::from_secs(1)).await;
    }
    // The nine full seconds in the window, and the floor.
    assert_eq!(spend_all(&budget), 9 * 2 + 10);
}

#[tokio::test(start_paused = true)]
async fn the_first_call_after_three_idle_days_finds_an_empty_window() {
    let budget = Budget::new(0.5, 0).unwrap();
    for _ in 0..100 {
        budget.record_call();
    }
    advance(Duration::from_secs(3 * 24 * 3_600)).await;
    budget.record_call();
    assert_eq!(budget.balance(), 0.5);
    budget.record_call();
    assert_eq!(spend_all(&budget), 1);
}

#[test]
fn what_is_out_of_range_is_named() {
    let field = |config: tower_breaker::retry::RetryConfigBuilder| config.build().unwrap_err().field();
    let builder = RetryConfig::builder;
    assert_eq!(field(builder().attempts(0)), "attempts");
    assert_eq!(field(builder().base(Duration::ZERO)), "base");
    assert_eq!(field(builder().multiplier(f64::NAN)), "multiplier");
    assert_eq!(field(builder().multiplier(0.9)), "multiplier");
    assert_eq!(field(builder().max(Duration::from_millis(99))), "max");
    assert_eq!(field(builder().total_timeout(Duration::ZERO)), "total_timeout");
    for share in [1.01, -0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(field(builder().budget(share)), "budget");
        assert_eq!(Budget::new(share, 1).unwrap_err().field(), "budget");
    }
    let error = builder().attempts(0).build().unwrap_err();
    assert_eq!(error.to_string(), "attempts is 0; accepted: 1..=1000");
    assert_eq!(builder().build(), Ok(RetryConfig::default()));
    assert!(builder().attempts(1).budget(None).base(Duration::MAX).max(Duration::MAX).build().is_ok());
}
