//! What is compared. Each row builds both sides when its turn comes.

mod breaker;
mod collector;
mod keyed;
mod stack;
mod threads;
mod time;

use crate::measure::{Effort, Side};

pub(crate) struct Row {
    pub(crate) case: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) bar: f64,
    /// Calls are dear: one in so many of the usual number is made.
    pub(crate) fewer: u64,
    /// A slice begins with threads to start: a round is one slice.
    pub(crate) whole: bool,
    /// Ours, and the peer's.
    pub(crate) sides: fn() -> (Side, Side),
}

impl Row {
    const fn new(case: &'static str, peer: &'static str, bar: f64, sides: fn() -> (Side, Side)) -> Self {
        Self { case, peer, bar, fewer: 1, whole: false, sides }
    }

    pub(crate) const fn effort(&self, usual: Effort) -> Effort {
        let slices = if self.whole { 1 } else { usual.slices };
        Effort { calls: usual.calls / self.fewer, slices, ..usual }
    }
}

const RECLOSER: &str = "recloser";
const FAILSAFE: &str = "failsafe";
const UNREAD: &str = "ours, unread";
const TOWER: &str = "tower";
const TOWER_RESILIENCE: &str = "tower-resilience";

pub(crate) fn all() -> Vec<Row> {
    vec![
        Row::new("closed_count_healthy", RECLOSER, 0.85, breaker::count_healthy_recloser),
        Row::new("closed_count_healthy", TOWER_RESILIENCE, 0.1, breaker::count_healthy_tower_resilience),
        Row::new("closed_default", RECLOSER, 1.0, breaker::default_recloser),
        Row::new("closed_count_10pct", RECLOSER, 1.2, breaker::count_failing_recloser),
        Row::new("closed_consecutive", FAILSAFE, 0.6, breaker::consecutive_failsafe),
        Row::new("closed_time_window", FAILSAFE, 0.5, time::failsafe),
        // Theirs looks at all calls in its window each time, some microseconds long.
        Row { fewer: 20, ..Row::new("closed_time_window_20k", TOWER_RESILIENCE, 0.02, time::full_tower_resilience) },
        Row { whole: true, ..Row::new("contended_2_threads", RECLOSER, 0.4, threads::two_recloser) },
        Row::new("open_refuse", RECLOSER, 0.6, breaker::open_recloser),
        Row::new("keyed_10k", TOWER_RESILIENCE, 0.4, keyed::tower_resilience),
        Row::new("stack_first_try", TOWER_RESILIENCE, 0.2, stack::tower_resilience),
        Row::new("stack_first_try", TOWER, 1.5, stack::tower),
        // A scrape takes longer than a slice.
        Row { whole: true, ..Row::new("with_collector", UNREAD, 1.05, collector::ours) },
    ]
}
