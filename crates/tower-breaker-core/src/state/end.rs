//! A permit ends: with an outcome, or dropped.

use std::time::Duration;

use super::{Condition, Cx, Force, Kind, Machine, Phase, Ticket, half_open::rate_reached};
use crate::{CircuitBreakerConfig, OnCancel, Outcome, clock::nanos};

impl Machine {
    /// A permit ends with `outcome`, or dropped without one, `elapsed` nanoseconds after its admission.
    pub(crate) fn end(&mut self, cx: &mut Cx<'_>, ticket: Ticket, outcome: Option<Outcome>, elapsed: u64) {
        if ticket.kind() == Kind::Bypass {
            self.history_mut().bypassed += 1;
        } else if ticket.generation() != self.generation {
            self.history_mut().stale += 1;
        } else {
            if ticket.kind() == Kind::Probe {
                self.probe_ended(ticket.started);
            }
            self.count(cx, outcome, elapsed);
        }
    }

    /// `count` plain successes of `generation` that were only counted so far. They came after everything else the
    /// machine knows, and before the end of the bucket it knows.
    pub(crate) fn absorb_successes(&mut self, cx: &mut Cx<'_>, generation_is_current: bool, count: u32) {
        if !generation_is_current || self.phase != Phase::Closed {
            self.history_mut().stale += u64::from(count);
            return;
        }
        self.successes += u64::from(count);
        self.failures_in_row = 0;
        self.successes_in_row = self.successes_in_row.saturating_add(count);
        self.window.record_successes(count);
        self.note_successes(count);
        self.judge_window(cx, None);
    }

    fn count(&mut self, cx: &mut Cx<'_>, outcome: Option<Outcome>, elapsed: u64) {
        let outcome = match outcome {
            Some(outcome) => outcome,
            None if silence_is_failure(cx.config, elapsed) => Outcome::Failure,
            None => {
                self.history_mut().cancelled += 1;
                return;
            }
        };
        let failure = outcome.is_failure();
        if !failure && outcome != Outcome::Success {
            self.history_mut().ignored += 1;
            return;
        }
        let slow = cx.config.slow_call_duration_threshold().is_some_and(|after| elapsed > nanos(after));
        if failure || slow {
            let history = self.history_mut();
            history.failures += u64::from(failure);
            history.slow += u64::from(slow);
            if failure {
                history.last_failure = Some(cx.now);
            }
        }
        self.successes += u64::from(!failure);
        match self.phase {
            Phase::Closed => self.count_closed(cx, failure, slow, outcome.retry_after()),
            Phase::HalfOpen(_) => self.probe_answered(cx, failure, slow, outcome.retry_after()),
            // No permit is of an open generation.
            Phase::Open { .. } => {}
        }
    }

    fn count_closed(&mut self, cx: &mut Cx<'_>, failure: bool, slow: bool, wish: Option<Duration>) {
        if cx.config.max_age().is_some() {
            self.history_mut().last_outcome = Some(cx.now);
        }
        self.count_in_row(failure);
        self.window.record(failure, slow);
        self.note_request(failure);
        self.judge_window(cx, wish);
    }

    pub(super) fn count_in_row(&mut self, failure: bool) {
        if failure {
            self.successes_in_row = 0;
            self.failures_in_row = self.failures_in_row.saturating_add(1);
        } else {
            self.failures_in_row = 0;
            self.successes_in_row = self.successes_in_row.saturating_add(1);
        }
    }

    /// After a reload: what is there ages by its last outcome if that is known, or else from now on.
    pub(super) fn age_from_now_on(&mut self, cx: &Cx<'_>) {
        if cx.config.max_age().is_some() {
            self.history_mut().last_outcome.get_or_insert(cx.now);
        } else if let Some(history) = self.history.as_deref_mut() {
            history.last_outcome = None;
        }
    }

    /// With `max_age`, a row or a count window whose last outcome is older is forgotten.
    pub(super) fn forget_old(&mut self, cx: &Cx<'_>) {
        let Some(max_age) = cx.config.max_age() else { return };
        let last = self.history().last_outcome;
        if last.is_some_and(|last| cx.now.saturating_sub(last) > nanos(max_age)) {
            self.failures_in_row = 0;
            self.successes_in_row = 0;
            if self.window.is_of_calls() {
                self.window.clear();
            }
        }
    }

    /// Trips if a condition holds, unless forced closed or vetoed by the group.
    fn judge_window(&mut self, cx: &mut Cx<'_>, wish: Option<Duration>) {
        let Some(condition) = self.tripping(cx.config) else { return };
        if self.force() == Force::Closed {
            return;
        }
        if let Some(group) = cx.group {
            if !group.take_place() {
                self.history_mut().vetoed += 1;
                self.forget_closed();
                return;
            }
            self.history_mut().ejected = true;
        }
        self.open(cx, cx.now, condition, wish);
    }

    /// The condition that holds now. Beside a failure rate, a row decides only while the window is below its minimum.
    pub(super) fn tripping(&self, config: &CircuitBreakerConfig) -> Option<Condition> {
        let counts = self.window.counts();
        let enough = counts.calls >= u64::from(config.minimum_calls());
        let by_rate = if enough { rate_reached(counts, config) } else { None };
        by_rate.or_else(|| {
            let row_decides = config.failure_rate_threshold().is_none() || !enough;
            let threshold = config.failure_threshold().filter(|_| row_decides)?;
            (self.failures_in_row >= threshold).then_some(Condition::FailuresInRow)
        })
    }
}

fn silence_is_failure(config: &CircuitBreakerConfig, elapsed: u64) -> bool {
    match config.on_cancel() {
        OnCancel::Ignore => false,
        OnCancel::Failure => true,
        OnCancel::FailureAfter(after) => elapsed >= nanos(after),
    }
}
