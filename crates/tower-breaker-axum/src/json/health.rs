use std::{
    fmt::Write as _,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::Serialize;
use serde_json::Value;
use tower_breaker_core::{Snapshot, State};

use super::{
    VERSION,
    config::{duration, or_off},
    seconds, text,
};

/// All circuits in short, and whether one of them keeps calls away.
#[derive(Debug, Serialize)]
pub(crate) struct Health {
    version: u32,
    healthy: bool,
    open_circuits: Vec<String>,
    all_circuits: Vec<Circuit>,
}

#[derive(Debug, Serialize)]
struct Circuit {
    #[serde(serialize_with = "text")]
    name: Arc<str>,
    #[serde(serialize_with = "text")]
    set: Arc<str>,
    state: &'static str,
    mode: &'static str,
    ready_to_probe: bool,
    remaining_seconds: Option<f64>,
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    calls_in_window: u64,
    failures_in_row: u32,
    opens_in_row: u32,
    success_count: u64,
    failure_count: u64,
    refused_count: u64,
    last_failure_time: Option<String>,
    state_age_seconds: f64,
    failure_threshold: Value,
    failure_rate_threshold: Value,
    open_duration: String,
}

impl Health {
    pub(crate) fn new(snapshots: Vec<(Arc<str>, Snapshot)>, now: SystemTime) -> Self {
        let open = || snapshots.iter().map(|(_, snapshot)| snapshot).filter(|snapshot| snapshot.state == State::Open);
        Self {
            version: VERSION,
            // One that is ready to probe and waits for a call is left out: transitions are lazy, and a balancer that sends
            // nothing because of it would keep it open for ever.
            healthy: !open().any(|snapshot| !snapshot.ready_to_probe),
            open_circuits: open().map(|snapshot| snapshot.name.to_string()).collect(),
            all_circuits: snapshots.into_iter().map(|(set, snapshot)| Circuit::new(set, snapshot, now)).collect(),
        }
    }
}

impl Circuit {
    fn new(set: Arc<str>, snapshot: Snapshot, now: SystemTime) -> Self {
        Self {
            set,
            state: snapshot.state.as_str(),
            mode: snapshot.mode.as_str(),
            ready_to_probe: snapshot.ready_to_probe,
            remaining_seconds: snapshot.open_remaining.map(seconds),
            failure_rate: snapshot.failure_rate,
            slow_call_rate: snapshot.slow_call_rate,
            calls_in_window: snapshot.window.calls,
            failures_in_row: snapshot.failures_in_row,
            opens_in_row: snapshot.opens_in_row,
            success_count: snapshot.totals.successes,
            failure_count: snapshot.totals.failures,
            refused_count: snapshot.refusals.enforced(),
            last_failure_time: snapshot.last_failure_age.and_then(|age| time(now, age)),
            state_age_seconds: seconds(snapshot.state_age),
            failure_threshold: or_off(snapshot.config.failure_threshold()),
            failure_rate_threshold: or_off(snapshot.config.failure_rate_threshold()),
            open_duration: duration(snapshot.config.open_duration()),
            name: snapshot.name,
        }
    }
}

/// What the clock on the wall showed `age` ago. `None`: before 1970, for a strange clock.
fn time(now: SystemTime, age: Duration) -> Option<String> {
    let at = now.checked_sub(age).filter(|at| *at >= SystemTime::UNIX_EPOCH)?;
    let mut text = String::new();
    // After the year 9999 it says nothing either.
    write!(text, "{}", humantime::format_rfc3339_millis(at)).is_ok().then_some(text)
}
