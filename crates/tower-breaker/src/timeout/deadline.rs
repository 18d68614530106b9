use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;
use tower_breaker_core::{Figure, Measure, TimedOut, TimeoutFigures, TimeoutKind};

/// When the time of a call is over, and what is said then.
#[derive(Debug)]
pub struct Deadline {
    at: Option<Instant>,
    // In nanoseconds, as half a `Duration` in every call's future. A limit that does not fit is over after 584 years.
    limit: u64,
    kind: TimeoutKind,
    /// Whether what is inside is told of it.
    tells: bool,
    // Only where it is registered: a call then pays for one count up and one down.
    counter: Option<Arc<Counter>>,
}

impl Deadline {
    /// A time that begins `now`; what is beyond the end of time never ends.
    pub(super) fn after(
        now: Instant,
        limit: Duration,
        kind: TimeoutKind,
        tells: bool,
        counter: Option<&Arc<Counter>>,
    ) -> Self {
        let at = now.checked_add(limit);
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Self { at, limit, kind, tells, counter: counter.cloned() }
    }

    /// A time that begins now, and that the caller has set. Nobody is told of it, and it is not counted: it is not ours.
    pub(super) fn of_caller(now: Instant, limit: Duration) -> Self {
        Self::after(now, limit, TimeoutKind::Caller, false, None)
    }

    pub(super) const NEVER: Self =
        Self { at: None, limit: u64::MAX, kind: TimeoutKind::Whole, tells: false, counter: None };

    pub(super) const fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Whether what is inside is to be told when it is over.
    pub(super) const fn tells(&self) -> bool {
        self.tells
    }

    pub(super) const fn take(&mut self) -> Self {
        mem::replace(self, Self::NEVER)
    }

    /// It is over, which is counted.
    pub(super) fn timed_out(self) -> TimedOut {
        if let Some(counter) = &self.counter {
            // Relaxed: a count, that nothing else is concluded from.
            counter.count.fetch_add(1, Relaxed);
        }
        TimedOut::new(self.kind, Duration::from_nanos(self.limit))
    }
}

/// How many calls ran out of their time. Shared by all that one layer makes.
#[derive(Debug)]
pub(super) struct Counter {
    kind: TimeoutKind,
    count: AtomicU64,
}

impl Counter {
    pub(super) const fn new(kind: TimeoutKind) -> Self {
        Self { kind, count: AtomicU64::new(0) }
    }
}

impl Measure for Counter {
    fn measure(&self) -> Figure {
        let mut figures = TimeoutFigures::default();
        let counted = match self.kind {
            TimeoutKind::Attempt => &mut figures.attempt,
            _ => &mut figures.whole,
        };
        *counted = self.count.load(Relaxed);
        Figure::Timeout(figures)
    }
}
