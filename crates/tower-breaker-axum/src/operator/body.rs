//! The body of a command: nothing, or a small JSON object.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::StatusCode;
use serde::Deserialize;
use tokio::time::timeout;
use tower_breaker_core::Mode;

use super::action::{Action, Order};
use crate::problem::Problem;

/// No command needs more.
const MOST_BYTES: usize = 1_024;
/// Nor longer to send.
const MOST_TIME: Duration = Duration::from_secs(10);
/// A force for longer is one without an end.
const LONGEST_FORCE: f64 = 366.0 * 24.0 * 3_600.0;

const BAD_EMPTY: Problem = Problem::new(StatusCode::BAD_REQUEST, "this command takes no body");
const BAD_FORCE: Problem = Problem::new(
    StatusCode::BAD_REQUEST,
    "the body is not accepted; accepted: none, or {\"seconds\": 0.001..=31622400}",
);
const BAD_SHARE: Problem =
    Problem::new(StatusCode::BAD_REQUEST, "the body is not accepted; accepted: {\"enforcement\": 0..=1}");
const TOO_LARGE: Problem =
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 1024 bytes, or broke off");
const TOO_SLOW: Problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come within 10 s");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Force {
    seconds: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Share {
    enforcement: f64,
}

pub(super) async fn read(action: Action, body: Body) -> Result<Order, Problem> {
    let body = timeout(MOST_TIME, to_bytes(body, MOST_BYTES)).await.map_err(|_| TOO_SLOW)?.map_err(|_| TOO_LARGE)?;
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body.trim_ascii() };
    let order = match action {
        Action::ForceOpen => {
            let Force { seconds } = serde_json::from_slice(body).map_err(|_| BAD_FORCE)?;
            if seconds.is_some_and(|seconds| !(0.001..=LONGEST_FORCE).contains(&seconds)) {
                return Err(BAD_FORCE);
            }
            return Ok(Order::ForceOpen(seconds.map(Duration::from_secs_f64)));
        }
        Action::Enforcement => {
            let Share { enforcement } = serde_json::from_slice(body).map_err(|_| BAD_SHARE)?;
            return if (0.0..=1.0).contains(&enforcement) {
                Ok(Order::Enforcement(enforcement))
            } else {
                Err(BAD_SHARE)
            };
        }
        Action::ForceClose => Order::ForceClose,
        Action::Observe => Order::SetMode(Mode::Observe),
        Action::Enforce => Order::SetMode(Mode::Enforce),
        Action::Reset => Order::Reset,
    };
    let Empty {} = serde_json::from_slice(body).map_err(|_| BAD_EMPTY)?;
    Ok(order)
}
