//! What one circuit counted, as far as the fleet is told.

use tower_breaker_core::Snapshot;

#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) calls: u64,
    pub(super) failures: u64,
    pub(super) slow: u64,
    pub(super) refused: u64,
}

impl Counted {
    pub(super) const NOTHING: Self = Self { calls: 0, failures: 0, slow: 0, refused: 0 };

    pub(super) const fn of(snapshot: &Snapshot) -> Self {
        let totals = &snapshot.totals;
        let refusals = &snapshot.refusals;
        Self {
            calls: totals.successes + totals.failures,
            failures: totals.failures,
            slow: totals.slow,
            refused: refusals.open.detected + refusals.half_open.detected,
        }
    }

    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            failures: self.failures.saturating_sub(before.failures),
            slow: self.slow.saturating_sub(before.slow),
            refused: self.refused.saturating_sub(before.refused),
        }
    }
}
