//! The series of a circuit, out of one snapshot, so that they agree.

use tower_breaker_core::{ActiveMode, Counters, Reason, Snapshot, State};

use crate::family::{About, Family, Owner};

const NOTHING: f64 = f64::NAN;

type Count = (About, fn(&Counters) -> u64);
type Look = (About, fn(&Snapshot) -> f64);

const COUNTS: &[Count] = &[
    (About::counter("circuit_breaker_calls_total", "Calls that ended, whatever they were judged."), |it| {
        it.totals.calls()
    }),
    (About::counter("circuit_breaker_successes_total", "Calls judged a success."), |it| it.totals.successes),
    (About::counter("circuit_breaker_failures_total", "Calls judged a failure."), |it| it.totals.failures),
    (
        About::counter(
            "circuit_breaker_slow_calls_total",
            "Of the successes and failures, those slower than the threshold.",
        ),
        |it| it.totals.slow,
    ),
    (About::counter("circuit_breaker_ignored_total", "Calls that say nothing about the dependency."), |it| {
        it.totals.ignored
    }),
    (About::counter("circuit_breaker_cancelled_total", "Calls given up and not judged a failure."), |it| {
        it.totals.cancelled
    }),
    (About::counter("circuit_breaker_stale_total", "Outcomes of an older generation, which changed nothing."), |it| {
        it.totals.stale
    }),
    (About::counter("circuit_breaker_bypassed_total", "Calls let through although refused."), |it| it.totals.bypassed),
    (
        About::counter(
            "circuit_breaker_calls_blocked_detected_total",
            "Calls that would have been refused, refused ones included.",
        ),
        |it| it.refusals.detected(),
    ),
    (About::counter("circuit_breaker_fallback_used_total", "Answers given in place of a call's."), |it| it.fallbacks),
    (About::counter("circuit_breaker_opened_total", "Opens, forced ones aside."), |it| it.opens),
    (About::counter("circuit_breaker_half_opened_total", "Entries to half-open by a probe."), |it| it.half_opens),
];

const BLOCKED: About =
    About::counter("circuit_breaker_calls_blocked_total", "Calls refused, by reason.").by(&["reason"]);

const TRANSITIONS: About =
    About::counter("circuit_breaker_state_transitions_total", "Changes of state.").by(&["from", "to"]);

/// Only an open circuit becomes half-open.
const WAYS: &[(State, State)] = &[
    (State::Closed, State::Open),
    (State::Open, State::HalfOpen),
    (State::HalfOpen, State::Open),
    (State::HalfOpen, State::Closed),
    (State::Open, State::Closed),
];

const LOOKS: &[Look] = &[
    (About::gauge("circuit_breaker_state", "0 closed, 1 open, 2 half-open."), |it| match it.state {
        State::Closed => 0.0,
        State::Open => 1.0,
        State::HalfOpen => 2.0,
    }),
    (About::gauge("circuit_breaker_mode", "0 enforce, 1 observe, 2 forced open, 3 forced closed."), |it| {
        match it.mode {
            ActiveMode::Enforce => 0.0,
            ActiveMode::Observe => 1.0,
            ActiveMode::ForcedOpen => 2.0,
            ActiveMode::ForcedClosed => 3.0,
            // One of a newer core.
            _ => NOTHING,
        }
    }),
    (About::gauge("circuit_breaker_enforcement", "The share of refusals carried out."), |it| it.enforcement),
    (About::gauge("circuit_breaker_failure_rate", "Failures by calls in the window; NaN below the minimum."), |it| {
        it.failure_rate.unwrap_or(NOTHING)
    }),
    (
        About::gauge("circuit_breaker_slow_call_rate", "Slow calls by calls in the window; NaN below the minimum."),
        |it| it.slow_call_rate.unwrap_or(NOTHING),
    ),
    (About::gauge("circuit_breaker_open_wait_seconds", "The whole wait while open; 0 else."), |it| {
        it.open_wait.unwrap_or_default().as_secs_f64()
    }),
    (About::gauge("circuit_breaker_open_remaining_seconds", "What is left of the wait while open; 0 else."), |it| {
        it.open_remaining.unwrap_or_default().as_secs_f64()
    }),
    (About::gauge("circuit_breaker_ready_to_probe", "1 while open with the wait over: the next call probes."), |it| {
        f64::from(it.ready_to_probe)
    }),
    (About::gauge("circuit_breaker_state_age_seconds", "How long it has been in its state."), |it| {
        it.state_age.as_secs_f64()
    }),
    (About::gauge("circuit_breaker_throttle_share", "The share of calls that the throttle refuses."), |it| {
        it.throttle_share.unwrap_or_default()
    }),
];

/// Of a set, not of a circuit: its help says so.
pub(crate) const IN_STATE: About =
    About::gauge("circuit_breaker_circuits", "How many circuits of the set are in each state.").by(&["state"]);

pub(crate) const STATES: [State; 3] = [State::Closed, State::Open, State::HalfOpen];

/// Everything there is to say of a circuit, `IN_STATE` aside.
pub(crate) fn abouts() -> impl Iterator<Item = About> {
    let counts = COUNTS.iter().map(|(about, _)| *about);
    let looks = LOOKS.iter().map(|(about, _)| *about);
    counts.chain([BLOCKED, TRANSITIONS]).chain(looks)
}

/// The families of circuits, in the order of `abouts`.
pub(crate) struct Families(Vec<Family>);

impl Families {
    pub(crate) fn new() -> Self {
        Self(abouts().map(Family::new).collect())
    }

    pub(crate) fn add(&mut self, set: &str, snapshot: &Snapshot) {
        let owner = Owner { name: &snapshot.name, set };
        self.add_counts(owner, &counts(&snapshot.counters()));
        let looks = &mut self.0[COUNTS.len() + 2..];
        for (family, (_, look)) in looks.iter_mut().zip(LOOKS) {
            family.add(owner, &[], look(snapshot));
        }
    }

    /// `counts` as [`counts`] has them.
    pub(crate) fn add_counts(&mut self, owner: Owner<'_>, counts: &[u64]) {
        let mut counts = counts.iter().map(|count| *count as f64);
        let mut families = self.0.iter_mut();
        for (family, count) in families.by_ref().take(COUNTS.len()).zip(counts.by_ref()) {
            family.add(owner, &[], count);
        }
        if let Some(blocked) = families.next() {
            for (reason, count) in Reason::ALL.iter().zip(counts.by_ref()) {
                blocked.add(owner, &[reason.as_str()], count);
            }
        }
        if let Some(transitions) = families.next() {
            for ((from, to), count) in WAYS.iter().zip(counts) {
                transitions.add(owner, &[from.as_str(), to.as_str()], count);
            }
        }
    }

    pub(crate) fn finish(self) -> impl Iterator<Item = Family> {
        self.0.into_iter()
    }
}

/// Every counter of a circuit, one after the other: of `COUNTS`, by reason, by transition.
pub(crate) fn counts(counters: &Counters) -> Vec<u64> {
    let counts = COUNTS.iter().map(|(_, count)| count(counters));
    let blocked = Reason::ALL.iter().map(|reason| counters.refusals.of(*reason).enforced);
    let transitions = WAYS.iter().map(|(from, to)| counters.transitions.between(*from, *to));
    counts.chain(blocked).chain(transitions).collect()
}
