use std::{error::Error as StdError, fmt};

use tower_breaker_core::{Error, Exhausted, Interruption};

/// Why a fallback was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// A stage refused the call, or its time was over.
    Interrupted(Interruption),
    /// Retries have given up, and this is the last attempt's response.
    Exhausted(Exhausted),
    /// The call was made and failed, in a way that a [`Trigger`](super::Trigger) of your choice falls back on.
    Failed,
}

impl Cause {
    /// The refusal or timeout behind `error`, if there is one anywhere along its `source()`s: for triggers of your own
    /// that see boxed errors.
    #[must_use]
    pub fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        Interruption::find(error).map(Self::Interrupted)
    }

    /// Of a stack's error: its refusal or timeout; `None` for a failure of the call itself.
    pub(super) fn of<E>(error: &Error<E>) -> Option<Self> {
        match error {
            Error::TimedOut(timed_out) => Some(Self::Interrupted(Interruption::TimedOut(*timed_out))),
            other => other.refusal().map(|refusal| Self::Interrupted(Interruption::Refused(refusal))),
        }
    }

    /// The refusal or timeout, where it is one.
    #[must_use]
    pub const fn interruption(&self) -> Option<&Interruption> {
        match self {
            Self::Interrupted(interruption) => Some(interruption),
            Self::Exhausted(_) | Self::Failed => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted(interruption) => interruption.fmt(f),
            Self::Exhausted(exhausted) => write!(f, "the call failed {} times", exhausted.attempts()),
            Self::Failed => f.write_str("the call failed"),
        }
    }
}
