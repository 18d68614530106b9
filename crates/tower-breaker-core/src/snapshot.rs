//! What a circuit looks like at one moment. Everything that exports pulls snapshots; a call never pays for an exporter.

use std::{iter, ops::AddAssign, sync::Arc, time::Duration};

use crate::{ActiveMode, CircuitBreakerConfig, Condition, Reason, State, WindowCounts};

/// A circuit at one moment, consistent in itself.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The circuit's name.
    pub name: Arc<str>,
    /// Its state; a forced open circuit is open, a forced closed one closed.
    pub state: State,
    /// What governs it.
    pub mode: ActiveMode,
    /// The share of refusals really carried out.
    pub enforcement: f64,
    /// How many generations began: one for each entry to a state, and to or from a forced mode.
    pub generation: u64,
    /// How long it has been in its state.
    pub state_age: Duration,
    /// The whole wait while open (or of a timed force).
    pub open_wait: Option<Duration>,
    /// What is left of it, or of the time for which probing is held back, if that is more.
    pub open_remaining: Option<Duration>,
    /// Open with the wait over: the next call will be a probe.
    pub ready_to_probe: bool,
    /// Failures / calls in the window (half-open under the rate rule: of the probes). `None` below the minimum, and where
    /// no such rate is configured.
    pub failure_rate: Option<f64>,
    /// Slow calls / calls, likewise.
    pub slow_call_rate: Option<f64>,
    /// What the window holds now; in half-open, the probes that answered. While open: the window as it was.
    pub window: WindowCounts,
    /// Failures in a row now.
    pub failures_in_row: u32,
    /// Successes in a row now.
    pub successes_in_row: u32,
    /// Opens since it was last closed, and through with its recovery ramp.
    pub opens_in_row: u32,
    /// While a recovery ramp is under way: the share of calls it lets through now, [0.1, 1).
    pub ramp_share: Option<f64>,
    /// What is left of it.
    pub ramp_remaining: Option<Duration>,
    /// The share of calls the throttle refuses now: [0, 0.9], 0 while it is not closed. `None`: it is off.
    pub throttle_share: Option<f64>,
    /// Why it last opened.
    pub last_opened: Option<Opened>,
    /// What calls ended in.
    pub totals: Totals,
    /// Calls it refused.
    pub refusals: Refusals,
    /// Transitions between states.
    pub transitions: Transitions,
    /// Opens, forced ones aside.
    pub opens: u64,
    /// Entries to half-open by a probe.
    pub half_opens: u64,
    /// Fallbacks that answered in place of the call.
    pub fallbacks: u64,
    /// Trips its ejection group did not allow.
    pub vetoed: u64,
    /// How long ago a failure was last counted.
    pub last_failure_age: Option<Duration>,
    /// Its configuration.
    pub config: Arc<CircuitBreakerConfig>,
}

impl Snapshot {
    /// Of what is here, all that only grows over the circuit's life: to be added up with that of others.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        Counters {
            totals: self.totals,
            refusals: self.refusals,
            transitions: self.transitions,
            opens: self.opens,
            half_opens: self.half_opens,
            fallbacks: self.fallbacks,
            vetoed: self.vetoed,
        }
    }
}

/// Why a circuit last opened, and what was true at that moment.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Opened {
    /// What opened it.
    pub condition: Condition,
    /// The failure rate then; `None` below the minimum.
    pub failure_rate: Option<f64>,
    /// The slow call rate then; `None` below the minimum.
    pub slow_call_rate: Option<f64>,
    /// Failures in a row then.
    pub failures_in_row: u32,
    /// How long ago that was.
    pub age: Duration,
}

/// What calls ended in, over a circuit's life. Each ended permit adds to exactly one, `slow` aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Totals {
    /// Counted successes.
    pub successes: u64,
    /// Counted failures, silence and panics included.
    pub failures: u64,
    /// Outcomes that say nothing about the dependency.
    pub ignored: u64,
    /// Permits dropped and not judged a failure.
    pub cancelled: u64,
    /// Permits of an older generation.
    pub stale: u64,
    /// Calls let through although refused (observing, or a share not enforced).
    pub bypassed: u64,
    /// Of the successes and failures: those slower than the threshold.
    pub slow: u64,
}

impl Totals {
    /// All calls that ended.
    #[must_use]
    pub const fn calls(&self) -> u64 {
        self.successes + self.failures + self.ignored + self.cancelled + self.stale + self.bypassed
    }
}

/// Refusals for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RefusalCount {
    /// Calls that the circuit would refuse.
    pub detected: u64,
    /// Of these, calls really refused.
    pub enforced: u64,
}

/// Refusals by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Refusals {
    /// Open, its wait not over.
    pub open: RefusalCount,
    /// Half-open, no place free.
    pub half_open: RefusalCount,
    /// Forced open.
    pub forced_open: RefusalCount,
    /// Closed again, in its recovery ramp.
    pub recovering: RefusalCount,
    /// Closed, by the throttle.
    pub throttled: RefusalCount,
}

impl Refusals {
    /// The counts for `reason`.
    #[must_use]
    pub const fn of(&self, reason: Reason) -> RefusalCount {
        match reason {
            Reason::Open => self.open,
            Reason::HalfOpen => self.half_open,
            Reason::ForcedOpen => self.forced_open,
            Reason::Recovering => self.recovering,
            Reason::Throttled => self.throttled,
        }
    }

    /// Calls really refused, for any reason.
    #[must_use]
    pub fn enforced(&self) -> u64 {
        Reason::ALL.iter().map(|reason| self.of(*reason).enforced).sum()
    }

    /// Calls that would have been refused, for any reason.
    #[must_use]
    pub fn detected(&self) -> u64 {
        Reason::ALL.iter().map(|reason| self.of(*reason).detected).sum()
    }
}

/// How often a circuit went from one state to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transitions([[u64; 3]; 3]);

impl Transitions {
    pub(crate) fn new(counts: [[u32; 3]; 3]) -> Self {
        Self(counts.map(|to| to.map(u64::from)))
    }

    /// How often it went from `from` to `to`.
    #[must_use]
    pub const fn between(&self, from: State, to: State) -> u64 {
        self.0[from as usize][to as usize]
    }
}

/// What only grows over a circuit's life, by itself: what a set keeps of circuits that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// What calls ended in.
    pub totals: Totals,
    /// Calls refused.
    pub refusals: Refusals,
    /// Transitions between states.
    pub transitions: Transitions,
    /// Opens, forced ones aside.
    pub opens: u64,
    /// Entries to half-open by a probe.
    pub half_opens: u64,
    /// Fallbacks that answered in place of the call.
    pub fallbacks: u64,
    /// Trips its ejection group did not allow.
    pub vetoed: u64,
}

impl AddAssign for Counters {
    fn add_assign(&mut self, other: Self) {
        self.totals.successes += other.totals.successes;
        self.totals.failures += other.totals.failures;
        self.totals.ignored += other.totals.ignored;
        self.totals.cancelled += other.totals.cancelled;
        self.totals.stale += other.totals.stale;
        self.totals.bypassed += other.totals.bypassed;
        self.totals.slow += other.totals.slow;
        for (mine, theirs) in [
            (&mut self.refusals.open, other.refusals.open),
            (&mut self.refusals.half_open, other.refusals.half_open),
            (&mut self.refusals.forced_open, other.refusals.forced_open),
            (&mut self.refusals.recovering, other.refusals.recovering),
            (&mut self.refusals.throttled, other.refusals.throttled),
        ] {
            mine.detected += theirs.detected;
            mine.enforced += theirs.enforced;
        }
        for (mine, theirs) in iter::zip(self.transitions.0.as_flattened_mut(), other.transitions.0.as_flattened()) {
            *mine += theirs;
        }
        self.opens += other.opens;
        self.half_opens += other.half_opens;
        self.fallbacks += other.fallbacks;
        self.vetoed += other.vetoed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No two figures alike, and each `times` as large as for 1.
    fn counters(times: u64) -> Counters {
        let mut next = 0;
        let mut figure = || {
            next += times;
            next
        };
        let [successes, failures, ignored, cancelled, stale, bypassed, slow] = [(); 7].map(|()| figure());
        let [open, half_open, forced_open, recovering, throttled] =
            [(); 5].map(|()| RefusalCount { detected: figure(), enforced: figure() });
        Counters {
            totals: Totals { successes, failures, ignored, cancelled, stale, bypassed, slow },
            refusals: Refusals { open, half_open, forced_open, recovering, throttled },
            transitions: Transitions([(); 3].map(|()| [(); 3].map(|()| figure()))),
            opens: figure(),
            half_opens: figure(),
            fallbacks: figure(),
            vetoed: figure(),
        }
    }

    #[test]
    fn counters_add_up_each_to_its_own() {
        let mut sum = counters(2);
        sum += counters(3);
        assert_eq!(sum, counters(5));
        assert_eq!(sum.transitions.between(State::Closed, State::Open), 19 * 5);
        assert_eq!(sum.totals.calls(), (1 + 2 + 3 + 4 + 5 + 6) * 5);
        assert_eq!(sum.refusals.detected(), (8 + 10 + 12 + 14 + 16) * 5);
        assert_eq!(sum.refusals.enforced(), (9 + 11 + 13 + 15 + 17) * 5);
    }
}
