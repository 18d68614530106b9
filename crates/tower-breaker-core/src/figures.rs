//! What the stages around a circuit count, for exporters that know this crate alone.
//!
//! A stage registers what it shares between its clones; whoever exports reads it when asked. A call never pays for that. A
//! stage that is gone is no longer listed.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use crate::sync::Mutex;

/// The figures of one stage at one moment. Counters only grow over the stage's life.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Figure {
    /// Of a retry.
    Retry(RetryFigures),
    /// Of a bulkhead.
    Bulkhead(BulkheadFigures),
    /// Of a rate limit.
    RateLimit(RateLimitFigures),
    /// Of a timeout.
    Timeout(TimeoutFigures),
}

/// What became of calls that may be retried, by how they ended, and the budget.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct RetryFigures {
    /// Calls that ended at their first attempt, well or not to be retried.
    pub first_try: u64,
    /// Retries made: attempts after the first.
    pub retries: u64,
    /// Calls that ended well after a retry.
    pub recovered: u64,
    /// Calls that failed at their last attempt.
    pub exhausted: u64,
    /// Retries the budget did not allow.
    pub over_budget: u64,
    /// Retries not begun, or not made after the wait, because the circuit refused.
    pub refused: u64,
    /// Retries the budget would allow now.
    pub budget_balance: f64,
}

/// Who is in a bulkhead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BulkheadFigures {
    /// Places taken now.
    pub in_use: u64,
    /// Calls queued now.
    pub queued: u64,
    /// Places there are.
    pub max_concurrent: u64,
    /// Calls refused.
    pub rejected: u64,
}

/// What a rate limit refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RateLimitFigures {
    /// Calls refused.
    pub limited: u64,
}

/// What ran out of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TimeoutFigures {
    /// Whole calls.
    pub whole: u64,
    /// Attempts.
    pub attempt: u64,
}

/// Something that can say its figures.
///
/// ```
/// use std::sync::{Arc, atomic::{AtomicU64, Ordering::Relaxed}};
/// use tower_breaker_core::{Figure, Figures, Measure, RateLimitFigures};
///
/// struct Refused(AtomicU64);
///
/// impl Measure for Refused {
///     fn measure(&self) -> Figure {
///         // Fields may be added to them, so they begin as the default.
///         let mut figures = RateLimitFigures::default();
///         figures.limited = self.0.load(Relaxed);
///         Figure::RateLimit(figures)
///     }
/// }
///
/// let (figures, stage) = (Figures::new(), Arc::new(Refused(AtomicU64::new(3))));
/// figures.register("search", &stage);
/// assert!(matches!(figures.list()[..], [(_, Figure::RateLimit(RateLimitFigures { limited: 3, .. }))]));
/// ```
pub trait Measure: Send + Sync + 'static {
    /// The figures now.
    fn measure(&self) -> Figure;
}

/// The stages that exist, by name. Clones are the same register.
#[derive(Clone, Default)]
pub struct Figures {
    stages: Arc<Register>,
}

type Named = (Arc<str>, Weak<dyn Measure>);

struct Register(Mutex<Vec<Named>>);

impl Default for Register {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl Figures {
    /// A register of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lists `stage` under `name` as long as it lives. One that is listed under that name already is listed once.
    pub fn register<M: Measure>(&self, name: impl Into<Arc<str>>, stage: &Arc<M>) {
        let (name, stage): (_, Arc<dyn Measure>) = (name.into(), Arc::<M>::clone(stage));
        let stage = Arc::downgrade(&stage);
        let mut stages = self.stages.0.lock();
        stages.retain(|(_, stage)| stage.strong_count() > 0);
        if !stages.iter().any(|(other, listed)| *other == name && listed.ptr_eq(&stage)) {
            stages.push((name, stage));
        }
    }

    /// The figures of every stage that lives, in the order they were registered.
    #[must_use]
    pub fn list(&self) -> Vec<(Arc<str>, Figure)> {
        // Asked without the lock: a stage's code is not ours.
        let stages = self.stages.0.lock().clone();
        stages.into_iter().filter_map(|(name, stage)| Some((name, stage.upgrade()?.measure()))).collect()
    }
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Fixed(u64);

    impl Measure for Fixed {
        fn measure(&self) -> Figure {
            Figure::RateLimit(RateLimitFigures { limited: self.0 })
        }
    }

    #[test]
    fn a_stage_is_listed_as_long_as_it_lives() {
        let figures = Figures::new();
        let (one, other) = (Arc::new(Fixed(1)), Arc::new(Fixed(2)));
        figures.register("one", &one);
        figures.register("other", &other);
        figures.register("other", &other);
        figures.register("other", &one);
        figures.register("alias", &other);
        let listed = || figures.list().iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>();
        assert_eq!(listed(), ["one", "other", "other", "alias"]);
        drop(one);
        assert_eq!(listed(), ["other", "alias"]);
        assert_eq!(figures.list()[0].1, Figure::RateLimit(RateLimitFigures { limited: 2 }));
        figures.register("other", &other);
        assert_eq!(figures.stages.0.lock().len(), 2, "what is gone is let go with the next that comes");
    }
}
