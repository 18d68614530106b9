//! An operator, a reload, the fleet.

use super::{Condition, Cx, Force, Machine, Phase, duration, half_open::is_by_rate};
use crate::{ByHand, Forced, Mode, clock::nanos, observe::Event};

impl Machine {
    pub(crate) fn force_open(&mut self, cx: &mut Cx<'_>, length: u64) {
        let history = self.history_mut();
        history.commands += 1;
        history.force = Force::OpenUntil(cx.now.saturating_add(length));
        history.hold = 0;
        // The machine beneath is frozen: the row of opens stands, and what follows is an open with its wait over.
        self.enter_open(cx, cx.now, Condition::Forced, 0);
    }

    pub(crate) fn force_closed(&mut self, cx: &mut Cx<'_>) {
        let history = self.history_mut();
        history.commands += 1;
        history.force = Force::Closed;
        self.close(cx);
    }

    /// Back to the configured mode, closed.
    pub(crate) fn reset(&mut self, cx: &mut Cx<'_>) {
        let history = self.history_mut();
        history.commands += 1;
        history.last_reset = history.commands;
        history.force = Force::None;
        history.mode = None;
        history.enforcement = None;
        self.close(cx);
    }

    pub(crate) fn set_mode(&mut self, mode: Mode) {
        let history = self.history_mut();
        history.commands += 1;
        history.mode = Some(mode);
    }

    pub(crate) fn set_enforcement(&mut self, share: f64) {
        let history = self.history_mut();
        history.commands += 1;
        history.enforcement = Some(share);
    }

    /// What was set by hand and stands.
    pub(crate) fn commands(&self, now: u64) -> ByHand {
        let history = self.history();
        ByHand {
            commands: history.commands,
            last_reset: history.last_reset,
            force: match history.force {
                Force::None => None,
                Force::OpenUntil(u64::MAX) => Some(Forced::Open),
                Force::OpenUntil(end) => Some(Forced::OpenFor(duration(end.saturating_sub(now)))),
                Force::Closed => Some(Forced::Closed),
            },
            mode: history.mode,
            enforcement: history.enforcement,
        }
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
        self.reshape_shares(cx);
        self.age_from_now_on(cx);
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
            self.take_place_if_free(cx);
            self.enter_open(cx, cx.now, Condition::Remote, wait);
        }
    }

    /// The fleet closed: as a close by probes.
    pub(crate) fn remote_close(&mut self, cx: &mut Cx<'_>) {
        if self.force() == Force::None && self.phase != Phase::Closed {
            self.recover(cx);
        }
    }

    /// Somebody else probes: no probe goes from here for this long.
    pub(crate) fn hold_probes(&mut self, cx: &mut Cx<'_>, length: u64) {
        if self.force() == Force::None && self.phase != Phase::Closed {
            self.history_mut().hold = cx.now.saturating_add(length);
        }
    }
}
