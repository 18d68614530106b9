//! The probes of a half-open circuit and the verdict on them.

use super::{Condition, Cx, Machine, Phase};
use crate::{CircuitBreakerConfig, HalfOpenRule, clock::nanos, window::WindowCounts};

/// The probes that ended, and by which rule they are judged. Those still out stand in `History::probes`; successes in a
/// row are the machine's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HalfOpen {
    by_rate: bool,
    failures: u32,
    slow: u32,
    calls: u32,
}

impl HalfOpen {
    pub(super) const fn new(config: &CircuitBreakerConfig) -> Self {
        Self { by_rate: is_by_rate(config), failures: 0, slow: 0, calls: 0 }
    }

    pub(super) fn record(&mut self, failure: bool, slow: bool) {
        self.calls += 1;
        self.failures += u32::from(failure);
        self.slow += u32::from(slow);
    }

    pub(super) fn counts(&self) -> WindowCounts {
        WindowCounts { calls: self.calls.into(), failures: self.failures.into(), slow: self.slow.into() }
    }

    pub(super) const fn is_by_rate(&self) -> bool {
        self.by_rate
    }

    /// How many more probes may go: never more than could still be needed.
    pub(super) fn free(&self, out: usize, successes: u32, config: &CircuitBreakerConfig) -> u32 {
        let out = u32::try_from(out).unwrap_or(u32::MAX);
        match config.half_open() {
            HalfOpenRule::Consecutive { success_threshold, max_concurrent } => {
                let needed = success_threshold.saturating_sub(successes.saturating_add(out));
                max_concurrent.saturating_sub(out).min(needed)
            }
            HalfOpenRule::Rate { permitted_calls } => permitted_calls.saturating_sub(self.calls.saturating_add(out)),
        }
    }

    /// When the circuit opens unless a verdict comes first: each probe has its own deadline, or, under the rate rule,
    /// the state has one.
    pub(super) fn deadline(&self, entered: u64, oldest: Option<u64>, config: &CircuitBreakerConfig) -> Option<u64> {
        let from = if self.by_rate { Some(entered) } else { oldest };
        Some(from?.saturating_add(nanos(config.half_open_timeout()?)))
    }
}

pub(super) const fn is_by_rate(config: &CircuitBreakerConfig) -> bool {
    matches!(config.half_open(), HalfOpenRule::Rate { .. })
}

impl Machine {
    /// Takes a probe's place back.
    pub(super) fn probe_ended(&mut self, started: u64) {
        let probes = &mut self.history_mut().probes;
        // Probes admitted at one instant are alike: any of them may go.
        if let Ok(place) = probes.binary_search(&started) {
            probes.remove(place);
        }
    }

    /// A probe answered.
    pub(super) fn probe_answered(
        &mut self,
        cx: &mut Cx<'_>,
        failure: bool,
        slow: bool,
        wish: Option<std::time::Duration>,
    ) {
        let Phase::HalfOpen(half_open) = &mut self.phase else { return };
        half_open.record(failure, slow);
        let by_rate = half_open.by_rate;
        self.count_in_row(failure);
        if !by_rate && failure {
            self.open(cx, cx.now, Condition::ProbeFailed, wish);
        } else if !by_rate && slow {
            self.open(cx, cx.now, Condition::ProbeSlow, wish);
        } else {
            self.judge_probes(cx, wish);
        }
    }

    /// Closes or opens if the probes so far decide; asked again when the thresholds change.
    pub(super) fn judge_probes(&mut self, cx: &mut Cx<'_>, wish: Option<std::time::Duration>) {
        let Phase::HalfOpen(half_open) = self.phase else { return };
        match cx.config.half_open() {
            HalfOpenRule::Consecutive { success_threshold, .. } => {
                if self.successes_in_row >= success_threshold {
                    self.recover(cx);
                }
            }
            HalfOpenRule::Rate { permitted_calls } => {
                let counts = half_open.counts();
                if counts.calls < u64::from(needed_probes(cx.config, permitted_calls)) {
                    return;
                }
                match rate_reached(counts, cx.config) {
                    Some(condition) => self.open(cx, cx.now, condition, wish),
                    None => self.recover(cx),
                }
            }
        }
    }
}

/// The rate rule decides once so many outcomes are in.
pub(super) fn needed_probes(config: &CircuitBreakerConfig, permitted_calls: u32) -> u32 {
    config.minimum_calls().min(permitted_calls)
}

/// The first rate threshold that `counts` reach, whatever their number.
pub(super) fn rate_reached(counts: WindowCounts, config: &CircuitBreakerConfig) -> Option<Condition> {
    if counts.calls == 0 {
        return None;
    }
    if config.failure_rate_threshold().is_some_and(|threshold| counts.failure_rate() >= threshold) {
        return Some(Condition::FailureRate);
    }
    let slow_on = config.slow_call_duration_threshold().is_some();
    (slow_on && counts.slow_rate() >= config.slow_call_rate_threshold()).then_some(Condition::SlowCallRate)
}
