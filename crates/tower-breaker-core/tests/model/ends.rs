//! A call ends, and what the outcome decides.

use std::time::Duration;

use tower_breaker_core::{Condition, HalfOpenRule, OnCancel, Outcome};

use super::{Entry, Model, Phase, Ticket};

impl Model {
    pub(super) fn record(&mut self, ticket: Ticket, outcome: Outcome, elapsed: Duration) {
        self.look();
        self.end(ticket, Some(outcome), elapsed);
    }

    pub(super) fn cancel(&mut self, ticket: Ticket) {
        self.look();
        let waited = ticket.elapsed(self.now);
        let failed = match self.config.on_cancel() {
            OnCancel::Ignore => false,
            OnCancel::Failure => true,
            OnCancel::FailureAfter(after) => waited >= after,
            other => unreachable!("not a way to judge a dropped permit: {other:?}"),
        };
        self.end(ticket, failed.then_some(Outcome::Failure), waited);
    }

    /// `None`: cancelled.
    fn end(&mut self, ticket: Ticket, outcome: Option<Outcome>, elapsed: Duration) {
        if ticket.bypass {
            self.totals.bypassed += 1;
            return;
        }
        if ticket.generation != self.generation {
            self.totals.stale += 1;
            return;
        }
        if let Phase::HalfOpen { out } = &mut self.phase {
            let place = out.iter().position(|admitted| *admitted == ticket.acquired).expect("the probe is out");
            out.remove(place);
        }
        let wish = if let Some(Outcome::FailureRetryAfter(wish)) = outcome { Some(wish) } else { None };
        let failure = match outcome {
            None => return self.totals.cancelled += 1,
            Some(Outcome::Ignored) => return self.totals.ignored += 1,
            Some(Outcome::Success) => false,
            Some(_) => true,
        };
        let slow = self.config.slow_call_duration_threshold().is_some_and(|most| elapsed > most);
        self.totals.judged(failure, slow);
        if failure {
            self.totals.last_failure = Some(self.now);
        }
        self.entries.push(Entry { at: self.now, failure, slow });
        self.judge(wish);
    }

    /// After each counted outcome: does it open or close?
    fn judge(&mut self, wish: Option<Duration>) {
        if self.force.is_some() {
            return;
        }
        match self.phase {
            Phase::Closed => {
                if let Some(condition) = self.tripping() {
                    self.trip(condition, wish);
                }
            }
            Phase::HalfOpen { .. } => self.judge_half_open(wish),
            Phase::Open { .. } => {}
        }
    }

    fn tripping(&self) -> Option<Condition> {
        let window = self.window();
        let full = window.len() >= self.config.minimum_calls() as usize;
        let in_a_row = self.config.failure_threshold().is_some_and(|most| self.failures_in_row() >= most);
        let little_traffic = self.config.failure_rate_threshold().is_none() || !full;
        let by_rate = if full { self.rate_reached(&window) } else { None };
        by_rate.or((in_a_row && little_traffic).then_some(Condition::FailuresInRow))
    }

    pub(super) fn judge_half_open(&mut self, wish: Option<Duration>) {
        let ended = self.entries.len();
        match self.config.half_open() {
            HalfOpenRule::Consecutive { success_threshold, .. } => {
                if self.entries.iter().any(|entry| entry.failure) {
                    self.open(Condition::ProbeFailed, self.now, wish);
                } else if self.entries.iter().any(|entry| entry.slow) {
                    self.open(Condition::ProbeSlow, self.now, wish);
                } else if ended >= success_threshold as usize {
                    self.recover();
                }
            }
            HalfOpenRule::Rate { permitted_calls } => {
                if ended >= self.config.minimum_calls().min(permitted_calls) as usize {
                    match self.rate_reached(&self.entries) {
                        Some(condition) => self.open(condition, self.now, wish),
                        None => self.recover(),
                    }
                }
            }
            _ => unreachable!("there are two rules"),
        }
    }

    /// The failure rate is looked at first.
    fn rate_reached(&self, entries: &[Entry]) -> Option<Condition> {
        let share = |count: usize| count as f64 / entries.len() as f64;
        let failures = share(entries.iter().filter(|entry| entry.failure).count());
        let slow = share(entries.iter().filter(|entry| entry.slow).count());
        if self.config.failure_rate_threshold().is_some_and(|most| failures >= most) {
            return Some(Condition::FailureRate);
        }
        let slow_counts = self.config.slow_call_duration_threshold().is_some();
        (slow_counts && slow >= self.config.slow_call_rate_threshold()).then_some(Condition::SlowCallRate)
    }
}
