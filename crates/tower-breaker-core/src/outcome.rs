use std::time::Duration;

/// What a call that ended says about the dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The dependency answered as it should.
    Success,
    /// The dependency failed.
    Failure,
    /// The dependency failed and said when to come back (`Retry-After`, `grpc-retry-pushback-ms`). If this outcome opens
    /// the circuit, the wait is at least this long, spread upward by the jitter and bounded by `max_open_duration`.
    FailureRetryAfter(Duration),
    /// The call says nothing about the dependency (the caller's own mistake, say): not counted in windows or rows, and a
    /// probe's place is given back.
    Ignored,
}

impl Outcome {
    /// Whether this is one of the failures.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::FailureRetryAfter(_))
    }

    /// The server's own wish, where it carries one.
    pub(crate) const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::FailureRetryAfter(wish) => Some(wish),
            _ => None,
        }
    }
}
