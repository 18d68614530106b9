//! What rates are taken over: the last N calls, or the last T of time.
//!
//! A window counts calls, failures and slow calls. Both kinds cost O(1) per call; a time window takes O(buckets) memory
//! however many calls it holds. Plain successes may be told in bulk: a run of them changes nothing else.

mod count;
mod time;

use self::count::CallWindow;
pub(crate) use self::time::TimeWindow;
use crate::config::{CircuitBreakerConfig, SlidingWindow};

/// How many calls a window holds, and how many of them failed or were slow. A slow failure is in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct WindowCounts {
    /// All calls in the window; ignored and cancelled ones are not.
    pub calls: u64,
    /// Those that failed.
    pub failures: u64,
    /// Those that were slow.
    pub slow: u64,
}

impl WindowCounts {
    /// Whether there is nothing but plain successes.
    pub(crate) const fn is_clean(&self) -> bool {
        self.failures == 0 && self.slow == 0
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(crate) fn failure_rate(&self) -> f64 {
        self.failures as f64 / self.calls as f64
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(crate) fn slow_rate(&self) -> f64 {
        self.slow as f64 / self.calls as f64
    }
}

#[derive(Debug)]
pub(crate) enum Window {
    /// No rate is configured: nothing is kept.
    Off,
    Calls(CallWindow),
    Time(TimeWindow),
}

impl Window {
    pub(crate) fn new(config: &CircuitBreakerConfig, now: u64) -> Self {
        if !config.has_rates() {
            return Self::Off;
        }
        match config.sliding_window() {
            SlidingWindow::Calls(calls) => Self::Calls(CallWindow::new(calls)),
            SlidingWindow::Time(time, buckets) => Self::Time(TimeWindow::new(time, buckets, now)),
        }
    }

    /// The window that `config` asks for: a count window keeps its newest outcomes, anything else that changes starts
    /// empty.
    pub(crate) fn reshape(&mut self, config: &CircuitBreakerConfig, now: u64) {
        let wanted = Self::new(config, now);
        match (&mut *self, wanted) {
            (Self::Calls(old), Self::Calls(new)) if old.capacity() == new.capacity() => {}
            (Self::Calls(old), Self::Calls(mut new)) => {
                old.newest(new.capacity()).for_each(|(failure, slow)| new.record(failure, slow));
                *self = Self::Calls(new);
            }
            (Self::Time(old), Self::Time(new)) if old.same_geometry(&new) => {}
            (_, wanted) => *self = wanted,
        }
    }

    /// Whether it counts calls and not time.
    pub(crate) const fn is_of_calls(&self) -> bool {
        matches!(self, Self::Calls(_))
    }

    /// Lets go of what has left the window by `now`.
    pub(crate) fn advance(&mut self, now: u64) {
        if let Self::Time(window) = self {
            window.advance(now);
        }
    }

    pub(crate) fn record(&mut self, failure: bool, slow: bool) {
        match self {
            Self::Off => {}
            Self::Calls(window) => window.record(failure, slow),
            Self::Time(window) => window.record(failure, slow),
        }
    }

    /// `count` plain successes, all since the last `advance`.
    pub(crate) fn record_successes(&mut self, count: u32) {
        match self {
            Self::Off => {}
            Self::Calls(window) => window.record_successes(count),
            Self::Time(window) => window.record_successes(count),
        }
    }

    pub(crate) fn counts(&self) -> WindowCounts {
        match self {
            Self::Off => WindowCounts::default(),
            Self::Calls(window) => window.counts(),
            Self::Time(window) => window.counts(),
        }
    }

    pub(crate) fn clear(&mut self) {
        match self {
            Self::Off => {}
            Self::Calls(window) => window.clear(),
            Self::Time(window) => window.clear(),
        }
    }

    /// The instant up to which only recorded outcomes change the counts.
    pub(crate) fn steady_until(&self) -> u64 {
        match self {
            Self::Off | Self::Calls(_) => u64::MAX,
            Self::Time(window) => window.bucket_end(),
        }
    }
}
