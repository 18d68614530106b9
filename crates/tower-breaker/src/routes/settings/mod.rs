//! The stages around a circuit breaker, as a policy sets them: plain values that have been checked.
//!
//! A stage is gathered field by field along the policies that extend each other and read as one table, whose values still
//! know where they are written.

mod bulkhead;
mod fields;
mod heir;
mod rate_limit;
mod retry;
mod value;

use std::time::Duration;

use tower_breaker_core::{CircuitBreakerConfig, SlidingWindow};

use self::fields::Fields;
pub(super) use self::heir::Heir;
pub use self::{
    bulkhead::BulkheadSettings,
    rate_limit::RateLimitSettings,
    retry::{RetryJitter, RetrySettings},
};
pub(super) use self::{bulkhead::FIELDS as BULKHEAD, rate_limit::FIELDS as RATE_LIMIT, retry::FIELDS as RETRY};
use super::{RoutesError, node::Node};

const ACCEPTED_TIME: &str = "a duration as text, such as \"10s\", more than 0, or false";

/// What a policy says about the stages, all of it read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) timeout: Option<Duration>,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) retry: Option<RetrySettings>,
    pub(super) rate_limit: Option<RateLimitSettings>,
    pub(super) bulkhead: Option<BulkheadSettings>,
}

impl Settings {
    /// Names of the fields read here.
    pub(super) const FIELDS: [&'static str; 5] = ["timeout", "attempt_timeout", "retry", "rate_limit", "bulkhead"];

    /// Reads the settings of a policy from its table and those of the policies it extends, nearest first.
    pub(super) fn read(
        line: &[&Node],
        heir: Heir<'_>,
        breaker: Option<&CircuitBreakerConfig>,
    ) -> Result<Self, RoutesError> {
        let read = Self {
            timeout: time(line, "timeout", heir)?,
            attempt_timeout: time(line, "attempt_timeout", heir)?,
            retry: Fields::gather(line, "retry", heir)?.as_ref().map(retry::read).transpose()?,
            rate_limit: Fields::gather(line, "rate_limit", heir)?.as_ref().map(rate_limit::read).transpose()?,
            bulkhead: Fields::gather(line, "bulkhead", heir)?.as_ref().map(bulkhead::read).transpose()?,
        };
        read.leave_time_for_an_attempt(line, heir)?;
        if let (Some(attempt), Some(breaker)) = (read.attempt_timeout, breaker) {
            windows_see_hung_calls(line, heir, attempt, breaker)?;
        }
        Ok(read)
    }

    fn leave_time_for_an_attempt(&self, line: &[&Node], heir: Heir<'_>) -> Result<(), RoutesError> {
        let (Some(whole), Some(attempt)) = (self.timeout, self.attempt_timeout) else { return Ok(()) };
        if attempt < whole {
            return Ok(());
        }
        let one = nearest(line, "attempt_timeout").filter(|node| heir.wrote(node));
        Err(match (one, nearest(line, "timeout")) {
            (None, Some(node)) if heir.wrote(node) => {
                let accepted = format!("more than attempt_timeout, which is {}", value::text(attempt));
                heir.refused(node, &node.value, accepted)
            }
            _ => {
                let accepted = format!("less than timeout, which is {}", value::text(whole));
                refused_nearest(line, "attempt_timeout", heir, accepted)
            }
        })
    }
}

/// Hung calls are seen when their attempts end, spread over as much time. Where a share of a time window is the only
/// condition and the window is shorter than that, it never holds enough of them.
fn windows_see_hung_calls(
    line: &[&Node],
    heir: Heir<'_>,
    attempt: Duration,
    breaker: &CircuitBreakerConfig,
) -> Result<(), RoutesError> {
    match breaker.sliding_window() {
        SlidingWindow::Time(window, _)
            if breaker.failure_threshold().is_none() && window < attempt.saturating_mul(2) =>
        {
            let window = value::text(window);
            let accepted = format!("at most half the sliding window of {window}, while failure_threshold is off");
            Err(refused_nearest(line, "attempt_timeout", heir, accepted))
        }
        _ => Ok(()),
    }
}

/// A timeout: from the nearest policy that has the field.
fn time(line: &[&Node], name: &str, heir: Heir<'_>) -> Result<Option<Duration>, RoutesError> {
    let Some(node) = nearest(line, name) else { return Ok(None) };
    let read = value::or_off(value::positive)(&node.value);
    read.ok_or_else(|| heir.refused(node, &node.value, ACCEPTED_TIME))
}

fn nearest<'a>(line: &[&'a Node], name: &str) -> Option<&'a Node> {
    line.iter().find_map(|policy| policy.get(name))
}

fn refused_nearest(line: &[&Node], name: &str, heir: Heir<'_>, accepted: String) -> RoutesError {
    // It is written somewhere, or it could not be wrong.
    let node = nearest(line, name).unwrap_or(heir.node);
    heir.refused(node, &node.value, accepted)
}
