//! A restart: what outlives it, and what becomes of that.

use std::time::Duration;

use tower_breaker_core::{Condition, Mode, State};

use super::{Force, Model, Phase};

/// What the model says of itself before: neither windows nor totals.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    state: State,
    /// A forced open with what is left of it.
    force: Option<Forced>,
    mode: Option<Mode>,
    enforcement: Option<f64>,
    opens_in_row: u32,
    remaining: Duration,
    ramp_age: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
enum Forced {
    Open(Option<Duration>),
    Closed,
}

impl Model {
    /// `None`: closed and through with its recovery, and nothing set by hand. Nobody need know.
    pub(super) fn keep(&mut self) -> Option<Kept> {
        self.look();
        let force = self.force.map(|force| match force {
            Force::Open { until } => Forced::Open(until.map(|until| until - self.now)),
            Force::Closed => Forced::Closed,
        });
        let by_hand = force.is_some() || self.mode_by_hand.is_some() || self.enforcement_by_hand.is_some();
        let ramp_age = self.ramp_age();
        (by_hand || self.phase != Phase::Closed || ramp_age.is_some()).then(|| Kept {
            state: self.phase.state(),
            force,
            mode: self.mode_by_hand,
            enforcement: self.enforcement_by_hand,
            opens_in_row: self.opens_in_row,
            remaining: self.open_remaining().unwrap_or_default(),
            ramp_age,
        })
    }

    /// So much wall time later. What was set by hand since the start stands.
    pub(super) fn restore(&mut self, kept: Kept, passed: Duration) {
        self.look();
        self.mode_by_hand = self.mode_by_hand.or(kept.mode);
        self.enforcement_by_hand = self.enforcement_by_hand.or(kept.enforcement);
        if self.force.is_some() {
            return;
        }
        match (kept.force, kept.state) {
            (Some(Forced::Open(left)), _) => {
                self.opens_in_row = kept.opens_in_row;
                self.force_open(left.map(|left| self.now + left.saturating_sub(passed)));
            }
            (Some(Forced::Closed), _) => self.force_closed(),
            (None, State::Closed) => {
                self.opens_in_row = kept.opens_in_row;
                match kept.ramp_age {
                    Some(age) => self.recover_after(age + passed),
                    None => self.close(),
                }
            }
            // Half-open comes back as open with the wait over.
            (None, State::Open | State::HalfOpen) => {
                self.opens_in_row = kept.opens_in_row;
                let wait = kept.remaining.saturating_sub(passed).min(self.config.max_open_duration());
                self.open_from_outside(Condition::Restored, wait);
            }
        }
    }
}
