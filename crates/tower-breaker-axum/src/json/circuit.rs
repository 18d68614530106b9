use std::sync::Arc;

use serde::Serialize;
use tower_breaker_core::{Opened, Reason, RefusalCount, Snapshot, State};

use super::{VERSION, config::Config, seconds, text};

/// All circuits.
#[derive(Debug, Serialize)]
pub(crate) struct Circuits {
    version: u32,
    circuits: Vec<Circuit>,
}

impl Circuits {
    pub(crate) fn new(snapshots: Vec<(Arc<str>, Snapshot)>) -> Self {
        let circuits = snapshots.into_iter().map(|(set, snapshot)| Circuit::new(set, snapshot));
        Self { version: VERSION, circuits: circuits.collect() }
    }
}

/// One circuit.
#[derive(Debug, Serialize)]
pub(crate) struct One {
    version: u32,
    #[serde(flatten)]
    circuit: Circuit,
}

impl One {
    pub(crate) fn new(set: Arc<str>, snapshot: Snapshot) -> Self {
        Self { version: VERSION, circuit: Circuit::new(set, snapshot) }
    }
}

#[derive(Debug, Serialize)]
struct Circuit {
    #[serde(serialize_with = "text")]
    name: Arc<str>,
    #[serde(serialize_with = "text")]
    set: Arc<str>,
    state: &'static str,
    mode: &'static str,
    enforcement: f64,
    generation: u64,
    state_age_seconds: f64,
    open_wait_seconds: Option<f64>,
    remaining_seconds: Option<f64>,
    ready_to_probe: bool,
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    ramp_share: Option<f64>,
    ramp_remaining_seconds: Option<f64>,
    throttle_share: Option<f64>,
    in_window: InWindow,
    in_row: InRow,
    total: Total,
    refused: Refused,
    last_opened: Option<LastOpened>,
    last_failure_seconds_ago: Option<f64>,
    config: Config,
}

#[derive(Debug, Serialize)]
struct InWindow {
    calls: u64,
    failures: u64,
    slow: u64,
}

#[derive(Debug, Serialize)]
struct InRow {
    failures: u32,
    successes: u32,
    opens: u32,
}

#[derive(Debug, Serialize)]
struct Total {
    calls: u64,
    successes: u64,
    failures: u64,
    ignored: u64,
    cancelled: u64,
    stale: u64,
    bypassed: u64,
    slow: u64,
    opens: u64,
    half_opens: u64,
    closes: u64,
    fallbacks: u64,
    vetoed: u64,
}

#[derive(Debug, Serialize)]
struct Refused {
    enforced: u64,
    detected: u64,
    open: Count,
    half_open: Count,
    forced_open: Count,
    recovering: Count,
    throttled: Count,
}

#[derive(Debug, Serialize)]
struct Count {
    enforced: u64,
    detected: u64,
}

#[derive(Debug, Serialize)]
struct LastOpened {
    condition: &'static str,
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    failures_in_row: u32,
    seconds_ago: f64,
}

impl Circuit {
    fn new(set: Arc<str>, snapshot: Snapshot) -> Self {
        Self {
            set,
            state: snapshot.state.as_str(),
            mode: snapshot.mode.as_str(),
            enforcement: snapshot.enforcement,
            generation: snapshot.generation,
            state_age_seconds: seconds(snapshot.state_age),
            open_wait_seconds: snapshot.open_wait.map(seconds),
            remaining_seconds: snapshot.open_remaining.map(seconds),
            ready_to_probe: snapshot.ready_to_probe,
            failure_rate: snapshot.failure_rate,
            slow_call_rate: snapshot.slow_call_rate,
            ramp_share: snapshot.ramp_share,
            ramp_remaining_seconds: snapshot.ramp_remaining.map(seconds),
            throttle_share: snapshot.throttle_share,
            in_window: InWindow {
                calls: snapshot.window.calls,
                failures: snapshot.window.failures,
                slow: snapshot.window.slow,
            },
            in_row: InRow {
                failures: snapshot.failures_in_row,
                successes: snapshot.successes_in_row,
                opens: snapshot.opens_in_row,
            },
            total: Total::new(&snapshot),
            refused: Refused {
                enforced: snapshot.refusals.enforced(),
                detected: snapshot.refusals.detected(),
                open: snapshot.refusals.of(Reason::Open).into(),
                half_open: snapshot.refusals.of(Reason::HalfOpen).into(),
                forced_open: snapshot.refusals.of(Reason::ForcedOpen).into(),
                recovering: snapshot.refusals.of(Reason::Recovering).into(),
                throttled: snapshot.refusals.of(Reason::Throttled).into(),
            },
            last_opened: snapshot.last_opened.map(LastOpened::from),
            last_failure_seconds_ago: snapshot.last_failure_age.map(seconds),
            config: Config::new(&snapshot.config),
            name: snapshot.name,
        }
    }
}

impl Total {
    fn new(snapshot: &Snapshot) -> Self {
        let totals = &snapshot.totals;
        let to_closed = |from| snapshot.transitions.between(from, State::Closed);
        Self {
            calls: totals.calls(),
            successes: totals.successes,
            failures: totals.failures,
            ignored: totals.ignored,
            cancelled: totals.cancelled,
            stale: totals.stale,
            bypassed: totals.bypassed,
            slow: totals.slow,
            opens: snapshot.opens,
            half_opens: snapshot.half_opens,
            closes: to_closed(State::Open) + to_closed(State::HalfOpen),
            fallbacks: snapshot.fallbacks,
            vetoed: snapshot.vetoed,
        }
    }
}

impl From<RefusalCount> for Count {
    fn from(count: RefusalCount) -> Self {
        Self { enforced: count.enforced, detected: count.detected }
    }
}

impl From<Opened> for LastOpened {
    fn from(opened: Opened) -> Self {
        Self {
            condition: opened.condition.as_str(),
            failure_rate: opened.failure_rate,
            slow_call_rate: opened.slow_call_rate,
            failures_in_row: opened.failures_in_row,
            seconds_ago: seconds(opened.age),
        }
    }
}
