//! What share of the calls a closed circuit admits.

use std::time::Duration;

use tower_breaker_core::{CircuitBreakerConfig, Reason, SlidingWindow};

use super::{Model, Phase};

impl Model {
    /// Closed by probes, or by the fleet's: with a ramp, the row of opens goes on until its end.
    pub(super) fn recover(&mut self) {
        self.recover_after(Duration::ZERO);
    }

    /// With so much of the ramp gone by.
    pub(super) fn recover_after(&mut self, before: Duration) {
        let row = self.opens_in_row;
        self.close();
        if self.config.recovery_ramp().is_some() {
            self.opens_in_row = row;
            self.ramp_from = Some(self.now);
            self.ramp_before = before;
        }
    }

    /// A ramp ends with its time, or when it is switched off; with it ends the row of opens.
    pub(super) fn end_ramp(&mut self) {
        if self.ramp_from.is_some() && self.ramp_end().is_none_or(|end| self.now >= end) {
            self.ramp_from = None;
            self.opens_in_row = 0;
        }
    }

    pub(super) fn ramp_end(&self) -> Option<Duration> {
        Some((self.ramp_from? + self.config.recovery_ramp()?).saturating_sub(self.ramp_before))
    }

    pub(super) fn ramp_age(&self) -> Option<Duration> {
        Some(self.now - self.ramp_from? + self.ramp_before)
    }

    /// From a tenth to all, linearly.
    pub(super) fn ramp_share(&self) -> Option<f64> {
        let age = self.ramp_age()?;
        Some(0.1 + 0.9 * age.as_secs_f64() / self.config.recovery_ramp()?.as_secs_f64())
    }

    /// `max(0, (calls - K * successes) / (calls + 1))`, at most 0.9, once there are `minimum_calls`.
    pub(super) fn throttle_share(&self) -> Option<f64> {
        let factor = self.config.throttle()?;
        if self.phase != Phase::Closed || self.force.is_some() {
            return Some(0.0);
        }
        let ended: Vec<_> =
            self.entries[self.requests_from..].iter().filter(|entry| self.is_in_window(entry.at)).collect();
        let refused = self.throttled.iter().filter(|at| self.is_in_window(**at)).count();
        let successes = ended.iter().filter(|entry| !entry.failure).count();
        let calls = ended.len() + refused;
        if calls < self.config.minimum_calls() as usize {
            return Some(0.0);
        }
        let share = (calls as f64 - factor * successes as f64) / (calls + 1) as f64;
        Some(share.clamp(0.0, 0.9))
    }

    /// Chance has drawn: is that among what may be? Of a share that is nothing no chance is drawn.
    pub(super) fn admit_share(&mut self, drawn: Option<Reason>) -> Result<(), (Reason, Duration)> {
        let may_be = match drawn {
            Some(Reason::Recovering) => self.ramp_from.is_some(),
            Some(Reason::Throttled) => self.throttle_share().is_some_and(|share| share > 0.0),
            _ => false,
        };
        let Some(reason) = drawn.filter(|_| may_be) else { return Ok(()) };
        if reason == Reason::Throttled {
            self.throttled.push(self.now);
        }
        Err((reason, Duration::ZERO))
    }

    /// After a reload: the throttle begins with what the sliding window holds, and with nothing in another geometry.
    pub(super) fn reshape_requests(&mut self, old: &CircuitBreakerConfig) {
        let was_on = old.throttle().is_some();
        let same = old.sliding_window() == self.config.sliding_window();
        if was_on && same {
            return;
        }
        self.throttled.clear();
        self.requests_from = if self.has_rates() { self.window_from } else { self.entries.len() };
    }

    fn is_in_window(&self, at: Duration) -> bool {
        let SlidingWindow::Time(time, buckets) = self.config.sliding_window() else { return false };
        let width = time.as_nanos() / u128::from(buckets);
        at.as_nanos() / width + u128::from(buckets) > self.now.as_nanos() / width
    }
}
