//! What a routes file comes to, for `--check`: every policy with what it inherits and the defaults, and every route.

use std::{fmt::Write as _, path::Path, time::Duration};

use tower_breaker::{CircuitBreakerConfig, HalfOpenRule, Mode, OnCancel, SlidingWindow, routes::RouteKey};

use crate::{
    config::{Config, Policy, Route},
    fallback::Fallback,
};

/// The whole file, readable as a routes file itself.
pub(crate) fn effective(file: &Path, config: &Config) -> String {
    let routes = config.routes().len();
    let policies = config.policies().len();
    let mut text = format!("# {}: {routes} routes under {policies} policies, defaults included\n", file.display());
    for policy in config.policies() {
        text.push_str(&self::policy(policy));
    }
    for route in config.routes() {
        text.push_str(&self::route(route));
    }
    text.truncate(text.trim_end().len());
    text
}

fn policy(policy: &Policy) -> String {
    let name = quoted_unless_bare(policy.name());
    let mut text = format!("\n[policies.{name}]\n");
    let mut field = |name: &str, value: Option<String>| {
        let _ = writeln!(text, "{name} = {}", or_false(value));
    };
    field("timeout", policy.timeout().map(duration));
    field("attempt_timeout", policy.attempt_timeout().map(duration));
    let retry = policy.retry().map(|retry| {
        let (base, max) = (duration(retry.base()), duration(retry.max()));
        let (jitter, budget) = (retry.jitter().as_str(), or_false(retry.budget().map(float)));
        let attempts = retry.attempts();
        format!("{{ attempts = {attempts}, base = {base}, max = {max}, jitter = \"{jitter}\", budget = {budget} }}")
    });
    field("retry", retry);
    let rate_limit = policy.rate_limit().map(|limit| {
        let (rate, burst, max_wait) = (float(limit.per_second()), limit.burst(), duration(limit.max_wait()));
        format!("{{ per_second = {rate}, burst = {burst}, max_wait = {max_wait} }}")
    });
    field("rate_limit", rate_limit);
    let bulkhead = policy.bulkhead().map(|bulkhead| {
        let (places, queue) = (bulkhead.max_concurrent(), bulkhead.max_queue());
        let max_wait = or_false(bulkhead.max_wait().map(duration));
        format!("{{ max_concurrent = {places}, max_queue = {queue}, max_wait = {max_wait} }}")
    });
    field("bulkhead", bulkhead);
    field("fallback", fallback(&policy.extra().fallback));
    match policy.circuit_breaker() {
        None => field("circuit_breaker", None),
        Some(breaker) => {
            let _ = write!(text, "\n[policies.{name}.circuit_breaker]\n{}", fields(breaker));
        }
    }
    text
}

fn fallback(fallback: &Fallback) -> Option<String> {
    match fallback {
        Fallback::Off => None,
        Fallback::Upstream(upstream) => Some(format!("{{ upstream = \"{upstream}\" }}")),
        Fallback::Answer(answer) => Some(answer.to_string()),
    }
}

fn route(route: &Route) -> String {
    let mut text = format!("\n[[routes]]\npath = {:?}\n", route.path());
    if !route.methods().is_empty() {
        let methods: Vec<String> = route.methods().iter().map(|method| format!("{:?}", method.as_str())).collect();
        let _ = writeln!(text, "methods = [{}]", methods.join(", "));
    }
    if let Some(host) = route.host() {
        let _ = writeln!(text, "host = {host:?}");
    }
    let key = match route.key() {
        RouteKey::Host => "host".to_owned(),
        RouteKey::Header(name) => format!("header:{name}"),
        _ => "route".to_owned(),
    };
    let _ = writeln!(text, "policy = {:?}\nkey = {key:?}", route.policy().name());
    let _ = writeln!(text, "{}", route.extra().upstreams);
    text
}

fn fields(breaker: &CircuitBreakerConfig) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: String| {
        let _ = writeln!(text, "{name} = {value}");
    };
    field("failure_threshold", or_false(breaker.failure_threshold()));
    field("failure_rate_threshold", or_false(breaker.failure_rate_threshold().map(float)));
    field("sliding_window", window(breaker.sliding_window()));
    field("minimum_calls", breaker.minimum_calls().to_string());
    field("max_age", or_false(breaker.max_age().map(duration)));
    field("slow_call_duration_threshold", or_false(breaker.slow_call_duration_threshold().map(duration)));
    field("slow_call_rate_threshold", float(breaker.slow_call_rate_threshold()));
    field("open_duration", duration(breaker.open_duration()));
    field("open_duration_multiplier", float(breaker.open_duration_multiplier()));
    field("max_open_duration", duration(breaker.max_open_duration()));
    field("open_duration_jitter", float(breaker.open_duration_jitter()));
    match breaker.half_open() {
        HalfOpenRule::Rate { permitted_calls } => field("permitted_calls", permitted_calls.to_string()),
        HalfOpenRule::Consecutive { success_threshold, max_concurrent } => {
            field("success_threshold", success_threshold.to_string());
            field("half_open_max_concurrent", max_concurrent.to_string());
        }
        other => field("# half_open", format!("{other:?}")),
    }
    field("half_open_timeout", or_false(breaker.half_open_timeout().map(duration)));
    let on_cancel = match breaker.on_cancel() {
        OnCancel::Ignore => "\"ignore\"".to_owned(),
        OnCancel::Failure => "\"failure\"".to_owned(),
        OnCancel::FailureAfter(after) => format!("{{ failure_after = {} }}", duration(after)),
        other => format!("{other:?}"),
    };
    field("on_cancel", on_cancel);
    field("mode", if breaker.mode() == Mode::Observe { "\"observe\"" } else { "\"enforce\"" }.to_owned());
    field("enforcement", float(breaker.enforcement()));
    field("recovery_ramp", or_false(breaker.recovery_ramp().map(duration)));
    field("throttle", or_false(breaker.throttle().map(float)));
    text
}

fn window(window: SlidingWindow) -> String {
    match window {
        SlidingWindow::Calls(calls) => format!("{{ calls = {calls} }}"),
        SlidingWindow::Time(time, buckets) => format!("{{ time = {}, buckets = {buckets} }}", duration(time)),
        other => format!("{other:?}"),
    }
}

fn or_false<T: ToString>(value: Option<T>) -> String {
    value.map_or("false".to_owned(), |value| value.to_string())
}

fn float(value: f64) -> String {
    format!("{value:?}")
}

fn duration(duration: Duration) -> String {
    format!("\"{}\"", humantime::format_duration(duration))
}

fn quoted_unless_bare(name: &str) -> String {
    let bare =
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if bare { name.to_owned() } else { format!("{name:?}") }
}
