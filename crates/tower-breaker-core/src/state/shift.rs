//! The entries to the states, and the wait of an open one.

use std::time::Duration;

use super::{ActiveMode, Condition, Cx, Force, HalfOpen, Machine, Phase, State, history::Opening};
use crate::{CircuitBreakerConfig, clock::nanos, observe::Event};

/// A generation began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Change {
    pub(crate) from: State,
    pub(crate) to: State,
    pub(crate) mode: ActiveMode,
    pub(crate) generation: u64,
    /// Where it opened: why, and the rates then.
    pub(crate) condition: Option<Condition>,
    pub(crate) failure_rate: Option<f64>,
    pub(crate) slow_call_rate: Option<f64>,
    /// Of an entry to open.
    pub(crate) wait: Option<u64>,
}

impl Machine {
    /// Opens as one more of the row.
    pub(super) fn open(&mut self, cx: &mut Cx<'_>, at: u64, condition: Condition, wish: Option<Duration>) {
        self.opens_in_row = self.opens_in_row.saturating_add(1);
        let draw = cx.chance.f64();
        let wait = open_wait(cx.config, self.opens_in_row, wish, draw);
        self.enter_open(cx, at, condition, wait);
    }

    /// Opens outside the row.
    pub(super) fn enter_open(&mut self, cx: &mut Cx<'_>, at: u64, condition: Condition, wait: u64) {
        let (failure_rate, slow_call_rate) = self.rates(cx.config);
        let opening = Opening { condition, failure_rate, slow_call_rate, failures_in_row: self.failures_in_row, at };
        let history = self.history_mut();
        history.opens += u64::from(condition != Condition::Forced);
        history.opened = Some(opening);
        self.enter(cx, Phase::Open { wait }, at, Some(opening));
    }

    /// For an open that its ejection group is not asked about: it counts there all the same, if there is room.
    pub(super) fn take_place_if_free(&mut self, cx: &Cx<'_>) {
        if let Some(group) = cx.group
            && !self.history().ejected
            && group.take_place()
        {
            self.history_mut().ejected = true;
        }
    }

    pub(super) fn half_open(&mut self, cx: &mut Cx<'_>) {
        self.history_mut().half_opens += 1;
        self.enter_half_open(cx);
    }

    pub(super) fn enter_half_open(&mut self, cx: &mut Cx<'_>) {
        self.successes_in_row = 0;
        self.failures_in_row = 0;
        self.enter(cx, Phase::HalfOpen(HalfOpen::new(cx.config)), cx.now, None);
    }

    /// Closes: an empty window, an empty row, no opens in a row, no place of the group, nothing held back.
    pub(super) fn close(&mut self, cx: &mut Cx<'_>) {
        self.opens_in_row = 0;
        self.forget_closed();
        self.forget_requests();
        if let Some(history) = self.history.as_deref_mut() {
            history.hold = 0;
            history.last_outcome = None;
            if std::mem::take(&mut history.ejected)
                && let Some(group) = cx.group
            {
                group.give_back_place();
            }
        }
        self.enter(cx, Phase::Closed, cx.now, None);
        self.window.advance(cx.now);
        self.advance_shares(cx);
    }

    pub(super) fn forget_closed(&mut self) {
        self.window.clear();
        self.failures_in_row = 0;
        self.successes_in_row = 0;
    }

    /// Starts a generation, with an `opening` if that is one.
    fn enter(&mut self, cx: &mut Cx<'_>, phase: Phase, at: u64, opening: Option<Opening>) {
        let from = self.state();
        self.generation += 1;
        self.phase = phase;
        self.entered = at;
        if let Some(history) = self.history.as_deref_mut() {
            history.probes.clear();
            history.ramp = None;
        }
        let to = self.state();
        if from != to {
            self.history_mut().transitions[from as usize][to as usize] += 1;
        }
        let mode = self.active_mode(cx.config);
        if let Some(news) = cx.news.as_deref_mut() {
            news.push(Event::Changed(Change {
                from,
                to,
                mode,
                generation: self.generation,
                condition: opening.map(|opening| opening.condition),
                failure_rate: opening.and_then(|opening| opening.failure_rate),
                slow_call_rate: opening.and_then(|opening| opening.slow_call_rate),
                wait: match phase {
                    Phase::Open { wait } => Some(wait),
                    Phase::Closed | Phase::HalfOpen(_) => None,
                },
            }));
        }
    }

    /// The failure and slow call rates that stand now: of the window, or of the probes under the rate rule; `None` below
    /// the minimum and where the rate is not configured.
    pub(crate) fn rates(&self, config: &CircuitBreakerConfig) -> (Option<f64>, Option<f64>) {
        let (counts, enough) = self.judged(config);
        let failure_rate = config.failure_rate_threshold().filter(|_| enough).map(|_| counts.failure_rate());
        let slow_call_rate = config.slow_call_duration_threshold().filter(|_| enough).map(|_| counts.slow_rate());
        (failure_rate, slow_call_rate)
    }

    /// Ends a forced open at `end`: open with the wait over, so that a probe goes and not a flood. Nothing opened then.
    pub(super) fn end_forced_open(&mut self, cx: &mut Cx<'_>, end: u64) {
        self.history_mut().force = Force::None;
        self.enter(cx, Phase::Open { wait: 0 }, end, None);
    }
}

/// How long the n-th open in a row waits: `min(cap, open_duration * multiplier^(n-1))`, shortened by a random share up to
/// the jitter; at least the server's own `wish`, which is spread upward by the jitter and bounded by the cap.
///
/// `draw` is in [0, 1).
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    reason = "`as` saturates"
)]
fn open_wait(config: &CircuitBreakerConfig, opens_in_row: u32, wish: Option<Duration>, draw: f64) -> u64 {
    let cap = nanos(config.max_open_duration());
    let first = nanos(config.open_duration());
    let growth = i32::try_from(opens_in_row.saturating_sub(1)).unwrap_or(i32::MAX);
    // No growth stays in integers, and so exact for every duration.
    let full = match config.open_duration_multiplier().powi(growth) {
        1.0 => first,
        factor => (first as f64 * factor) as u64,
    };
    let spread = |time: u64| (time as f64 * config.open_duration_jitter() * draw) as u64;
    let full = full.min(cap);
    let own = full.saturating_sub(spread(full));
    let wished = wish.map_or(0, nanos);
    own.max(wished.saturating_add(spread(wished)).min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CircuitBreakerConfigBuilder;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn config(set: impl FnOnce(CircuitBreakerConfigBuilder) -> CircuitBreakerConfigBuilder) -> CircuitBreakerConfig {
        let builder = CircuitBreakerConfig::builder().open_duration(seconds(1)).max_open_duration(seconds(10));
        set(builder.open_duration_multiplier(2.0).open_duration_jitter(0.5)).build().unwrap()
    }

    #[test]
    fn the_wait_grows_up_to_its_cap() {
        let config = config(|builder| builder);
        let waits = [1, 2, 3, 4, 5, 6, u32::MAX].map(|opens| open_wait(&config, opens, None, 0.0) / 1_000_000_000);
        assert_eq!(waits, [1, 2, 4, 8, 10, 10, 10]);
    }

    #[test]
    fn jitter_shortens_the_wait_and_lengthens_a_wish() {
        let config = config(|builder| builder);
        assert_eq!(open_wait(&config, 1, None, 0.5), 750_000_000);
        assert_eq!(open_wait(&config, 1, Some(seconds(4)), 0.5), 5_000_000_000);
        assert_eq!(open_wait(&config, 1, Some(seconds(9)), 0.9), 10_000_000_000);
        assert_eq!(open_wait(&config, 1, Some(Duration::MAX), 0.9), 10_000_000_000);
    }

    #[test]
    fn no_duration_overflows() {
        let config = config(|builder| {
            builder.open_duration(Duration::MAX).max_open_duration(Duration::MAX).open_duration_multiplier(f64::MAX)
        });
        assert_eq!(open_wait(&config, u32::MAX, Some(Duration::MAX), 0.0), u64::MAX);
    }
}
