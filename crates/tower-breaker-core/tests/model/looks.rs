//! What can be seen of the model.

use std::{collections::BTreeMap, time::Duration};

use tower_breaker_core::{ActiveMode, HalfOpenRule, Mode, Reason, SlidingWindow, State};

use super::{Entry, Force, Model, Phase};

/// Each ended permit adds to exactly one of the first six; `slow` is a subset of successes and failures.
#[derive(Debug, Clone, Default)]
pub(super) struct Totals {
    pub(super) successes: u64,
    pub(super) failures: u64,
    pub(super) ignored: u64,
    pub(super) cancelled: u64,
    pub(super) stale: u64,
    pub(super) bypassed: u64,
    pub(super) slow: u64,
    pub(super) opens: u64,
    pub(super) half_opens: u64,
    /// Trips that the ejection group did not allow.
    pub(super) vetoed: u64,
    /// From one state to another.
    pub(super) transitions: BTreeMap<(&'static str, &'static str), u64>,
    /// By reason: detected, enforced.
    pub(super) refusals: BTreeMap<&'static str, (u64, u64)>,
    pub(super) last_failure: Option<Duration>,
}

impl Totals {
    pub(super) fn judged(&mut self, failure: bool, slow: bool) {
        if failure {
            self.failures += 1;
        } else {
            self.successes += 1;
        }
        self.slow += u64::from(slow);
    }

    pub(super) fn changed(&mut self, from: State, to: State) {
        if from != to {
            *self.transitions.entry((from.as_str(), to.as_str())).or_default() += 1;
        }
    }

    pub(super) fn detected(&self, reason: Reason) -> u64 {
        self.refusals.get(reason.as_str()).map_or(0, |(detected, _)| *detected)
    }

    pub(super) fn refused(&mut self, reason: Reason, enforced: bool) {
        let (detected, carried_out) = self.refusals.entry(reason.as_str()).or_default();
        *detected += 1;
        *carried_out += u64::from(enforced);
    }
}

impl Model {
    pub(super) fn state(&self) -> State {
        match self.force {
            Some(Force::Open { .. }) => State::Open,
            Some(Force::Closed) => State::Closed,
            None => self.phase.state(),
        }
    }

    pub(super) fn mode(&self) -> Mode {
        self.mode_by_hand.unwrap_or_else(|| self.config.mode())
    }

    pub(super) fn enforcement(&self) -> f64 {
        self.enforcement_by_hand.unwrap_or_else(|| self.config.enforcement())
    }

    /// Whether every refusal is carried out.
    pub(super) fn enforces_all(&self) -> bool {
        self.mode() == Mode::Enforce && self.enforcement() == 1.0
    }

    pub(super) fn active_mode(&self) -> ActiveMode {
        match (self.force, self.mode()) {
            (Some(Force::Open { .. }), _) => ActiveMode::ForcedOpen,
            (Some(Force::Closed), _) => ActiveMode::ForcedClosed,
            (None, Mode::Enforce) => ActiveMode::Enforce,
            (None, Mode::Observe) => ActiveMode::Observe,
            (None, mode) => unreachable!("the model has no {mode:?}"),
        }
    }

    /// When an open circuit may probe: its wait is over, and so is any hold.
    pub(super) fn retry_at(&self) -> Option<Duration> {
        match self.phase {
            Phase::Open { wait } => Some(self.entered.saturating_add(wait).max(self.held_until)),
            _ => None,
        }
    }

    pub(super) fn ready_to_probe(&self) -> bool {
        self.force.is_none() && self.retry_at().is_some_and(|at| at <= self.now)
    }

    /// What is left of an open wait or of a timed force.
    pub(super) fn open_remaining(&self) -> Option<Duration> {
        let until = match self.force {
            Some(Force::Open { until }) => until,
            _ => self.retry_at(),
        };
        until.map(|until| until.saturating_sub(self.now))
    }

    /// The whole of it.
    pub(super) fn open_wait(&self) -> Option<Duration> {
        match (self.force, &self.phase) {
            (Some(Force::Open { until }), _) => until.map(|until| until - self.entered),
            (None, Phase::Open { wait }) => Some(*wait),
            _ => None,
        }
    }

    /// The next instant at which time alone changes something.
    pub(super) fn next_edge(&self) -> Option<Duration> {
        let until = match self.force {
            Some(Force::Open { until }) => until,
            _ => self.retry_at().or(self.half_open_deadline()).or(self.ramp_end()),
        };
        until.and_then(|until| until.checked_sub(self.now))
    }

    /// The outcomes in the sliding window now; in half-open, those of the probes.
    pub(super) fn window(&self) -> Vec<Entry> {
        if self.phase != Phase::Closed {
            return self.entries.clone();
        }
        if !self.has_rates() {
            return Vec::new();
        }
        let entries = &self.entries[self.window_from..];
        match self.config.sliding_window() {
            SlidingWindow::Calls(calls) => entries[entries.len().saturating_sub(calls as usize)..].to_vec(),
            SlidingWindow::Time(time, buckets) => {
                let width = time.as_nanos() / u128::from(buckets);
                let bucket = |at: Duration| at.as_nanos() / width;
                let inside = |entry: &&Entry| bucket(entry.at) + u128::from(buckets) > bucket(self.now);
                entries.iter().filter(inside).copied().collect()
            }
            _ => unreachable!("there are two windows"),
        }
    }

    pub(super) fn has_rates(&self) -> bool {
        self.config.failure_rate_threshold().is_some() || self.config.slow_call_duration_threshold().is_some()
    }

    /// The share of failures and of slow calls; `None` below the minimum, where no such rate is configured, and where
    /// probes are not judged by rate.
    pub(super) fn rates(&self) -> (Option<f64>, Option<f64>) {
        let window = self.window();
        let minimum = match (&self.phase, self.config.half_open()) {
            (Phase::HalfOpen { .. }, HalfOpenRule::Rate { permitted_calls }) => {
                self.config.minimum_calls().min(permitted_calls)
            }
            (Phase::HalfOpen { .. }, _) => u32::MAX,
            _ => self.config.minimum_calls(),
        };
        if window.len() < minimum as usize {
            return (None, None);
        }
        let share = |counts: fn(&&Entry) -> bool| window.iter().filter(counts).count() as f64 / window.len() as f64;
        (
            self.config.failure_rate_threshold().map(|_| share(|entry| entry.failure)),
            self.config.slow_call_duration_threshold().map(|_| share(|entry| entry.slow)),
        )
    }

    pub(super) fn failures_in_row(&self) -> u32 {
        self.entries[self.row_from..].iter().rev().take_while(|entry| entry.failure).count() as u32
    }

    pub(super) fn successes_in_row(&self) -> u32 {
        self.entries[self.row_from..].iter().rev().take_while(|entry| !entry.failure).count() as u32
    }
}
