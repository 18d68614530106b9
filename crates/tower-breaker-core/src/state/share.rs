//! What share of the calls a closed circuit admits.
//!
//! Two policies, each off unless configured. The *ramp* follows a close by probes: a dependency that answered two probes
//! may not stand the whole load at once. The share admitted grows linearly from a tenth to all; until it is all, the row of
//! opens goes on.
//!
//! The *throttle* is for a dependency that lost a part of its capacity, where a breaker that is all or nothing loses the
//! rest as well. Of the calls in the window it refuses the share `(calls - K * successes) / (calls + 1)`, so that what goes
//! through is about K times what succeeds (adaptive throttling, Google SRE book, chapter 21). Refused calls are among the
//! calls: the window it looks at is the sliding window with each call refused here added as one that did not succeed.
//!
//! A share is drawn under the lock. While it is all, the gate admits without: see [`Machine::admits_all`].

use super::{
    Cx, Force, Machine, Phase,
    admit::{Refused, drawn},
};
use crate::{
    CircuitBreakerConfig, Reason, SlidingWindow,
    clock::nanos,
    window::{TimeWindow, Window, WindowCounts},
};

/// A ramp under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ramp {
    from: u64,
    /// Nanoseconds of it that passed before a restart.
    before: u64,
}

impl Ramp {
    const fn age(self, now: u64) -> u64 {
        now.saturating_sub(self.from).saturating_add(self.before)
    }
}

/// What a ramp begins with.
const FIRST_SHARE: f64 = 0.1;
/// The throttle refuses no larger share: some calls must find out whether all is well again.
const LARGEST_REFUSED: f64 = 0.9;

impl Machine {
    /// Draws whether a call that no verdict refuses is among the share that is admitted. Of what is not closed, or is by
    /// force, that is all.
    pub(super) fn draw(&mut self, cx: &mut Cx<'_>) -> Result<(), Refused> {
        if let Some((share, _)) = self.ramp(cx.config, cx.now)
            && !drawn(cx.chance, share)
        {
            return Err((Reason::Recovering, 0));
        }
        let refused = self.throttle_share(cx.config).unwrap_or_default();
        if refused > 0.0 && drawn(cx.chance, refused) {
            self.note_request(true);
            return Err((Reason::Throttled, 0));
        }
        Ok(())
    }

    /// Closes because the dependency did well: a ramp begins, and the row of opens stands until its end.
    pub(super) fn recover(&mut self, cx: &mut Cx<'_>) {
        self.recover_after(cx, 0, self.opens_in_row);
    }

    /// As [`recover`](Self::recover), with so many nanoseconds of the ramp gone by.
    pub(super) fn recover_after(&mut self, cx: &mut Cx<'_>, before: u64, opens_in_row: u32) {
        self.close(cx);
        if cx.config.recovery_ramp().is_some() {
            self.opens_in_row = opens_in_row;
            self.history_mut().ramp = Some(Ramp { from: cx.now, before });
            self.advance_shares(cx);
        }
    }

    /// What the ramp under way admits, and the nanoseconds until its end.
    pub(crate) fn ramp(&self, config: &CircuitBreakerConfig, now: u64) -> Option<(f64, u64)> {
        let (age, length) = (self.history().ramp?.age(now), nanos(config.recovery_ramp()?));
        let remaining = length.checked_sub(age).filter(|remaining| *remaining > 0)?;
        #[expect(clippy::cast_precision_loss, reason = "a share need not be exact")]
        let grown = age as f64 / length as f64;
        Some((FIRST_SHARE + (1.0 - FIRST_SHARE) * grown, remaining))
    }

    /// How many nanoseconds ago the ramp under way began.
    #[cfg(feature = "serde")]
    pub(crate) fn ramp_age(&self, now: u64) -> Option<u64> {
        Some(self.history().ramp?.age(now))
    }

    /// The share of calls the throttle refuses now; `None` where it is off.
    pub(crate) fn throttle_share(&self, config: &CircuitBreakerConfig) -> Option<f64> {
        let factor = config.throttle()?;
        let acts = self.phase == Phase::Closed && self.force() == Force::None;
        let counts = self.history().requests.as_ref().filter(|_| acts).map(TimeWindow::counts).unwrap_or_default();
        Some(if counts.calls < u64::from(config.minimum_calls()) { 0.0 } else { refused_share(counts, factor) })
    }

    /// Whether a closed circuit admits every call, and goes on doing so while time passes and successes are counted at the
    /// gate. Each bucket must be well by itself: what is old leaves the window without an event. A success only helps.
    pub(super) fn admits_all(&self, config: &CircuitBreakerConfig) -> bool {
        let history = self.history();
        if history.force == Force::Closed {
            return true;
        }
        let well = |requests: &TimeWindow, factor| {
            requests.counts().is_clean()
                || requests.every_bucket(|calls, failures| excess(calls, calls - failures, factor) <= 0.0)
        };
        history.ramp.is_none() && history.requests.as_ref().zip(config.throttle()).is_none_or(|(r, k)| well(r, k))
    }

    /// A request of the throttle's window ended, or was refused by it.
    pub(super) fn note_request(&mut self, in_vain: bool) {
        if let Some(requests) = self.requests_mut() {
            requests.record(in_vain, false);
        }
    }

    pub(super) fn note_successes(&mut self, count: u32) {
        if let Some(requests) = self.requests_mut() {
            requests.record_successes(count);
        }
    }

    pub(super) fn forget_requests(&mut self) {
        if let Some(requests) = self.requests_mut() {
            requests.clear();
        }
    }

    /// What time alone does: a ramp ends, old requests leave.
    pub(super) fn advance_shares(&mut self, cx: &Cx<'_>) {
        if let Some(requests) = self.requests_mut() {
            requests.advance(cx.now);
        }
        if self.history().ramp.is_some() && self.ramp(cx.config, cx.now).is_none() {
            self.history_mut().ramp = None;
            self.opens_in_row = 0;
        }
    }

    /// After a reload: a ramp's new length counts from its start, off ends it.
    pub(super) fn reshape_shares(&mut self, cx: &Cx<'_>) {
        self.reshape_requests(cx.config, cx.now);
        self.advance_shares(cx);
    }

    /// The window that the throttle of `config` asks for. Switched on, it begins with what the sliding window holds.
    pub(super) fn reshape_requests(&mut self, config: &CircuitBreakerConfig, now: u64) {
        let SlidingWindow::Time(time, buckets) = config.sliding_window() else {
            self.drop_requests();
            return;
        };
        if config.throttle().is_none() {
            self.drop_requests();
            return;
        }
        let wanted = TimeWindow::new(time, buckets, now);
        if self.requests_mut().is_some_and(|requests| requests.same_geometry(&wanted)) {
            return;
        }
        let held = match &self.window {
            Window::Time(window) => window.clone(),
            Window::Off | Window::Calls(_) => wanted,
        };
        self.history_mut().requests = Some(held);
    }

    fn drop_requests(&mut self) {
        if let Some(history) = self.history.as_deref_mut() {
            history.requests = None;
        }
    }

    fn requests_mut(&mut self) -> Option<&mut TimeWindow> {
        self.history.as_deref_mut()?.requests.as_mut()
    }

    /// The instant up to which only events change what the windows hold.
    pub(super) fn steady_until(&self) -> u64 {
        let requests = self.history().requests.as_ref().map_or(u64::MAX, TimeWindow::bucket_end);
        self.window.steady_until().min(requests)
    }
}

/// `max(0, (calls - K * successes) / (calls + 1))`, at most 0.9.
fn refused_share(counts: WindowCounts, factor: f64) -> f64 {
    let excess = excess(counts.calls, counts.calls - counts.failures, factor);
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let share = excess / (counts.calls + 1) as f64;
    share.clamp(0.0, LARGEST_REFUSED)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn excess(calls: u64, successes: u64, factor: f64) -> f64 {
    calls as f64 - factor * successes as f64
}
