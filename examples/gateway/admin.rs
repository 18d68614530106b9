//! What the admin address shows: `GET /health/circuits`.

use axum::{Json, Router, extract::State, routing::get};
use http::StatusCode;
use serde::Serialize;
use tower_breaker::{Snapshot, State as CircuitState};

use crate::{answer, config::Table};

pub(crate) fn router(table: Table) -> Router {
    Router::new()
        .route("/health/circuits", get(circuits))
        .fallback(async || answer::problem(StatusCode::NOT_FOUND, "there is /health/circuits"))
        .with_state(table)
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
