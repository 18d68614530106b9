//! What can go wrong, as types: a call that was refused, and a configuration that cannot be built.

use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use crate::{BulkheadFull, Interruption, RateLimited, Refusal, TimedOut, name::Name};

/// Why a circuit refused a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[repr(u64)]
pub enum Reason {
    /// The circuit is open and its wait is not over, or probing is held back.
    Open,
    /// The circuit is half-open and every place for a probe is taken.
    HalfOpen,
    /// An operator forced the circuit open.
    ForcedOpen,
    /// The circuit closed a short while ago and lets only a growing share through (`recovery_ramp`).
    Recovering,
    /// Too few of the calls lately succeeded for all to be let through (`throttle`).
    Throttled,
}

impl Reason {
    /// Every reason there is.
    pub const ALL: &[Self] = &[Self::Open, Self::HalfOpen, Self::ForcedOpen, Self::Recovering, Self::Throttled];

    /// The reason as a stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Recovering => "recovering",
            Self::Throttled => "throttled",
        }
    }
}

/// A call that a circuit did not let through.
#[doc(alias("CallNotPermitted", "BrokenCircuit"))]
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a refused call must be answered"]
pub struct Rejected {
    name: Name,
    reason: Reason,
    /// Nanoseconds.
    remaining: u64,
}

impl Rejected {
    #[inline(always)]
    pub(crate) fn new(name: &Arc<str>, reason: Reason, remaining: u64) -> Self {
        Self { name: Name::of(name), reason, remaining }
    }

    /// The name of the circuit that refused.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Why it refused.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// How long the circuit will go on refusing, as far as it knows: the rest of an open wait; zero where only a place
    /// for a probe is missing, or a share is refused and the next call may pass; `open_duration` where a circuit is forced
    /// open without an end.
    #[must_use]
    pub const fn remaining(&self) -> Duration {
        Duration::from_nanos(self.remaining)
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, remaining) = (self.name(), self.remaining());
        match self.reason {
            Reason::Open => write!(f, "circuit `{name}` is open for another {:.1} s", remaining.as_secs_f64()),
            Reason::HalfOpen => write!(f, "circuit `{name}` is half-open and has no place free for a probe"),
            Reason::ForcedOpen => write!(f, "circuit `{name}` is forced open"),
            Reason::Recovering => {
                write!(f, "circuit `{name}` is recovering and lets only a share of the calls through")
            }
            Reason::Throttled => write!(f, "circuit `{name}` is throttled: too few of its calls succeed"),
        }
    }
}

impl StdError for Rejected {}

/// The error of a guarded call: cut short by a stage, or failed on its own.
///
/// One type for a plain circuit, for every layer, and for a whole stack of them. A circuit alone only ever says
/// [`CircuitOpen`](Self::CircuitOpen) or [`Inner`](Self::Inner).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error<E> {
    /// The circuit refused; the call was not made.
    CircuitOpen(Rejected),
    /// The bulkhead was full; the call was not made.
    BulkheadFull(BulkheadFull),
    /// The rate limit was reached; the call was not made.
    RateLimited(RateLimited),
    /// The call, or an attempt at it, took too long.
    TimedOut(TimedOut),
    /// The call was made and failed.
    Inner(E),
}

impl<E> Error<E> {
    /// The refusal, where it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::CircuitOpen(rejected) => Some(Refusal::CircuitOpen(rejected.clone())),
            Self::BulkheadFull(full) => Some(Refusal::BulkheadFull(full.clone())),
            Self::RateLimited(limited) => Some(Refusal::RateLimited(limited.clone())),
            Self::TimedOut(_) | Self::Inner(_) => None,
        }
    }

    /// The circuit's refusal, where it is one.
    #[must_use]
    pub const fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::CircuitOpen(rejected) => Some(rejected),
            _ => None,
        }
    }

    /// The call's own error, where it is one.
    #[must_use]
    pub fn into_inner(self) -> Option<E> {
        match self {
            Self::Inner(error) => Some(error),
            _ => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for Error<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CircuitOpen(rejected) => rejected.fmt(f),
            Self::BulkheadFull(full) => full.fmt(f),
            Self::RateLimited(limited) => limited.fmt(f),
            Self::TimedOut(timed_out) => timed_out.fmt(f),
            Self::Inner(error) => error.fmt(f),
        }
    }
}

// The source is what the variant holds, so that a walk finds it whatever `E` is.
impl<E: StdError + 'static> StdError for Error<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::CircuitOpen(rejected) => Some(rejected),
            Self::BulkheadFull(full) => Some(full),
            Self::RateLimited(limited) => Some(limited),
            Self::TimedOut(timed_out) => Some(timed_out),
            Self::Inner(error) => Some(error),
        }
    }
}

impl<E> From<Rejected> for Error<E> {
    fn from(rejected: Rejected) -> Self {
        Self::CircuitOpen(rejected)
    }
}

impl<E> From<Refusal> for Error<E> {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CircuitOpen(rejected) => Self::CircuitOpen(rejected),
            Refusal::BulkheadFull(full) => Self::BulkheadFull(full),
            Refusal::RateLimited(limited) => Self::RateLimited(limited),
        }
    }
}

impl<E> From<Interruption> for Error<E> {
    fn from(interruption: Interruption) -> Self {
        match interruption {
            Interruption::Refused(refusal) => refusal.into(),
            Interruption::TimedOut(timed_out) => Self::TimedOut(timed_out),
        }
    }
}

impl<E> From<TimedOut> for Error<E> {
    fn from(timed_out: TimedOut) -> Self {
        Self::TimedOut(timed_out)
    }
}

/// A configuration that cannot be built: which field, what it was set to, and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidConfig {
    field: &'static str,
    value: String,
    accepted: &'static str,
}

impl InvalidConfig {
    /// `field` was set to `value`, and takes only what is `accepted`. For layers that are configured too.
    #[must_use]
    pub fn new(field: &'static str, value: impl fmt::Debug, accepted: &'static str) -> Self {
        Self { field, value: format!("{value:?}"), accepted }
    }

    /// The field, as it is named in the builder and in a file.
    #[must_use]
    pub const fn field(&self) -> &'static str {
        self.field
    }

    /// What it was set to.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// What would be accepted.
    #[must_use]
    pub const fn accepted(&self) -> &'static str {
        self.accepted
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}; accepted: {}", self.field, self.value, self.accepted)
    }
}

impl StdError for InvalidConfig {}
