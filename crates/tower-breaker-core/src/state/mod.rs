//! The state machine: plain functions of (state, now, event). No lock, no clock, no user code.
//!
//! Transitions are lazy: whoever brings an event first brings the machine up to `now` ([`Machine::tick`]), which ends a force whose
//! time is over and opens a half-open circuit whose deadline has passed, *as of* that deadline. An open circuit whose
//! wait is over stays open until a call is admitted.
//!
//! Each entry to a state, and to or from a forced mode, starts a new generation. A permit remembers the generation it
//! was admitted in; what it says later counts as stale and changes nothing else.
//!
//! | file | events |
//! |---|---|
//! | `admit.rs` | a call asks to be let through |
//! | `end.rs` | a permit ends |
//! | `share.rs` | a closed circuit admits a share: after recovery, and by the throttle |
//! | `half_open.rs` | the probes of a half-open circuit and the verdict on them |
//! | `shift.rs` | the entries to the states, and the wait of an open one |
//! | `control.rs` | an operator, a reload, the fleet |
//! | `restore.rs` | a restart |
//! | `view.rs` | looking at it |

mod admit;
mod control;
mod end;
mod half_open;
mod history;
#[cfg(feature = "serde")]
mod restore;
mod share;
mod shift;
#[cfg(test)]
mod table;

mod view;

use std::{sync::Arc, time::Duration};

use self::history::History;
#[cfg(feature = "serde")]
pub(crate) use self::restore::Restored;
pub(crate) use self::{
    admit::{Kind, Refused, Ticket},
    half_open::HalfOpen,
    shift::Change,
    view::Face,
};
use crate::{CircuitBreakerConfig, EjectionGroup, Mode, observe::News, window::Window};

/// The state of a circuit. There is no fourth one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum State {
    /// Calls pass and their outcomes are counted.
    Closed,
    /// Calls are refused until the wait is over.
    Open,
    /// A few calls probe whether the dependency is well again.
    HalfOpen,
}

impl State {
    /// The state as a stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// What governs a circuit right now: its configured mode, or an operator's force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ActiveMode {
    /// Calls are refused.
    Enforce,
    /// Refusals are only counted.
    Observe,
    /// Forced open by hand: everything is refused.
    ForcedOpen,
    /// Forced closed by hand: everything passes, nothing trips.
    ForcedClosed,
}

impl ActiveMode {
    /// The mode as a stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
        }
    }
}

/// Why a circuit opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Condition {
    /// The share of failures in the window (half-open: of the probes) reached its threshold.
    FailureRate,
    /// The share of slow calls in the window (half-open: of the probes) reached its threshold.
    SlowCallRate,
    /// So many failures came in a row.
    FailuresInRow,
    /// A probe failed.
    ProbeFailed,
    /// A probe was slow, and slow calls count.
    ProbeSlow,
    /// A probe, or half-open itself under the rate rule, outlasted `half_open_timeout`.
    HalfOpenTimeout,
    /// The fleet opened it.
    Remote,
    /// An operator forced it open.
    Forced,
    /// It was open when the state was exported, before a restart.
    Restored,
}

impl Condition {
    /// The condition as a stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailureRate => "failure_rate",
            Self::SlowCallRate => "slow_call_rate",
            Self::FailuresInRow => "failures_in_row",
            Self::ProbeFailed => "probe_failed",
            Self::ProbeSlow => "probe_slow",
            Self::HalfOpenTimeout => "half_open_timeout",
            Self::Remote => "remote",
            Self::Forced => "forced",
            Self::Restored => "restored",
        }
    }
}

/// What an event is judged with.
#[derive(Debug)]
pub(crate) struct Cx<'a> {
    /// Nanoseconds since the clock's origin.
    pub(crate) now: u64,
    pub(crate) config: &'a Arc<CircuitBreakerConfig>,
    /// The one source of chance: jitter and shares.
    pub(crate) chance: &'a mut fastrand::Rng,
    /// The cap on how many circuits of a group may be out at once.
    pub(crate) group: Option<&'a EjectionGroup>,
    /// Who is to be told, once the lock is let go.
    pub(crate) news: Option<&'a mut News>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    /// Nanoseconds from the entry until a probe may go.
    Open {
        wait: u64,
    },
    HalfOpen(HalfOpen),
}

/// What an operator forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Force {
    #[default]
    None,
    /// `u64::MAX`: without an end.
    OpenUntil(u64),
    Closed,
}

#[derive(Debug)]
pub(crate) struct Machine {
    generation: u64,
    phase: Phase,
    /// When the state was entered.
    entered: u64,
    /// Opens since it was last closed.
    opens_in_row: u32,
    failures_in_row: u32,
    successes_in_row: u32,
    window: Window,
    /// All counted successes.
    successes: u64,
    /// What only a circuit that has seen something else than success has. A set may hold a million healthy ones.
    history: Option<Box<History>>,
}

impl Machine {
    pub(crate) fn new(config: &CircuitBreakerConfig, now: u64) -> Self {
        let mut machine = Self {
            generation: 0,
            phase: Phase::Closed,
            entered: now,
            opens_in_row: 0,
            failures_in_row: 0,
            successes_in_row: 0,
            window: Window::new(config, now),
            successes: 0,
            history: None,
        };
        machine.reshape_requests(config, now);
        machine
    }

    pub(crate) const fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) const fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { .. } => State::Open,
            Phase::HalfOpen(_) => State::HalfOpen,
        }
    }

    /// Brings the machine up to now.
    pub(crate) fn tick(&mut self, cx: &mut Cx<'_>) {
        // While open or half-open the window shows what it held when the circuit opened.
        if self.phase == Phase::Closed {
            self.window.advance(cx.now);
            self.advance_shares(cx);
            self.forget_old(cx);
        }
        match (self.force(), self.phase) {
            (Force::OpenUntil(end), _) if cx.now >= end => self.end_forced_open(cx, end),
            (_, Phase::HalfOpen(half_open)) => {
                let deadline = half_open.deadline(self.entered, self.history().probes.front().copied(), cx.config);
                if deadline.is_some_and(|deadline| cx.now >= deadline) {
                    self.open(cx, deadline.unwrap_or(cx.now), Condition::HalfOpenTimeout, None);
                }
            }
            _ => {}
        }
    }

    fn force(&self) -> Force {
        self.history().force
    }

    fn history(&self) -> &History {
        static EMPTY: History = History::EMPTY;
        self.history.as_deref().unwrap_or(&EMPTY)
    }

    fn history_mut(&mut self) -> &mut History {
        self.history.get_or_insert_with(|| Box::new(History::EMPTY))
    }

    /// The mode beneath a force: what was set by hand, or else the configured one.
    fn mode(&self, config: &CircuitBreakerConfig) -> Mode {
        self.history().mode.unwrap_or(config.mode())
    }

    pub(crate) fn enforcement(&self, config: &CircuitBreakerConfig) -> f64 {
        self.history().enforcement.unwrap_or(config.enforcement())
    }
}

/// A time of the machine as a public duration.
pub(crate) const fn duration(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}
