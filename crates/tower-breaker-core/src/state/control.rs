//! An operator, a reload, the fleet, a restart.

use super::{Condition, Cx, Force, Machine, Phase, State, half_open::is_by_rate};
use crate::{Mode, clock::nanos, observe::Event};

/// What an export said of a circuit, with what is left of its times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Restored {
    pub(crate) state: State,
    pub(crate) opens_in_row: u32,
    /// Of the open wait, in nanoseconds.
    pub(crate) remaining: u64,
    pub(crate) mode: Option<Mode>,
    pub(crate) enforcement: Option<f64>,
    pub(crate) forced_closed: bool,
    /// Of a forced open, in nanoseconds; `u64::MAX` without an end.
    pub(crate) forced_open_for: Option<u64>,
}

impl Machine {
    pub(crate) fn force_open(&mut self, cx: &mut Cx<'_>, length: u64) {
        let history = self.history_mut();
        history.force = Force::OpenUntil(cx.now.saturating_add(length));
        history.hold = 0;
        // The machine beneath is frozen: the row of opens stands, and what follows is an open with its wait over.
        self.enter_open(cx, cx.now, Condition::Forced, 0);
    }

    pub(crate) fn force_closed(&mut self, cx: &mut Cx<'_>) {
        self.history_mut().force = Force::Closed;
        self.close(cx);
    }

    /// Back to the configured mode, closed.
    pub(crate) fn reset(&mut self, cx: &mut Cx<'_>) {
        if let Some(history) = self.history.as_deref_mut() {
            history.force = Force::None;
            history.mode = None;
            history.enforcement = None;
        }
        self.close(cx);
    }

    pub(crate) fn set_mode(&mut self, mode: Mode) {
        self.history_mut().mode = Some(mode);
    }

    pub(crate) fn set_enforcement(&mut self, share: f64) {
        self.history_mut().enforcement = Some(share);
    }

    pub(crate) fn count_fallback(&mut self, cx: &mut Cx<'_>) {
        self.history_mut().fallbacks += 1;
        if let Some(news) = cx.news.as_deref_mut() {
            news.push(Event::FellBack);
        }
    }

    /// The configuration in `cx` is new. State, generation, permits in flight and the wait under way stay.
    pub(crate) fn reconfigured(&mut self, cx: &mut Cx<'_>) {
        self.window.reshape(cx.config, cx.now);
        match &mut self.phase {
            Phase::Closed => {}
            Phase::Open { wait } => *wait = (*wait).min(nanos(cx.config.max_open_duration())),
            // Another rule begins anew; of the same one, the new thresholds may already be met.
            Phase::HalfOpen(half_open) if half_open.is_by_rate() != is_by_rate(cx.config) => self.enter_half_open(cx),
            Phase::HalfOpen(_) => self.judge_probes(cx, None),
        }
        self.tick(cx);
    }

    /// The fleet opened: a new generation and this wait, outside the row.
    pub(crate) fn remote_open(&mut self, cx: &mut Cx<'_>, wait: u64) {
        if self.force() == Force::None {
            self.enter_open(cx, cx.now, Condition::Remote, wait);
        }
    }

    /// The fleet closed: as a close by probes.
    pub(crate) fn remote_close(&mut self, cx: &mut Cx<'_>) {
        if self.force() == Force::None && self.phase != Phase::Closed {
            self.close(cx);
        }
    }

    /// Somebody else probes: no probe goes from here for this long.
    pub(crate) fn hold_probes(&mut self, cx: &mut Cx<'_>, length: u64) {
        if self.force() == Force::None && self.phase != Phase::Closed {
            self.history_mut().hold = cx.now.saturating_add(length);
        }
    }

    /// Takes over what was exported before a restart, in a new generation; what was set by hand since stands.
    pub(crate) fn restore(&mut self, cx: &mut Cx<'_>, restored: Restored) {
        let by_hand = self.history();
        let (forced, mode, enforcement) =
            (by_hand.force != Force::None, by_hand.mode.is_some(), by_hand.enforcement.is_some());
        if !mode && let Some(mode) = restored.mode {
            self.set_mode(mode);
        }
        if !enforcement && let Some(share) = restored.enforcement {
            self.set_enforcement(share);
        }
        if forced {
            return;
        }
        if let Some(length) = restored.forced_open_for {
            self.opens_in_row = restored.opens_in_row;
            self.force_open(cx, length);
        } else if restored.forced_closed {
            self.force_closed(cx);
        } else if restored.state == State::Closed {
            self.close(cx);
        } else {
            self.opens_in_row = restored.opens_in_row;
            let wait = restored.remaining.min(nanos(cx.config.max_open_duration()));
            self.enter_open(cx, cx.now, Condition::Restored, wait);
        }
    }
}
