//! Why the model last opened.

use std::time::Duration;

use tower_breaker_core::Condition;

use super::{Model, Phase};

#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub(super) condition: Condition,
    pub(super) at: Duration,
    /// What was true at that moment; nobody asks where it was open already.
    pub(super) seen: Option<Seen>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub(super) rates: (Option<f64>, Option<f64>),
    pub(super) failures_in_row: u32,
}

impl Model {
    /// Before it opens.
    pub(super) fn note_open(&mut self, condition: Condition, at: Duration) {
        let was_open = matches!(self.phase, Phase::Open { .. });
        let seen = (!was_open).then(|| Seen { rates: self.rates(), failures_in_row: self.failures_in_row() });
        self.opened = Some(Opened { condition, at, seen });
    }
}
