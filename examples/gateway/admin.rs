//! What the admin address shows: `GET /health/circuits`, `GET /stages`.

use std::{collections::BTreeMap, sync::Arc};

use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use serde::Serialize;
use tower_breaker::{Figure, Snapshot, State as CircuitState};

use crate::{answer, config::Table, stages::Stages};

pub(crate) fn router(table: Table, stages: Arc<Stages>) -> Router {
    Router::new()
        .route("/health/circuits", get(circuits).with_state(table))
        .route("/stages", get(self::stages).with_state(stages))
        .fallback(async || answer::problem(StatusCode::NOT_FOUND, "there are /health/circuits and /stages"))
}

/// What the stages of a route have counted, of those that it has.
#[derive(Debug, Default, Serialize)]
struct Counted {
    retry: Option<Retry>,
    rate_limit: Option<RateLimit>,
    bulkhead: Option<Bulkhead>,
    timeouts: Option<Timeouts>,
}

#[derive(Debug, Serialize)]
struct Retry {
    /// Attempts after the first.
    retries: u64,
    /// Calls that ended well after one.
    recovered: u64,
    /// Calls that failed at their last attempt.
    exhausted: u64,
    /// Retries that the budget did not allow.
    over_budget: u64,
}

#[derive(Debug, Serialize)]
struct RateLimit {
    limited: u64,
}

#[derive(Debug, Serialize)]
struct Bulkhead {
    in_use: u64,
    queued: u64,
    max_concurrent: u64,
    rejected: u64,
}

#[derive(Debug, Default, Serialize)]
struct Timeouts {
    whole: u64,
    attempt: u64,
}

async fn stages(State(stages): State<Arc<Stages>>) -> Json<BTreeMap<String, Counted>> {
    let mut all: BTreeMap<String, Counted> = BTreeMap::new();
    for (name, figure) in stages.figures().list() {
        let counted = all.entry(name.to_string()).or_default();
        match figure {
            Figure::Retry(retry) => {
                let (retries, recovered) = (retry.retries, retry.recovered);
                let (exhausted, over_budget) = (retry.exhausted, retry.over_budget);
                counted.retry = Some(Retry { retries, recovered, exhausted, over_budget });
            }
            Figure::RateLimit(limit) => counted.rate_limit = Some(RateLimit { limited: limit.limited }),
            Figure::Bulkhead(bulkhead) => {
                let (in_use, queued) = (bulkhead.in_use, bulkhead.queued);
                let (max_concurrent, rejected) = (bulkhead.max_concurrent, bulkhead.rejected);
                counted.bulkhead = Some(Bulkhead { in_use, queued, max_concurrent, rejected });
            }
            // The one of the whole call and that of each attempt count apart.
            Figure::Timeout(times) => {
                let timeouts = counted.timeouts.get_or_insert_default();
                timeouts.whole += times.whole;
                timeouts.attempt += times.attempt;
            }
            _ => {}
        }
    }
    Json(all)
}

/// All circuits, and whether one of them keeps calls away.
#[derive(Debug, Serialize)]
struct Health {
    /// No circuit is open, those aside that are ready to probe and wait for a call: a balancer that sends none because of
    /// them would keep them open for ever.
    healthy: bool,
    open_circuits: Vec<String>,
    all_circuits: Vec<Circuit>,
}

#[derive(Debug, Serialize)]
struct Circuit {
    name: String,
    state: &'static str,
    mode: &'static str,
    ready_to_probe: bool,
    /// Seconds until it probes; null unless it is open.
    remaining_seconds: Option<f64>,
    /// Of the calls in the window; null below the minimum.
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    calls_in_window: u64,
    /// Since the start.
    success_count: u64,
    failure_count: u64,
    refused_count: u64,
    failures_in_row: u32,
    opens_in_row: u32,
    /// Seconds since the last transition.
    state_age_seconds: f64,
}

async fn circuits(State(table): State<Table>) -> Json<Health> {
    let snapshots = table.snapshots();
    let open = |snapshot: &&Snapshot| snapshot.state == CircuitState::Open;
    Json(Health {
        healthy: !snapshots.iter().filter(open).any(|snapshot| !snapshot.ready_to_probe),
        open_circuits: snapshots.iter().filter(open).map(|snapshot| snapshot.name.to_string()).collect(),
        all_circuits: snapshots.iter().map(Circuit::from).collect(),
    })
}

impl From<&Snapshot> for Circuit {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            name: snapshot.name.to_string(),
            state: snapshot.state.as_str(),
            mode: snapshot.mode.as_str(),
            ready_to_probe: snapshot.ready_to_probe,
            remaining_seconds: snapshot.open_remaining.map(|remaining| remaining.as_secs_f64()),
            failure_rate: snapshot.failure_rate,
            slow_call_rate: snapshot.slow_call_rate,
            calls_in_window: snapshot.window.calls,
            success_count: snapshot.totals.successes,
            failure_count: snapshot.totals.failures,
            refused_count: snapshot.refusals.enforced(),
            failures_in_row: snapshot.failures_in_row,
            opens_in_row: snapshot.opens_in_row,
            state_age_seconds: snapshot.state_age.as_secs_f64(),
        }
    }
}
