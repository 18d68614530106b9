//! A naive model of what a circuit means, and the comparison of a circuit with it after any sequence of operations.
//!
//! Used by the core's tests, by those of the layer, and by the fuzzer. The model keeps a list of all outcomes and recomputes
//! everything from it each time. It shares no code with the core (configurations apart) and is meant to be read beside the
//! design, sentence by sentence.

mod by_hand;
mod compare;
mod ends;
mod group;
mod looks;
mod opened;
pub(crate) mod ops;
pub(crate) mod pair;
mod process;
mod restart;
mod shares;
pub(crate) mod way;

use std::{mem, time::Duration};

use tower_breaker_core::{CircuitBreakerConfig, Condition, HalfOpenRule, Mode, OnCancel, Reason, SlidingWindow, State};

use self::{group::Group, looks::Totals, opened::Opened, way::Refusal};

const NEVER: Duration = Duration::MAX;

/// A counted outcome.
#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Duration,
    failure: bool,
    slow: bool,
}

/// A permit as the model knows it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Ticket {
    generation: u64,
    bypass: bool,
    acquired: Duration,
    /// Whether its start is known: a closed circuit reads no clock for a call whose duration decides nothing, and if a
    /// reload lets durations decide while that call is out, it counts as one that took no time.
    timed: bool,
}

impl Ticket {
    fn elapsed(self, now: Duration) -> Duration {
        if self.timed { now - self.acquired } else { Duration::ZERO }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Force {
    Open { until: Option<Duration> },
    Closed,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Closed,
    Open {
        wait: Duration,
    },
    /// `out`: when each probe that is still out was admitted.
    HalfOpen {
        out: Vec<Duration>,
    },
}

impl Phase {
    const fn state(&self) -> State {
        match self {
            Self::Closed => State::Closed,
            Self::Open { .. } => State::Open,
            Self::HalfOpen { .. } => State::HalfOpen,
        }
    }
}

/// Closed counts in `entries`; so does half-open, whose entries are the probes' outcomes.
#[derive(Debug, Clone)]
struct Model {
    config: CircuitBreakerConfig,
    now: Duration,
    phase: Phase,
    /// When the phase began.
    entered: Duration,
    force: Option<Force>,
    generation: u64,
    entries: Vec<Entry>,
    /// Entries before this one are not in the window: forgotten, or of a window that is gone.
    window_from: usize,
    /// Entries before this one are in no row: forgotten.
    row_from: usize,
    /// When a reload switched `max_age` on: what was recorded before has no age, and ages from then on.
    ages_from: Duration,
    opens_in_row: u32,
    opened: Option<Opened>,
    held_until: Duration,
    /// When the recovery ramp under way began.
    ramp_from: Option<Duration>,
    /// How much of it had passed before a restart.
    ramp_before: Duration,
    /// Entries before this one are not among the throttle's requests.
    requests_from: usize,
    /// When the throttle refused, since its window began.
    throttled: Vec<Duration>,
    mode_by_hand: Option<Mode>,
    enforcement_by_hand: Option<f64>,
    /// How often something was set by hand, and which of these times was the last reset.
    commands: u64,
    last_reset: u64,
    group: Option<Group>,
    totals: Totals,
}

impl Model {
    fn new(config: CircuitBreakerConfig, now: Duration, generation: u64, group: Option<Group>) -> Self {
        Self {
            config,
            now,
            phase: Phase::Closed,
            entered: now,
            force: None,
            generation,
            entries: Vec::new(),
            window_from: 0,
            row_from: 0,
            ages_from: now,
            opens_in_row: 0,
            opened: None,
            held_until: Duration::ZERO,
            ramp_from: None,
            ramp_before: Duration::ZERO,
            requests_from: 0,
            throttled: Vec::new(),
            mode_by_hand: None,
            enforcement_by_hand: None,
            commands: 0,
            last_reset: 0,
            group,
            totals: Totals::default(),
        }
    }

    // Entries to states: each is a new generation and starts empty.

    fn enter(&mut self, phase: Phase, at: Duration) {
        self.generation += 1;
        let from = mem::replace(&mut self.phase, phase).state();
        self.totals.changed(from, self.phase.state());
        self.entered = at;
        self.entries.clear();
        self.window_from = 0;
        self.row_from = 0;
        self.ramp_from = None;
        self.ramp_before = Duration::ZERO;
        self.requests_from = 0;
        self.throttled.clear();
    }

    /// Closing resets the row of opens, ends a hold, and gives back a place of the group.
    fn close(&mut self) {
        self.opens_in_row = 0;
        if let Some(group) = &mut self.group {
            group.out = false;
        }
        self.held_until = Duration::ZERO;
        self.enter(Phase::Closed, self.now);
    }

    /// The next open in a row, as of `opened`; `wish` is what the server asked for.
    fn open(&mut self, condition: Condition, opened: Duration, wish: Option<Duration>) {
        self.note_open(condition, opened);
        self.opens_in_row += 1;
        self.totals.opens += 1;
        let growth = self.config.open_duration_multiplier().powi(self.opens_in_row as i32 - 1);
        let grown = self.config.open_duration().as_nanos() as f64 * growth;
        let wait = Duration::from_nanos(grown as u64).max(wish.unwrap_or_default());
        self.enter(Phase::Open { wait: wait.min(self.config.max_open_duration()) }, opened);
    }

    fn half_open(&mut self) {
        self.totals.half_opens += 1;
        self.enter(Phase::HalfOpen { out: Vec::new() }, self.now);
    }

    // What time alone has done by now. Whoever looks applies it.

    fn look(&mut self) {
        if let Some(Force::Open { until: Some(until) }) = self.force
            && self.now >= until
        {
            self.force = None;
            self.enter(Phase::Open { wait: Duration::ZERO }, until);
        }
        if self.force.is_none()
            && let Some(deadline) = self.half_open_deadline()
            && self.now >= deadline
        {
            self.open(Condition::HalfOpenTimeout, deadline, None);
        }
        self.end_ramp();
        self.forget();
    }

    fn half_open_deadline(&self) -> Option<Duration> {
        let Phase::HalfOpen { out } = &self.phase else { return None };
        let from = match self.config.half_open() {
            HalfOpenRule::Consecutive { .. } => *out.iter().min()?,
            _ => self.entered,
        };
        Some(from + self.config.half_open_timeout()?)
    }

    /// `max_age`: a row or a count window whose last outcome is older is forgotten.
    fn forget(&mut self) {
        if let (Some(age), Some(last), Phase::Closed) = (self.config.max_age(), self.entries.last(), &self.phase)
            && self.now - last.at.max(self.ages_from) > age
        {
            self.row_from = self.entries.len();
            if matches!(self.config.sliding_window(), SlidingWindow::Calls(_)) {
                self.window_from = self.entries.len();
            }
        }
    }

    // Admission.

    /// What chance said is taken from the circuit under test: the share of a closed one that was `drawn`, and whether a
    /// refusal of which only a share is carried out was.
    fn acquire(&mut self, drawn: Option<Reason>, carried_out: bool) -> Result<Ticket, Refusal> {
        self.look();
        let refused = self.admit(drawn).err();
        let Some((reason, remaining)) = refused else {
            if let Phase::HalfOpen { out } = &mut self.phase
                && self.force.is_none()
            {
                out.push(self.now);
            }
            return Ok(self.ticket(false));
        };
        let by_share = match self.enforcement() {
            1.0 => true,
            0.0 => false,
            _ => carried_out,
        };
        let enforced = reason == Reason::ForcedOpen || (self.mode() == Mode::Enforce && by_share);
        self.totals.refused(reason, enforced);
        if enforced { Err((reason, remaining)) } else { Ok(self.ticket(true)) }
    }

    fn ticket(&self, bypass: bool) -> Ticket {
        let asked_for = self.config.slow_call_duration_threshold().is_some()
            || matches!(self.config.on_cancel(), OnCancel::FailureAfter(_));
        let timed = self.phase != Phase::Closed || asked_for;
        Ticket { generation: self.generation, bypass, acquired: self.now, timed }
    }

    /// Whether the machine admits a call; an open circuit whose wait is over becomes half-open by it.
    fn admit(&mut self, drawn: Option<Reason>) -> Result<(), Refusal> {
        match self.force {
            Some(Force::Open { until }) => {
                let remaining = until.map_or(self.config.open_duration(), |until| until - self.now);
                return Err((Reason::ForcedOpen, remaining));
            }
            Some(Force::Closed) => return Ok(()),
            None => {}
        }
        if self.phase == Phase::Closed {
            return self.admit_share(drawn);
        }
        if matches!(self.phase, Phase::Open { .. }) {
            if !self.ready_to_probe() {
                return Err((Reason::Open, self.open_remaining().unwrap_or_default()));
            }
            self.half_open();
        }
        if self.places() > 0 && self.now >= self.held_until {
            Ok(())
        } else {
            Err((Reason::HalfOpen, self.held_until.saturating_sub(self.now)))
        }
    }

    /// Free places for probes.
    fn places(&self) -> u32 {
        let Phase::HalfOpen { out } = &self.phase else { return 0 };
        let (out, ended) = (out.len() as u32, self.entries.len() as u32);
        match self.config.half_open() {
            // Every entry is a success here: a failure would have opened.
            HalfOpenRule::Consecutive { success_threshold, max_concurrent } => {
                success_threshold.saturating_sub(ended + out).min(max_concurrent.saturating_sub(out))
            }
            HalfOpenRule::Rate { permitted_calls } => permitted_calls.saturating_sub(ended + out),
            _ => unreachable!("there are two rules"),
        }
    }

    /// Would a call be refused for certain? Then that is a refusal, and counted.
    fn check(&mut self) -> Result<(), Refusal> {
        self.look();
        let mut tried = self.clone();
        tried.acquire(None, false).map(drop).inspect_err(|_| self.totals = tried.totals)
    }

    /// Admits what the machine admits, and counts no refusal.
    fn acquire_quietly(&mut self) -> Option<Ticket> {
        self.look();
        let mut tried = self.clone();
        let ticket = tried.acquire(None, false).ok().filter(|ticket| !ticket.bypass)?;
        *self = tried;
        Some(ticket)
    }
}
