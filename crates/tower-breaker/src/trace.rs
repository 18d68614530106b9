//! Events for logs, through `tracing`.
//!
//! Circuits are told of by an observer, [`TraceEvents`]; retries and fallbacks of the stages speak for themselves once the
//! feature `tracing` is on. All events have the target `tower_breaker`:
//!
//! | event | level | fields |
//! |---|---|---|
//! | `circuit opened` | WARN | `circuit`, `from`, `to`, `mode`, `reason`, `failure_rate`, `slow_call_rate`, `wait_ms`, `generation` |
//! | `circuit no longer forced open`: its time is over | INFO | `circuit`, `from`, `to`, `mode`, `generation` |
//! | `circuit changed` (any other transition) | INFO | `circuit`, `from`, `to`, `mode`, `generation` |
//! | `call refused` | DEBUG | `circuit`, `reason`, `enforced`: false for calls that were only observed, and let through |
//! | `fallback answered` | DEBUG | `circuit` where the fallback knows one, `kind`, `cause` |
//! | `retrying` | DEBUG | `attempt`: the number of the one to come, from 2; `wait_ms`: how long it waits first |
//!
//! `reason` of an open is its [`Condition`](crate::Condition) in words, of a refusal its [`Reason`](crate::Reason). `kind` is
//! `value`, `function` or `service`; `cause` is `circuit_open`, `bulkhead_full`, `rate_limited`, `timed_out`, `exhausted`
//! or `failed`. Rates are shares from 0 to 1 and left out below the minimum of calls; waits are in milliseconds. Names are
//! recorded as strings, which subscribers escape: a name from a stranger does not end a line of a log.
//!
//! ```
//! use tower_breaker::{Circuits, TraceEvents};
//!
//! let upstreams = Circuits::builder().name("upstreams").build();
//! upstreams.observe(TraceEvents::new());
//! ```
//!
//! # What it costs
//!
//! A transition costs an event, and transitions are rare. To be told of refusals costs each refusal the circuit's lock, so
//! [`TraceEvents::new`] asks for them only if DEBUG is enabled for this target when it is made.
//!
//! # When not to use it
//!
//! To count: [`Snapshot`](crate::Snapshot)s and the prometheus crate are exact, and an observer slower than the calls misses
//! refusals.

use std::time::Duration;

use tower_breaker_core::{Observe, RefusalEvent, State, Transition};
use tracing::{Level, debug, enabled, info, warn};

/// Tells `tracing` what circuits do. The table of events stands in [`trace`](self).
#[derive(Debug, Clone, Copy)]
pub struct TraceEvents {
    refusals: bool,
}

impl TraceEvents {
    /// Transitions, and refusals if DEBUG is enabled for the target `tower_breaker` now.
    #[must_use]
    pub fn new() -> Self {
        Self { refusals: enabled!(target: "tower_breaker", Level::DEBUG) }
    }

    /// Whether to tell of refusals, whatever is enabled now: where the level may be lowered later.
    #[must_use]
    pub const fn refusals(mut self, refusals: bool) -> Self {
        self.refusals = refusals;
        self
    }
}

impl Default for TraceEvents {
    fn default() -> Self {
        Self::new()
    }
}

impl Observe for TraceEvents {
    fn on_transition(&self, it: &Transition) {
        let (circuit, from, to, mode) = (&*it.circuit, it.from.as_str(), it.to.as_str(), it.mode.as_str());
        let generation = it.generation;
        match (it.to, it.condition) {
            (State::Open, Some(condition)) => warn!(
                target: "tower_breaker",
                circuit, from, to, mode,
                reason = condition.as_str(),
                failure_rate = it.failure_rate,
                slow_call_rate = it.slow_call_rate,
                wait_ms = it.wait.map(millis),
                generation,
                "circuit opened"
            ),
            (State::Open, None) => {
                info!(target: "tower_breaker", circuit, from, to, mode, generation, "circuit no longer forced open");
            }
            _ => info!(target: "tower_breaker", circuit, from, to, mode, generation, "circuit changed"),
        }
    }

    fn on_refusal(&self, it: &RefusalEvent) {
        let (circuit, reason) = (&*it.circuit, it.reason.as_str());
        debug!(target: "tower_breaker", circuit, reason, enforced = it.enforced, "call refused");
    }

    fn wants_refusals(&self) -> bool {
        self.refusals
    }
}

/// An attempt is to be made again.
#[cfg(feature = "retry")]
pub(crate) fn retrying(attempt: u32, wait: Duration) {
    debug!(target: "tower_breaker", attempt, wait_ms = millis(wait), "retrying");
}

/// A fallback answered.
#[cfg(feature = "fallback")]
pub(crate) fn fell_back(circuit: Option<&crate::Circuit>, fell_back: &crate::fallback::FellBack) {
    use crate::{Interruption, Refusal, fallback::Cause};

    let cause = match &fell_back.cause {
        Cause::Interrupted(Interruption::Refused(Refusal::CircuitOpen(_))) => "circuit_open",
        Cause::Interrupted(Interruption::Refused(Refusal::BulkheadFull(_))) => "bulkhead_full",
        Cause::Interrupted(Interruption::Refused(Refusal::RateLimited(_))) => "rate_limited",
        Cause::Interrupted(Interruption::TimedOut(_)) => "timed_out",
        Cause::Exhausted(_) => "exhausted",
        _ => "failed",
    };
    let (circuit, kind) = (circuit.map(crate::Circuit::name), fell_back.kind.as_str());
    debug!(target: "tower_breaker", circuit, kind, cause, "fallback answered");
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
