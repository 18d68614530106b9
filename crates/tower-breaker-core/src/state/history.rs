use std::collections::VecDeque;

use super::{Condition, Force, share::Ramp};
use crate::{Mode, Reason, window::TimeWindow};

/// What most circuits never need: made at the first event that is not a plain success.
#[derive(Debug)]
pub(super) struct History {
    pub(super) failures: u64,
    pub(super) ignored: u64,
    pub(super) cancelled: u64,
    pub(super) stale: u64,
    pub(super) bypassed: u64,
    pub(super) slow: u64,
    pub(super) fallbacks: u64,
    pub(super) opens: u64,
    pub(super) half_opens: u64,
    pub(super) vetoed: u64,
    /// Refusals by reason: detected, and of these enforced.
    pub(super) refusals: [[u64; 2]; Reason::ALL.len()],
    /// Transitions by state before and after.
    pub(super) transitions: [[u32; 3]; 3],
    pub(super) last_failure: Option<u64>,
    /// When the last outcome that was not ignored came; kept where `max_age` is on.
    pub(super) last_outcome: Option<u64>,
    pub(super) opened: Option<Opening>,
    /// When each probe that is out was admitted, oldest first. Kept from one half-open to the next for its memory.
    pub(super) probes: VecDeque<u64>,
    pub(super) force: Force,
    /// No probe goes before this.
    pub(super) hold: u64,
    /// Set by hand.
    pub(super) mode: Option<Mode>,
    /// Set by hand.
    pub(super) enforcement: Option<f64>,
    /// Whether it holds a place of its ejection group.
    pub(super) ejected: bool,
    pub(super) ramp: Option<Ramp>,
    /// What the throttle looks at, where it is on.
    pub(super) requests: Option<TimeWindow>,
    /// What was done by hand so far.
    pub(super) commands: u64,
    /// Which of these was the last reset.
    pub(super) last_reset: u64,
}

/// Why the circuit last opened, and what was true at that moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Opening {
    pub(super) condition: Condition,
    pub(super) failure_rate: Option<f64>,
    pub(super) slow_call_rate: Option<f64>,
    pub(super) failures_in_row: u32,
    pub(super) at: u64,
}

impl History {
    pub(super) const EMPTY: Self = Self {
        failures: 0,
        ignored: 0,
        cancelled: 0,
        stale: 0,
        bypassed: 0,
        slow: 0,
        fallbacks: 0,
        opens: 0,
        half_opens: 0,
        vetoed: 0,
        refusals: [[0; 2]; Reason::ALL.len()],
        transitions: [[0; 3]; 3],
        last_failure: None,
        last_outcome: None,
        opened: None,
        probes: VecDeque::new(),
        force: Force::None,
        hold: 0,
        mode: None,
        enforcement: None,
        ejected: false,
        ramp: None,
        requests: None,
        commands: 0,
        last_reset: 0,
    };
}
