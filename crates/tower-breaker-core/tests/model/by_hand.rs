//! What is done to the model by hand: by an operator, the fleet, a reload.

use std::{mem, time::Duration};

use tower_breaker_core::{CircuitBreakerConfig, Condition, SlidingWindow};

use super::{Force, Model, NEVER, Phase};

impl Model {
    pub(super) fn force_open(&mut self, until: Option<Duration>) {
        self.look();
        self.note_open(Condition::Forced, self.now);
        self.force = Some(Force::Open { until });
        self.held_until = Duration::ZERO;
        self.enter(Phase::Open { wait: NEVER }, self.now);
    }

    pub(super) fn force_closed(&mut self) {
        self.look();
        self.force = Some(Force::Closed);
        self.close();
    }

    pub(super) fn reset(&mut self) {
        self.look();
        self.last_reset = self.commands;
        self.force = None;
        self.mode_by_hand = None;
        self.enforcement_by_hand = None;
        self.close();
    }

    pub(super) fn remote_open(&mut self, wait: Duration) {
        self.look();
        if self.force.is_none() {
            self.open_from_outside(Condition::Remote, wait);
        }
    }

    /// Outside the row, and whether the group likes it or not.
    pub(super) fn open_from_outside(&mut self, condition: Condition, wait: Duration) {
        if let Some(group) = &mut self.group {
            group.takes_place();
        }
        self.totals.opens += 1;
        self.note_open(condition, self.now);
        self.enter(Phase::Open { wait }, self.now);
    }

    pub(super) fn remote_close(&mut self) {
        self.look();
        if self.force.is_none() && self.phase != Phase::Closed {
            self.recover();
        }
    }

    pub(super) fn hold_probes(&mut self, most: Duration) {
        self.look();
        if self.force.is_none() && self.phase != Phase::Closed {
            self.held_until = self.now + most;
        }
    }

    pub(super) fn reconfigure(&mut self, config: CircuitBreakerConfig) {
        self.look();
        let had_rates = self.has_rates();
        let old = mem::replace(&mut self.config, config);
        match (old.sliding_window(), self.config.sliding_window()) {
            _ if !had_rates => self.window_from = self.entries.len(),
            (SlidingWindow::Calls(kept), SlidingWindow::Calls(_)) => {
                self.window_from = self.window_from.max(self.entries.len().saturating_sub(kept as usize));
            }
            (then, now) if then == now => {}
            _ => self.window_from = self.entries.len(),
        }
        self.reshape_requests(&old);
        if old.max_age().is_none() {
            self.ages_from = self.now;
        }
        match &mut self.phase {
            Phase::Open { wait } if self.force.is_none() => *wait = (*wait).min(self.config.max_open_duration()),
            Phase::HalfOpen { .. } => {
                let rule = |config: &CircuitBreakerConfig| mem::discriminant(&config.half_open());
                if rule(&old) == rule(&self.config) {
                    self.judge_half_open(None);
                } else {
                    self.enter(Phase::HalfOpen { out: Vec::new() }, self.now);
                }
            }
            _ => {}
        }
        self.look();
    }
}
