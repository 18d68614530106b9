//! A restart: what is exported before, and taken over after.

use super::{Condition, Cx, Force, Machine, State};
use crate::{Mode, clock::nanos};

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
    /// How many nanoseconds of a recovery ramp had passed.
    pub(crate) ramp_age: Option<u64>,
    /// Of a forced open, in nanoseconds; `u64::MAX` without an end.
    pub(crate) forced_open_for: Option<u64>,
}

impl Machine {
    /// Mode and enforcement set by hand.
    pub(crate) fn by_hand(&self) -> (Option<Mode>, Option<f64>) {
        (self.history().mode, self.history().enforcement)
    }

    /// What is left of a forced open, `u64::MAX` without an end.
    pub(crate) fn forced_open_for(&self, now: u64) -> Option<u64> {
        match self.force() {
            Force::OpenUntil(u64::MAX) => Some(u64::MAX),
            Force::OpenUntil(end) => Some(end.saturating_sub(now)),
            Force::None | Force::Closed => None,
        }
    }

    pub(crate) fn is_forced_closed(&self) -> bool {
        self.force() == Force::Closed
    }

    /// Takes over what was exported before a restart, in a new generation; what was set by hand since stands.
    pub(crate) fn restore(&mut self, cx: &mut Cx<'_>, restored: Restored) {
        let (commands, last_reset) = (self.history().commands, self.history().last_reset);
        self.take_over(cx, restored);
        // Nobody commanded it now.
        if let Some(history) = self.history.as_deref_mut() {
            (history.commands, history.last_reset) = (commands, last_reset);
        }
    }

    fn take_over(&mut self, cx: &mut Cx<'_>, restored: Restored) {
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
            match restored.ramp_age {
                Some(age) => self.recover_after(cx, age, restored.opens_in_row),
                None => self.close(cx),
            }
        } else {
            self.opens_in_row = restored.opens_in_row;
            let wait = restored.remaining.min(nanos(cx.config.max_open_duration()));
            self.take_place_if_free(cx);
            self.enter_open(cx, cx.now, Condition::Restored, wait);
        }
    }
}
