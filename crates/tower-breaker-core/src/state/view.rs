//! Looking at the machine.

use super::{ActiveMode, Cx, Force, Machine, Phase, State, duration, half_open::needed_probes};
use crate::{
    CircuitBreakerConfig, HalfOpenRule, Mode, Reason,
    snapshot::{Counters, Opened, RefusalCount, Refusals, Totals, Transitions},
    window::WindowCounts,
};

/// What callers may act upon without the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Face {
    pub(crate) generation: u64,
    /// Every call is let through, until an event goes through the lock.
    pub(crate) admits: bool,
    /// Until then a plain success only has to be counted: it can neither trip nor fall into another bucket. Zero: never.
    pub(crate) quiet_until: u64,
    /// Until then every call is refused as open. Zero: never.
    pub(crate) refuses_until: u64,
}

impl Machine {
    pub(crate) fn face(&self, cx: &Cx<'_>) -> Face {
        let forced_open = matches!(self.force(), Force::OpenUntil(_));
        let closed = self.phase == Phase::Closed;
        let refuses = self.state() == State::Open && !forced_open && self.refuses_for_certain(cx);
        Face {
            generation: self.generation,
            admits: closed && self.admits_all(cx.config),
            quiet_until: if closed && self.is_quiet(cx.config) { self.steady_until() } else { 0 },
            refuses_until: if refuses { self.retry_at() } else { 0 },
        }
    }

    /// Whether one more plain success decides nothing. It ends a row of failures, which is known when the successes are
    /// absorbed; it lowers every rate; so it can only trip by completing the minimum. `max_age` wants the time of each.
    fn is_quiet(&self, config: &CircuitBreakerConfig) -> bool {
        let counts = self.window.counts();
        let settled = counts.is_clean() || counts.calls >= u64::from(config.minimum_calls());
        settled && config.max_age().is_none() && self.tripping(config).is_none()
    }

    /// Closed, and not by force.
    pub(crate) fn is_plainly_closed(&self) -> bool {
        self.phase == Phase::Closed && self.force() == Force::None
    }

    pub(crate) fn active_mode(&self, config: &CircuitBreakerConfig) -> ActiveMode {
        match (self.force(), self.mode(config)) {
            (Force::OpenUntil(_), _) => ActiveMode::ForcedOpen,
            (Force::Closed, _) => ActiveMode::ForcedClosed,
            (Force::None, Mode::Enforce) => ActiveMode::Enforce,
            (Force::None, Mode::Observe) => ActiveMode::Observe,
        }
    }

    pub(crate) const fn entered(&self) -> u64 {
        self.entered
    }

    /// The whole wait of an open circuit, and what is left of it with any hold; `None` in other states and where a force
    /// has no end.
    pub(crate) fn wait(&self, now: u64) -> Option<(u64, u64)> {
        match (self.force(), self.phase) {
            (Force::OpenUntil(end), _) if end < u64::MAX => {
                Some((end.saturating_sub(self.entered), end.saturating_sub(now)))
            }
            (Force::None, Phase::Open { wait }) => Some((wait, self.retry_at().saturating_sub(now))),
            _ => None,
        }
    }

    /// When time alone will change what is said to a caller: the end of a wait or force, the next deadline of a probe.
    pub(crate) fn next_change(&self, cx: &Cx<'_>) -> Option<u64> {
        let at = match (self.force(), self.phase) {
            (Force::OpenUntil(end), _) => Some(end),
            (Force::Closed, _) | (_, Phase::Closed) => None,
            (_, Phase::Open { .. }) => Some(self.retry_at()),
            (_, Phase::HalfOpen(half_open)) => {
                let deadline = half_open.deadline(self.entered, self.history().probes.front().copied(), cx.config);
                let held = Some(self.history().hold).filter(|hold| *hold > cx.now);
                deadline.into_iter().chain(held).min()
            }
        };
        at.filter(|at| *at < u64::MAX)
    }

    pub(crate) const fn in_row(&self) -> (u32, u32, u32) {
        (self.failures_in_row, self.successes_in_row, self.opens_in_row)
    }

    /// What a verdict is taken over now, and whether that is enough for one.
    pub(crate) fn judged(&self, config: &CircuitBreakerConfig) -> (WindowCounts, bool) {
        let (counts, needed) = match (self.phase, config.half_open()) {
            (Phase::HalfOpen(half_open), HalfOpenRule::Rate { permitted_calls }) => {
                (half_open.counts(), needed_probes(config, permitted_calls))
            }
            (Phase::HalfOpen(half_open), HalfOpenRule::Consecutive { .. }) => (half_open.counts(), u32::MAX),
            (Phase::Closed | Phase::Open { .. }, _) => (self.window.counts(), config.minimum_calls()),
        };
        (counts, config.has_rates() && counts.calls >= u64::from(needed))
    }

    /// Whether it holds a place of its ejection group.
    pub(crate) fn is_ejected(&self) -> bool {
        self.history().ejected
    }

    pub(crate) fn last_opened(&self, now: u64) -> Option<Opened> {
        self.history().opened.map(|opening| Opened {
            condition: opening.condition,
            failure_rate: opening.failure_rate,
            slow_call_rate: opening.slow_call_rate,
            failures_in_row: opening.failures_in_row,
            age: duration(now.saturating_sub(opening.at)),
        })
    }

    pub(crate) fn last_failure(&self) -> Option<u64> {
        self.history().last_failure
    }

    pub(crate) fn counters(&self) -> Counters {
        let history = self.history();
        Counters {
            totals: Totals {
                successes: self.successes,
                failures: history.failures,
                ignored: history.ignored,
                cancelled: history.cancelled,
                stale: history.stale,
                bypassed: history.bypassed,
                slow: history.slow,
            },
            opens: history.opens,
            half_opens: history.half_opens,
            fallbacks: history.fallbacks,
            vetoed: history.vetoed,
            refusals: self.refusals(),
            transitions: Transitions::new(history.transitions),
        }
    }

    fn refusals(&self) -> Refusals {
        let count = |reason: Reason| {
            let [detected, enforced] = self.history().refusals[reason as usize];
            RefusalCount { detected, enforced }
        };
        Refusals {
            open: count(Reason::Open),
            half_open: count(Reason::HalfOpen),
            forced_open: count(Reason::ForcedOpen),
            recovering: count(Reason::Recovering),
            throttled: count(Reason::Throttled),
        }
    }
}
