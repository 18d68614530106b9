//! What the admin address shows: the page, the circuits as JSON and events, an operator's commands, `GET /stages`, and
//! `GET /metrics` for Prometheus. Asked for them by another name than its own it refuses.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header::CONTENT_TYPE};
use prometheus::{TEXT_FORMAT, TextEncoder, core::Collector};
use serde::Serialize;
use tower_breaker::Figure;
use tower_breaker_axum::CircuitRoutes;
use tower_breaker_prometheus::CircuitBreakerCollector;

use crate::{answer, config::Table, connections::Connections, stages::Stages, vitals};

/// Where an operator's token is looked for. Arguments can be read by everybody on the machine, the environment cannot.
pub(crate) const TOKEN: &str = "GATEWAY_OPERATOR_TOKEN";

/// `host`: the name that `--admin` was given as, if that was a name. An error is one line.
pub(crate) fn router(
    table: &Table,
    stages: &Arc<Stages>,
    connections: &Arc<Connections>,
    token: Option<&str>,
    host: Option<&str>,
) -> Result<Router, String> {
    let mut circuits = CircuitRoutes::new().circuits(table.circuits().clone()).circuits(table.keyed_circuits().clone());
    circuits = circuits.circuits(stages.endpoint_circuits().clone());
    // Beside IP addresses and `localhost`.
    circuits = circuits.allowed_hosts(host).map_err(|error| format!("--admin: {error}"))?;
    if let Some(token) = token {
        circuits = circuits.operator_token(token).map_err(|error| format!("{TOKEN}: {error}"))?;
    }
    let metrics = CircuitBreakerCollector::builder()
        .circuits(table.circuits())
        .circuits(table.keyed_circuits())
        .circuits(stages.endpoint_circuits())
        .figures(table.circuits().name(), stages.figures())
        .build()
        .map_err(|error| error.to_string())?;
    let others = Router::new()
        .route("/metrics", get(self::metrics).with_state((Arc::new(metrics), Arc::clone(connections))))
        .route("/stages", get(self::stages).with_state(Arc::clone(stages)))
        .fallback(async || {
            answer::problem(StatusCode::NOT_FOUND, "the page is at /; see also /circuits, /stages and /metrics")
        });
    Ok(circuits.merge(others).into_router())
}

/// No registry stands in between: there are no other metrics here.
async fn metrics(State((circuits, connections)): State<(Arc<CircuitBreakerCollector>, Arc<Connections>)>) -> Response {
    let mut families = circuits.collect();
    families.extend(vitals::collect(&connections));
    let page = TextEncoder::new().encode_to_string(&families);
    match page {
        Ok(page) => ([(CONTENT_TYPE, TEXT_FORMAT)], page).into_response(),
        Err(error) => answer::problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()).into_response(),
    }
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
