//! A configuration as text: what is read, and what a mistake is told.

use std::time::Duration;

use tower_breaker_core::{CircuitBreakerConfig, CircuitBreakerConfigBuilder, OnCancel, SlidingWindow};

use super::{ms, secs};

fn read(text: &str) -> Result<CircuitBreakerConfig, String> {
    let builder: CircuitBreakerConfigBuilder = serde_json::from_str(text).map_err(|error| error.to_string())?;
    builder.build().map_err(|error| error.to_string())
}

#[test]
fn windows_cancel_rules_and_switches_are_read_as_they_are_written() {
    let windows = [
        (r#"{ "calls": 50 }"#, SlidingWindow::calls(50)),
        (r#"{ "time": "5s" }"#, SlidingWindow::time(secs(5))),
        (r#"{ "time": "1m 30s", "buckets": 9 }"#, SlidingWindow::Time(secs(90), 9)),
    ];
    for (text, window) in windows {
        let config = read(&format!(r#"{{ "sliding_window": {text} }}"#)).unwrap();
        assert_eq!(config.sliding_window(), window);
    }
    let rules = [
        (r#""ignore""#, OnCancel::Ignore),
        (r#""failure""#, OnCancel::Failure),
        (r#"{ "failure_after": "250ms" }"#, OnCancel::FailureAfter(ms(250))),
    ];
    for (text, rule) in rules {
        assert_eq!(read(&format!(r#"{{ "on_cancel": {text} }}"#)).unwrap().on_cancel(), rule);
    }
    let switched = read(r#"{ "failure_rate_threshold": false, "failure_threshold": 3, "half_open_timeout": false }"#);
    let switched = switched.unwrap();
    assert_eq!((switched.failure_rate_threshold(), switched.failure_threshold()), (None, Some(3)));
    assert_eq!(switched.half_open_timeout(), None);
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let builders = [
        CircuitBreakerConfig::builder(),
        CircuitBreakerConfig::builder()
            .sliding_window(SlidingWindow::Time(Duration::from_millis(1_500), 3))
            .failure_threshold(4)
            .failure_rate_threshold(None)
            .on_cancel(OnCancel::FailureAfter(ms(20)))
            .max_age(secs(3_600))
            .throttle(2.5),
    ];
    for builder in builders {
        let text = serde_json::to_string(&builder).expect("it is text");
        assert_eq!(read(&text), Ok(builder.build().unwrap()), "{text}");
    }
}

#[test]
fn a_mistake_is_told_what_is_accepted() {
    let mistakes = [
        (r#"{ "open_duration": "soon" }"#, "expected a duration as text, such as \"30s\" or \"1m 30s\""),
        (r#"{ "failure_rate_threshold": true }"#, "expected a value, or false to switch it off"),
        (r#"{ "sliding_window": { "calls": 5, "time": "5s" } }"#, "either { calls = 100 } or { time = \"5s\" }"),
        (r#"{ "sliding_window": { "calls": 5, "buckets": 2 } }"#, "either { calls = 100 } or { time = \"5s\" }"),
        (r#"{ "sliding_window": {} }"#, "either { calls = 100 } or { time = \"5s\" }"),
        (r#"{ "failure_rate": 0.5 }"#, "unknown field `failure_rate`"),
        (r#"{ "failure_rate_threshold": 1.5 }"#, "failure_rate_threshold is 1.5; accepted:"),
    ];
    for (text, accepted) in mistakes {
        let error = read(text).unwrap_err();
        assert!(error.contains(accepted), "{text}: {error}");
    }
}
