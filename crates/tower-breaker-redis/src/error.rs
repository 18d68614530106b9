use std::{error::Error as StdError, fmt, time::Duration};

/// A fleet that cannot be: which setting, what it was, what would be accepted. A Redis that is away is no such error: the fleet
/// starts, says so, and joins when it can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidFleet {
    field: &'static str,
    value: String,
    accepted: String,
}

impl InvalidFleet {
    pub(crate) fn new(field: &'static str, value: impl fmt::Debug, accepted: &str) -> Self {
        Self { field, value: format!("{value:?}"), accepted: accepted.to_owned() }
    }

    /// `shown` has no password in it.
    pub(crate) fn url(shown: &str, why: &str, accepted: &str) -> Self {
        Self { field: "url", value: format!("{shown:?} ({why})"), accepted: accepted.to_owned() }
    }

    /// The setting, as the builder names it.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// What it was set to, without a password.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What would be accepted.
    #[must_use]
    pub fn accepted(&self) -> &str {
        &self.accepted
    }
}

impl fmt::Display for InvalidFleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}; accepted: {}", self.field, self.value, self.accepted)
    }
}

impl StdError for InvalidFleet {}

/// `duration` if it is in the range.
pub(crate) fn within(
    field: &'static str,
    duration: Duration,
    range: std::ops::RangeInclusive<Duration>,
) -> Result<Duration, InvalidFleet> {
    if range.contains(&duration) {
        return Ok(duration);
    }
    Err(InvalidFleet::new(field, duration, &format!("{:?}..={:?}", range.start(), range.end())))
}
