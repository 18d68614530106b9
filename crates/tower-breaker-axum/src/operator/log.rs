//! What was asked for, in the log (feature `tracing`): never the token, and of names no more than a line holds.

use super::action::Action;
use crate::problem::Problem;

/// What filters name, wherever these files stand.
#[cfg(feature = "tracing")]
const TARGET: &str = "tower_breaker_axum";

#[cfg(feature = "tracing")]
pub(super) fn done(action: Action, circuit: &str) {
    tracing::info!(target: TARGET, action = action.as_str(), circuit = ?shown(circuit), "operator command");
}

#[cfg(feature = "tracing")]
pub(super) fn refused(action: &str, circuit: &str, problem: Problem) {
    let status = problem.status.as_u16();
    tracing::warn!(target: TARGET, action, circuit = ?shown(circuit), status, reason = problem.detail, "operator command refused");
}

/// Written with `Debug`, so that line breaks in a name begin no line of the log.
#[cfg(feature = "tracing")]
fn shown(name: &str) -> &str {
    const MOST_BYTES: usize = 200;
    &name[..name.floor_char_boundary(MOST_BYTES)]
}

#[cfg(not(feature = "tracing"))]
pub(super) const fn done(_: Action, _: &str) {}

#[cfg(not(feature = "tracing"))]
pub(super) const fn refused(_: &str, _: &str, _: Problem) {}
