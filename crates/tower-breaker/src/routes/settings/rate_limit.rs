use std::time::Duration;

use super::{
    super::{RoutesError, hint::Level, node::Value},
    Fields, value,
};

pub(in super::super) const FIELDS: &[&str] = &["per_second", "burst", "max_wait"];
const MOST: u32 = 1_000_000;
/// An empty bucket must be full again within this.
const LONGEST_REFILL: f64 = 365.0 * 86_400.0;

/// How many calls may go out in a second: `rate_limit` of a policy.
///
/// | field | default | accepted |
/// |---|---|---|
/// | `per_second`, in the long run; 0.1 is one in ten seconds | | more than 0, up to 1000000 |
/// | `burst`, at once | | 1..=1000000, at most what `per_second` refills within a year |
/// | `max_wait`, how long a call may wait for its turn | `"0s"`: refuse at once | a duration |
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimitSettings {
    per_second: f64,
    burst: u32,
    max_wait: Duration,
}

impl RateLimitSettings {
    /// How many calls a second may go out in the long run.
    #[must_use]
    pub const fn per_second(&self) -> f64 {
        self.per_second
    }

    /// How many may go out at once.
    #[must_use]
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// How long a call may wait for its turn; zero: it is refused at once.
    #[must_use]
    pub const fn max_wait(&self) -> Duration {
        self.max_wait
    }
}

pub(super) fn read(fields: &Fields<'_>) -> Result<RateLimitSettings, RoutesError> {
    const TIME: &str = "a duration as text, such as \"100ms\"";
    fields.only(Level::RateLimit)?;
    let rate = |value: &Value| {
        // `contains` is false for NaN.
        value::number(value).filter(|rate| (f64::MIN_POSITIVE..=f64::from(MOST)).contains(rate))
    };
    let per_second = fields.required("per_second", "more than 0, up to 1000000", rate)?;
    let burst = fields.required("burst", "1..=1000000", value::count(1..=MOST))?;
    if f64::from(burst) / per_second > LONGEST_REFILL {
        return Err(fields.refused("burst", "at most what per_second refills within a year"));
    }
    let max_wait = fields.read("max_wait", TIME, value::duration)?.unwrap_or(Duration::ZERO);
    Ok(RateLimitSettings { per_second, burst, max_wait })
}
