//! What all services of one layer share.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use fastrand::Rng;
use tower_breaker_core::{Figure, Measure, RetryFigures};

use super::{Budget, RetryConfig};

pub(super) struct Shared {
    pub(super) config: RetryConfig,
    pub(super) budget: Option<Budget>,
    seed: AtomicU64,
    pub(super) meter: Arc<Meter>,
}

impl Shared {
    pub(super) fn new(config: RetryConfig, budget: Option<Budget>, seed: u64, meter: Arc<Meter>) -> Self {
        *meter.budget.lock().unwrap_or_else(PoisonError::into_inner) = budget.clone();
        Self { config, budget, seed: AtomicU64::new(seed), meter }
    }

    /// Where the row of draws is now.
    pub(super) fn seed(&self) -> u64 {
        self.seed.load(Ordering::Relaxed)
    }

    /// A generator for one draw, of a row that the seed decides. No lock, and no state in the calls.
    pub(super) fn chance(&self) -> Rng {
        // The step of splitmix64, odd, so that every seed comes once. Relaxed: a number, which orders nothing.
        Rng::with_seed(self.seed.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed))
    }
}

/// What the clones of one service share with their calls: one count up and one down for all of it.
pub(super) struct Common<S, A> {
    pub(super) layer: Arc<Shared>,
    pub(super) ask: A,
    // Behind a lock because not every service is `Sync`; only a call that is retried takes it.
    spare: Mutex<S>,
}

impl<S, A> Common<S, A> {
    /// `spare` makes the attempts after the first.
    pub(super) const fn new(layer: Arc<Shared>, ask: A, spare: S) -> Self {
        Self { layer, ask, spare: Mutex::new(spare) }
    }

    /// A service for another attempt, which is not ready yet.
    pub(super) fn service(&self) -> S
    where
        S: Clone,
    {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    FirstTry,
    Recovered,
    Exhausted,
    OverBudget,
    Refused,
}

/// Counters, read by whoever exports. All relaxed: each stands for itself.
#[derive(Default)]
pub(super) struct Meter {
    first_try: AtomicU64,
    retries: AtomicU64,
    recovered: AtomicU64,
    exhausted: AtomicU64,
    over_budget: AtomicU64,
    refused: AtomicU64,
    // Of the layer that counts here; only `figures` looks at it.
    budget: Mutex<Option<Budget>>,
}

impl Meter {
    pub(super) fn ended(&self, how: Ended) {
        let counter = match how {
            Ended::FirstTry => &self.first_try,
            Ended::Recovered => &self.recovered,
            Ended::Exhausted => &self.exhausted,
            Ended::OverBudget => &self.over_budget,
            Ended::Refused => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> RetryFigures {
        let budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut figures = RetryFigures::default();
        figures.first_try = read(&self.first_try);
        figures.retries = read(&self.retries);
        figures.recovered = read(&self.recovered);
        figures.exhausted = read(&self.exhausted);
        figures.over_budget = read(&self.over_budget);
        figures.refused = read(&self.refused);
        // Without a budget there is no bound.
        figures.budget_balance = budget.map_or(f64::INFINITY, |budget| budget.balance());
        figures
    }
}

impl Measure for Meter {
    fn measure(&self) -> Figure {
        Figure::Retry(self.figures())
    }
}
