//! What the stages of a stack must know of each other: who refused a call, and that one ran out of time.

use std::{error::Error as StdError, fmt, time::Duration};

use crate::Rejected;

/// A refusal by one of the stages of a stack: the call was not made, so it says nothing about the dependency.
///
/// A refusal *response* carries it as an extension, so that a classifier ignores it and a retry treats it as final
/// wherever the layers stand. A refusal *error* is found by [`Refusal::find`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A circuit breaker refused.
    CircuitOpen(Rejected),
    /// A bulkhead had neither a place nor room in its queue, or the queue did not move in time.
    BulkheadFull(BulkheadFull),
    /// A rate limit had nothing left.
    RateLimited(RateLimited),
}

impl Refusal {
    /// The refusal behind `error`, if there is one anywhere along its `source()`s.
    #[must_use]
    pub fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        along(error, |error| {
            if let Some(rejected) = error.downcast_ref::<Rejected>() {
                Some(Self::CircuitOpen(rejected.clone()))
            } else if let Some(full) = error.downcast_ref::<BulkheadFull>() {
                Some(Self::BulkheadFull(full.clone()))
            } else {
                error.downcast_ref::<RateLimited>().map(|limited| Self::RateLimited(limited.clone()))
            }
        })
    }

    /// How long from now a call would be refused still, as far as the stage knows.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        match self {
            Self::CircuitOpen(rejected) => rejected.remaining(),
            Self::BulkheadFull(_) => Duration::ZERO,
            Self::RateLimited(limited) => limited.retry_after(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CircuitOpen(rejected) => rejected.fmt(f),
            Self::BulkheadFull(full) => full.fmt(f),
            Self::RateLimited(limited) => limited.fmt(f),
        }
    }
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        Self::CircuitOpen(rejected)
    }
}

impl From<BulkheadFull> for Refusal {
    fn from(full: BulkheadFull) -> Self {
        Self::BulkheadFull(full)
    }
}

impl From<RateLimited> for Refusal {
    fn from(limited: RateLimited) -> Self {
        Self::RateLimited(limited)
    }
}

/// A call that a bulkhead did not let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "a refused call must be answered"]
pub struct BulkheadFull {
    waited: Duration,
}

impl BulkheadFull {
    /// Refused after so long in the queue; zero: at once.
    pub const fn new(waited: Duration) -> Self {
        Self { waited }
    }

    /// How long the call had queued.
    #[must_use]
    pub const fn waited(&self) -> Duration {
        self.waited
    }
}

impl fmt::Display for BulkheadFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.waited.is_zero() {
            f.write_str("the bulkhead and its queue are full")
        } else {
            write!(f, "the bulkhead is full, and had no place free for {:?}", self.waited)
        }
    }
}

impl StdError for BulkheadFull {}

/// A call that a rate limit did not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a refused call must be answered"]
pub struct RateLimited {
    retry_after: Duration,
}

impl RateLimited {
    /// Refused until so long from now.
    pub const fn new(retry_after: Duration) -> Self {
        Self { retry_after }
    }

    /// How long until a call would be let through, if no other came before it.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        self.retry_after
    }
}

impl fmt::Display for RateLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the rate limit is reached for another {:?}", self.retry_after)
    }
}

impl StdError for RateLimited {}

/// Which time limit a call ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TimeoutKind {
    /// That of the whole call: readiness, queueing, waits and every attempt.
    Whole,
    /// That of one attempt.
    Attempt,
    /// That of a fallback, which was to answer in the call's place.
    Fallback,
    /// That which the caller brought along, and which was shorter (`grpc-timeout`). It is the caller's choice, and says nothing
    /// about the dependency: a call that ends by it is, to a breaker, one that its caller gave up.
    Caller,
}

impl TimeoutKind {
    /// The kind as a stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Attempt => "attempt",
            Self::Fallback => "fallback",
            Self::Caller => "caller",
        }
    }
}

/// A call that ran out of time.
///
/// It is no refusal: the call was made, so a classifier judges it as a failure and a retry treats it as any timeout
/// ([`TimeoutKind::Caller`] apart). A timeout *response* carries it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedOut {
    kind: TimeoutKind,
    limit: Duration,
}

impl TimedOut {
    /// The limit of this kind was `limit`.
    #[must_use]
    pub const fn new(kind: TimeoutKind, limit: Duration) -> Self {
        Self { kind, limit }
    }

    /// Which limit it was.
    #[must_use]
    pub const fn kind(&self) -> TimeoutKind {
        self.kind
    }

    /// The limit.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }

    /// The timeout behind `error`, if there is one anywhere along its `source()`s.
    #[must_use]
    pub fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        along(error, |error| error.downcast_ref().copied())
    }
}

impl fmt::Display for TimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TimeoutKind::Whole => write!(f, "the call took longer than {:?}", self.limit),
            TimeoutKind::Attempt => write!(f, "the attempt took longer than {:?}", self.limit),
            TimeoutKind::Fallback => write!(f, "the fallback took longer than {:?}", self.limit),
            TimeoutKind::Caller => write!(f, "the call took longer than the {:?} that its caller gave it", self.limit),
        }
    }
}

impl StdError for TimedOut {}

/// That a retry has given up: an extension of the failed response it passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    attempts: u32,
}

impl Exhausted {
    /// Gave up after so many attempts, the first one included.
    #[must_use]
    pub const fn new(attempts: u32) -> Self {
        Self { attempts }
    }

    /// How many attempts were made, the first one included.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }
}

/// What kept a call from being answered by the service: a stage refused it, or its time was over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interruption {
    /// A stage refused; the call was not made.
    Refused(Refusal),
    /// The call, or an attempt at it, took too long.
    TimedOut(TimedOut),
}

impl Interruption {
    /// The interruption behind `error`, if there is one anywhere along its `source()`s.
    #[must_use]
    pub fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        let refused = Refusal::find(error).map(Self::Refused);
        refused.or_else(|| TimedOut::find(error).map(Self::TimedOut))
    }
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::TimedOut(timed_out) => timed_out.fmt(f),
        }
    }
}

impl<R: Into<Refusal>> From<R> for Interruption {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}

/// The first answer along the `source()`s of `error`, itself included.
fn along<T>(error: &(dyn StdError + 'static), find: impl Fn(&(dyn StdError + 'static)) -> Option<T>) -> Option<T> {
    let mut next = Some(error);
    while let Some(error) = next {
        let found = find(error);
        if found.is_some() {
            return found;
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn refusals_and_timeouts_are_found_behind_other_errors() {
        let full = Error::Inner(Error::Inner(BulkheadFull::default()));
        assert_eq!(Refusal::find(&full), Some(Refusal::BulkheadFull(BulkheadFull::default())));
        assert_eq!(TimedOut::find(&full), None);
        let late = TimedOut::new(TimeoutKind::Attempt, Duration::from_secs(1));
        assert_eq!(TimedOut::find(&Error::Inner(late)), Some(late));
        assert_eq!(Refusal::find(&late), None);
    }
}
