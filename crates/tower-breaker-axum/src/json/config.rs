use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};
use tower_breaker_core::{CircuitBreakerConfig, HalfOpenRule, OnCancel, SlidingWindow};

/// The configuration in force, in the words of a configuration file: durations as text, `false` for off.
#[derive(Debug, Serialize)]
pub(super) struct Config {
    failure_threshold: Value,
    failure_rate_threshold: Value,
    sliding_window: Value,
    minimum_calls: u32,
    max_age: Value,
    slow_call_duration_threshold: Value,
    slow_call_rate_threshold: f64,
    open_duration: String,
    open_duration_multiplier: f64,
    max_open_duration: String,
    open_duration_jitter: f64,
    #[serde(flatten)]
    half_open: Value,
    half_open_timeout: Value,
    on_cancel: Value,
    mode: &'static str,
    enforcement: f64,
    recovery_ramp: Value,
    throttle: Value,
}

impl Config {
    pub(super) fn new(config: &CircuitBreakerConfig) -> Self {
        Self {
            failure_threshold: or_off(config.failure_threshold()),
            failure_rate_threshold: or_off(config.failure_rate_threshold()),
            sliding_window: match config.sliding_window() {
                SlidingWindow::Calls(calls) => json!({ "calls": calls }),
                SlidingWindow::Time(time, buckets) => json!({ "time": duration(time), "buckets": buckets }),
                _ => Value::Null,
            },
            minimum_calls: config.minimum_calls(),
            max_age: or_off(config.max_age().map(duration)),
            slow_call_duration_threshold: or_off(config.slow_call_duration_threshold().map(duration)),
            slow_call_rate_threshold: config.slow_call_rate_threshold(),
            open_duration: duration(config.open_duration()),
            open_duration_multiplier: config.open_duration_multiplier(),
            max_open_duration: duration(config.max_open_duration()),
            open_duration_jitter: config.open_duration_jitter(),
            half_open: match config.half_open() {
                HalfOpenRule::Consecutive { success_threshold, max_concurrent } => {
                    json!({ "success_threshold": success_threshold, "half_open_max_concurrent": max_concurrent })
                }
                HalfOpenRule::Rate { permitted_calls } => json!({ "permitted_calls": permitted_calls }),
                _ => json!({}),
            },
            half_open_timeout: or_off(config.half_open_timeout().map(duration)),
            on_cancel: match config.on_cancel() {
                OnCancel::Ignore => json!("ignore"),
                OnCancel::Failure => json!("failure"),
                OnCancel::FailureAfter(after) => json!({ "failure_after": duration(after) }),
                _ => Value::Null,
            },
            mode: config.mode().as_str(),
            enforcement: config.enforcement(),
            recovery_ramp: or_off(config.recovery_ramp().map(duration)),
            throttle: or_off(config.throttle()),
        }
    }
}

pub(super) fn duration(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

pub(super) fn or_off(value: Option<impl Into<Value>>) -> Value {
    value.map_or(Value::Bool(false), Into::into)
}
