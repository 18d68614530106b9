//! What can be built, and what an error says.

use std::time::Duration;

use tower_breaker_core::{
    CircuitBreakerConfig, CircuitBreakerConfigBuilder, HalfOpenRule, Mode, OnCancel, SlidingWindow,
};

use super::{circuit, end, ms, secs};

type Set = fn(CircuitBreakerConfigBuilder) -> CircuitBreakerConfigBuilder;

fn build(set: Set) -> Result<CircuitBreakerConfig, tower_breaker_core::InvalidConfig> {
    set(CircuitBreakerConfig::builder()).build()
}

#[test]
fn every_invalid_value_is_an_error_that_names_field_value_and_what_is_accepted() {
    let invalid: &[(&str, &str, Set)] = &[
        ("failure_threshold", "0", |b| b.failure_threshold(0)),
        ("failure_threshold", "1000001", |b| b.failure_threshold(1_000_001)),
        ("failure_rate_threshold", "0", |b| b.failure_rate_threshold(0.0)),
        ("failure_rate_threshold", "-0.5", |b| b.failure_rate_threshold(-0.5)),
        ("failure_rate_threshold", "1.0000000000000002", |b| b.failure_rate_threshold(1.0f64.next_up())),
        ("failure_rate_threshold", "NaN", |b| b.failure_rate_threshold(f64::NAN)),
        ("failure_rate_threshold", "inf", |b| b.failure_rate_threshold(f64::INFINITY)),
        ("sliding_window", "0", |b| b.sliding_window(SlidingWindow::calls(0))),
        ("sliding_window", "1000001", |b| b.sliding_window(SlidingWindow::calls(1_000_001))),
        ("sliding_window", "0", |b| b.sliding_window(SlidingWindow::time(Duration::ZERO))),
        ("sliding_window", "9.999999ms", |b| b.sliding_window(SlidingWindow::time(Duration::from_nanos(9_999_999)))),
        ("sliding_window", "0", |b| b.sliding_window(SlidingWindow::time_in(secs(1), 0))),
        ("sliding_window", "61", |b| b.sliding_window(SlidingWindow::time_in(secs(1), 61))),
        ("minimum_calls", "0", |b| b.minimum_calls(0)),
        ("minimum_calls", "11", |b| b.minimum_calls(11).sliding_window(SlidingWindow::calls(10))),
        ("max_age", "999.999999ms", |b| b.max_age(Duration::from_nanos(999_999_999))),
        ("slow_call_duration_threshold", "0", |b| b.slow_call_duration_threshold(Duration::ZERO)),
        ("slow_call_rate_threshold", "0", |b| b.slow_call_rate_threshold(0.0)),
        ("slow_call_rate_threshold", "NaN", |b| b.slow_call_rate_threshold(f64::NAN)),
        ("slow_call_rate_threshold", "1.5", |b| b.slow_call_rate_threshold(1.5)),
        ("open_duration", "0", |b| b.open_duration(Duration::ZERO)),
        ("open_duration", "999.999µs", |b| b.open_duration(Duration::from_nanos(999_999))),
        ("open_duration_multiplier", "0.99", |b| b.open_duration_multiplier(0.99)),
        ("open_duration_multiplier", "NaN", |b| b.open_duration_multiplier(f64::NAN)),
        ("open_duration_multiplier", "inf", |b| b.open_duration_multiplier(f64::INFINITY)),
        ("max_open_duration", "1s", |b| b.max_open_duration(secs(1))),
        ("open_duration_jitter", "1", |b| b.open_duration_jitter(1.0)),
        ("open_duration_jitter", "-0.1", |b| b.open_duration_jitter(-0.1)),
        ("open_duration_jitter", "NaN", |b| b.open_duration_jitter(f64::NAN)),
        ("success_threshold", "0", |b| b.success_threshold(0)),
        ("success_threshold", "1000001", |b| b.success_threshold(1_000_001)),
        ("half_open_max_concurrent", "0", |b| b.half_open_max_concurrent(0)),
        ("half_open_max_concurrent", "1000001", |b| b.half_open_max_concurrent(1_000_001)),
        ("permitted_calls", "0", |b| b.permitted_calls(0)),
        ("permitted_calls", "1000001", |b| b.permitted_calls(1_000_001)),
        ("permitted_calls", "5", |b| b.permitted_calls(5).success_threshold(2)),
        ("permitted_calls", "5", |b| b.permitted_calls(5).half_open_max_concurrent(1)),
        ("permitted_calls", "5", |b| b.permitted_calls(5).failure_rate_threshold(None)),
        ("half_open_timeout", "0", |b| b.half_open_timeout(Duration::ZERO)),
        ("half_open_timeout", "999.999µs", |b| b.half_open_timeout(Duration::from_nanos(999_999))),
        ("enforcement", "-0.1", |b| b.enforcement(-0.1)),
        ("enforcement", "1.1", |b| b.enforcement(1.1)),
        ("enforcement", "NaN", |b| b.enforcement(f64::NAN)),
        ("recovery_ramp", "0", |b| b.recovery_ramp(Duration::ZERO)),
        ("recovery_ramp", "999.999µs", |b| b.recovery_ramp(Duration::from_nanos(999_999))),
        ("throttle", "1.0", |b| b.throttle(1.0)),
        ("throttle", "0.5", |b| b.throttle(0.5)),
        ("throttle", "NaN", |b| b.throttle(f64::NAN)),
        ("throttle", "inf", |b| b.throttle(f64::INFINITY)),
        ("throttle", "2.0", |b| b.throttle(2.0).sliding_window(SlidingWindow::calls(100))),
        ("failure_threshold", "off", |b| b.failure_threshold(None).failure_rate_threshold(None)),
    ];
    for (field, value, set) in invalid {
        let error = build(*set).expect_err(field);
        assert!(error.field().starts_with(field), "{error} instead of {field}");
        assert!(error.value().starts_with(value), "{error} instead of {value}");
        assert!(!error.accepted().is_empty());
        assert!(error.to_string().contains(error.field()) && error.to_string().contains(error.accepted()), "{error}");
    }
}

#[test]
fn the_ends_of_every_range_are_accepted() {
    let valid: &[Set] = &[
        |b| b.failure_threshold(1),
        |b| b.failure_threshold(1_000_000),
        |b| b.failure_rate_threshold(f64::MIN_POSITIVE),
        |b| b.failure_rate_threshold(1.0),
        |b| b.sliding_window(SlidingWindow::calls(1)),
        |b| b.sliding_window(SlidingWindow::calls(1_000_000)),
        |b| b.sliding_window(SlidingWindow::time_in(ms(10), 1)),
        |b| b.sliding_window(SlidingWindow::time_in(Duration::MAX, 60)),
        |b| b.minimum_calls(u32::MAX),
        |b| b.minimum_calls(10).sliding_window(SlidingWindow::calls(10)),
        |b| b.max_age(secs(1)),
        |b| b.max_age(Duration::MAX),
        |b| b.slow_call_duration_threshold(Duration::from_nanos(1)),
        |b| b.slow_call_duration_threshold(Duration::MAX).slow_call_rate_threshold(1.0),
        |b| b.open_duration(ms(1)),
        |b| b.open_duration(Duration::MAX),
        |b| b.open_duration_multiplier(1.0),
        |b| b.open_duration_multiplier(f64::MAX),
        |b| b.max_open_duration(secs(2)),
        |b| b.max_open_duration(Duration::MAX),
        |b| b.open_duration_jitter(0.0),
        |b| b.open_duration_jitter(1.0f64.next_down()),
        |b| b.success_threshold(1).half_open_max_concurrent(1),
        |b| b.success_threshold(1_000_000).half_open_max_concurrent(1_000_000),
        |b| b.permitted_calls(1),
        |b| b.permitted_calls(1_000_000),
        |b| b.half_open_timeout(ms(1)),
        |b| b.half_open_timeout(Duration::MAX),
        |b| b.half_open_timeout(None),
        |b| b.on_cancel(OnCancel::FailureAfter(Duration::MAX)),
        |b| b.on_cancel(OnCancel::FailureAfter(Duration::ZERO)),
        |b| b.enforcement(0.0),
        |b| b.enforcement(1.0),
        |b| b.recovery_ramp(ms(1)),
        |b| b.recovery_ramp(Duration::MAX),
        |b| b.recovery_ramp(None),
        |b| b.throttle(1.0f64.next_up()),
        |b| b.throttle(f64::MAX).sliding_window(SlidingWindow::time_in(ms(10), 60)),
        |b| b.throttle(None).sliding_window(SlidingWindow::calls(10)),
    ];
    for (index, set) in valid.iter().enumerate() {
        let config = build(*set).unwrap_or_else(|error| panic!("number {index}: {error}"));
        // Nothing that can be built makes a circuit panic.
        let (circuit, clock) = circuit(set(CircuitBreakerConfig::builder()));
        for outcome in [tower_breaker_core::Outcome::Failure, tower_breaker_core::Outcome::Success] {
            for _ in 0..30 {
                if circuit.try_acquire().is_ok() {
                    end_if_admitted(&circuit, outcome);
                }
                clock.advance(config.open_duration().min(secs(1_000_000)));
                let _ = circuit.snapshot();
            }
        }
    }
}

fn end_if_admitted(circuit: &tower_breaker_core::Circuit, outcome: tower_breaker_core::Outcome) {
    if let Ok(permit) = circuit.try_acquire() {
        permit.record(outcome);
    }
}

#[test]
fn ten_calls_alone_is_a_valid_window_and_lowers_the_minimum() {
    let config = build(|b| b.sliding_window(SlidingWindow::calls(10))).unwrap();
    assert_eq!(config.minimum_calls(), 10);
    let config = build(|b| b.sliding_window(SlidingWindow::calls(100))).unwrap();
    assert_eq!(config.minimum_calls(), 20);
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let config = CircuitBreakerConfig::default();
    assert_eq!(config, build(|b| b).unwrap());
    assert_eq!((config.failure_threshold(), config.failure_rate_threshold()), (Some(5), Some(0.5)));
    assert_eq!(config.sliding_window(), SlidingWindow::time_in(secs(5), 10));
    assert_eq!((config.minimum_calls(), config.max_age()), (20, None));
    assert_eq!((config.slow_call_duration_threshold(), config.slow_call_rate_threshold()), (None, 1.0));
    assert_eq!((config.open_duration(), config.max_open_duration()), (secs(2), secs(60)));
    assert_eq!((config.open_duration_multiplier(), config.open_duration_jitter()), (1.2, 0.1));
    assert_eq!(config.half_open(), HalfOpenRule::Consecutive { success_threshold: 2, max_concurrent: 1 });
    assert_eq!(config.half_open_timeout(), Some(secs(60)));
    assert_eq!(config.on_cancel(), OnCancel::FailureAfter(secs(1)));
    assert_eq!((config.mode(), config.enforcement()), (Mode::Enforce, 1.0));
    assert_eq!((config.recovery_ramp(), config.throttle()), (None, None));
}

#[test]
fn an_unset_cap_is_the_larger_of_a_minute_and_twice_the_open_duration() {
    assert_eq!(build(|b| b.open_duration(secs(1))).unwrap().max_open_duration(), secs(60));
    assert_eq!(build(|b| b.open_duration(secs(31))).unwrap().max_open_duration(), secs(62));
}

#[test]
fn presets_have_their_documented_numbers() {
    let of = |config: CircuitBreakerConfig| {
        let HalfOpenRule::Consecutive { success_threshold, .. } = config.half_open() else { panic!("{config:?}") };
        let open = config.open_duration().as_secs();
        (config.failure_threshold(), config.failure_rate_threshold(), open, success_threshold)
    };
    assert_eq!(of(CircuitBreakerConfig::high_availability()), (Some(3), None, 30, 3));
    assert_eq!(of(CircuitBreakerConfig::batch()), (Some(10), None, 300, 2));
    assert_eq!(of(CircuitBreakerConfig::realtime()), (Some(2), None, 15, 5));
    assert_eq!(of(CircuitBreakerConfig::aggressive()), (Some(3), Some(0.3), 10, 2));
    assert_eq!(of(CircuitBreakerConfig::conservative()), (Some(10), Some(0.7), 60, 2));
    assert_eq!(of(CircuitBreakerConfig::critical()), (Some(3), Some(0.3), 120, 3));
    let config = CircuitBreakerConfig::resilience4j();
    assert_eq!((config.failure_threshold(), config.failure_rate_threshold()), (None, Some(0.5)));
    assert_eq!((config.sliding_window(), config.minimum_calls()), (SlidingWindow::calls(100), 100));
    assert_eq!((config.slow_call_duration_threshold(), config.slow_call_rate_threshold()), (Some(secs(60)), 1.0));
    assert_eq!(config.half_open(), HalfOpenRule::Rate { permitted_calls: 10 });
    assert_eq!((config.open_duration(), config.open_duration_multiplier()), (secs(60), 1.0));
    assert_eq!((config.open_duration_jitter(), config.half_open_timeout()), (0.0, None));
}

#[test]
fn a_configuration_turned_into_a_builder_builds_itself() {
    let other = CircuitBreakerConfig::builder()
        .failure_threshold(7)
        .failure_rate_threshold(0.4)
        .sliding_window(SlidingWindow::time_in(secs(8), 4))
        .minimum_calls(9)
        .max_age(secs(11))
        .slow_call_duration_threshold(secs(3))
        .slow_call_rate_threshold(0.6)
        .open_duration(secs(4))
        .open_duration_multiplier(1.7)
        .max_open_duration(secs(70))
        .open_duration_jitter(0.3)
        .success_threshold(5)
        .half_open_max_concurrent(4)
        .half_open_timeout(secs(13))
        .on_cancel(OnCancel::Ignore)
        .mode(Mode::Observe)
        .enforcement(0.25)
        .recovery_ramp(secs(6))
        .throttle(1.5);
    let configs = [other.build().unwrap(), CircuitBreakerConfig::default(), CircuitBreakerConfig::batch()];
    for config in configs.into_iter().chain([CircuitBreakerConfig::resilience4j()]) {
        assert_eq!(config.to_builder().build().unwrap(), config);
    }
    let changed = CircuitBreakerConfig::batch().to_builder().failure_threshold(4).build().unwrap();
    assert_eq!((changed.failure_threshold(), changed.open_duration()), (Some(4), secs(300)));
}

#[test]
fn a_child_takes_what_it_leaves_unset_and_its_half_open_rule_replaces_the_parents() {
    let parent =
        || CircuitBreakerConfig::builder().failure_threshold(7).success_threshold(4).half_open_max_concurrent(3);
    let child = CircuitBreakerConfig::builder().open_duration(secs(5)).permitted_calls(9).or(&parent());
    let config = child.build().unwrap();
    assert_eq!((config.failure_threshold(), config.open_duration()), (Some(7), secs(5)));
    assert_eq!(config.half_open(), HalfOpenRule::Rate { permitted_calls: 9 });
    let grandchild = CircuitBreakerConfig::builder().half_open_max_concurrent(2);
    let config = grandchild.or(&CircuitBreakerConfig::builder().permitted_calls(9)).build().unwrap();
    assert_eq!(config.half_open(), HalfOpenRule::Consecutive { success_threshold: 2, max_concurrent: 2 });
    let off = CircuitBreakerConfig::builder().failure_threshold(None).or(&parent()).build().unwrap();
    assert_eq!(off.failure_threshold(), None);
}

#[test]
fn enforcement_by_hand_is_checked_too() {
    let (circuit, _) = circuit(CircuitBreakerConfig::builder());
    end(&circuit, tower_breaker_core::Outcome::Success);
    for share in [-0.1, 1.1, f64::NAN] {
        assert_eq!(circuit.set_enforcement(share).unwrap_err().field(), "enforcement");
    }
    assert_eq!(circuit.snapshot().enforcement, 1.0);
}
