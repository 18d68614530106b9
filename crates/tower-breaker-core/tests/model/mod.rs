//! A naive model of what a circuit means, and the test that any sequence of operations agrees with it.
//!
//! The model keeps a list of all outcomes and recomputes everything from it each time. It shares no code with the core
//! (configurations apart) and is meant to be read beside the design, sentence by sentence.

pub(crate) mod agreement;
mod by_hand;
mod looks;
pub(crate) mod ops;
mod shares;

use std::time::Duration;

use tower_breaker_core::{CircuitBreakerConfig, HalfOpenRule, Mode, OnCancel, Outcome, Reason, SlidingWindow};

use self::looks::Totals;

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
    held_until: Duration,
    /// When the recovery ramp under way began.
    ramp_from: Option<Duration>,
    /// Entries before this one are not among the throttle's requests.
    requests_from: usize,
    /// When the throttle refused, since its window began.
    throttled: Vec<Duration>,
    mode_by_hand: Option<Mode>,
    enforcement_by_hand: Option<f64>,
    totals: Totals,
}

impl Model {
    fn new(config: CircuitBreakerConfig, now: Duration, generation: u64) -> Self {
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
            held_until: Duration::ZERO,
            ramp_from: None,
            requests_from: 0,
            throttled: Vec::new(),
            mode_by_hand: None,
            enforcement_by_hand: None,
            totals: Totals::default(),
        }
    }

    // Entries to states: each is a new generation and starts empty.

    fn enter(&mut self, phase: Phase, at: Duration) {
        self.generation += 1;
        self.phase = phase;
        self.entered = at;
        self.entries.clear();
        self.window_from = 0;
        self.row_from = 0;
        self.ramp_from = None;
        self.requests_from = 0;
        self.throttled.clear();
    }

    /// Closing resets the row of opens and ends a hold.
    fn close(&mut self) {
        self.opens_in_row = 0;
        self.held_until = Duration::ZERO;
        self.enter(Phase::Closed, self.now);
    }

    /// The next open in a row, as of `opened`; `wish` is what the server asked for.
    fn open(&mut self, opened: Duration, wish: Option<Duration>) {
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
            self.open(deadline, None);
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

    /// `drawn` is what chance said to a closed circuit, as the circuit under test drew it.
    fn acquire(&mut self, drawn: Option<Reason>) -> Result<Ticket, (Reason, Duration)> {
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
        let enforced = reason == Reason::ForcedOpen || (self.mode() == Mode::Enforce && self.enforcement() == 1.0);
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
    fn admit(&mut self, drawn: Option<Reason>) -> Result<(), (Reason, Duration)> {
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
    fn check(&mut self) -> Result<(), (Reason, Duration)> {
        self.look();
        let mut tried = self.clone();
        tried.acquire(None).map(drop).inspect_err(|_| self.totals = tried.totals)
    }

    /// Admits what the machine admits, and counts no refusal.
    fn acquire_quietly(&mut self) -> Option<Ticket> {
        self.look();
        let mut tried = self.clone();
        let ticket = tried.acquire(None).ok().filter(|ticket| !ticket.bypass)?;
        *self = tried;
        Some(ticket)
    }

    // The end of a permit.

    fn record(&mut self, ticket: Ticket, outcome: Outcome, elapsed: Duration) {
        self.look();
        self.end(ticket, Some(outcome), elapsed);
    }

    fn cancel(&mut self, ticket: Ticket) {
        self.look();
        let waited = ticket.elapsed(self.now);
        let failed = match self.config.on_cancel() {
            OnCancel::Ignore => false,
            OnCancel::Failure => true,
            OnCancel::FailureAfter(after) => waited >= after,
            other => unreachable!("not a way to judge a dropped permit: {other:?}"),
        };
        self.end(ticket, failed.then_some(Outcome::Failure), waited);
    }

    /// `None`: cancelled.
    fn end(&mut self, ticket: Ticket, outcome: Option<Outcome>, elapsed: Duration) {
        if ticket.bypass {
            self.totals.bypassed += 1;
            return;
        }
        if ticket.generation != self.generation {
            self.totals.stale += 1;
            return;
        }
        if let Phase::HalfOpen { out } = &mut self.phase {
            let place = out.iter().position(|admitted| *admitted == ticket.acquired).expect("the probe is out");
            out.remove(place);
        }
        let wish = if let Some(Outcome::FailureRetryAfter(wish)) = outcome { Some(wish) } else { None };
        let failure = match outcome {
            None => return self.totals.cancelled += 1,
            Some(Outcome::Ignored) => return self.totals.ignored += 1,
            Some(Outcome::Success) => false,
            Some(_) => true,
        };
        let slow = self.config.slow_call_duration_threshold().is_some_and(|most| elapsed > most);
        self.totals.judged(failure, slow);
        if failure {
            self.totals.last_failure = Some(self.now);
        }
        self.entries.push(Entry { at: self.now, failure, slow });
        self.judge(wish);
    }

    /// After each counted outcome: does it open or close?
    fn judge(&mut self, wish: Option<Duration>) {
        if self.force.is_some() {
            return;
        }
        match self.phase {
            Phase::Closed if self.trips() => self.open(self.now, wish),
            Phase::HalfOpen { .. } => self.judge_half_open(wish),
            _ => {}
        }
    }

    fn trips(&self) -> bool {
        let window = self.window();
        let full = window.len() >= self.config.minimum_calls() as usize;
        let in_a_row = self.config.failure_threshold().is_some_and(|most| self.failures_in_row() >= most);
        let little_traffic = self.config.failure_rate_threshold().is_none() || !full;
        (in_a_row && little_traffic) || (full && self.rates_reached(&window))
    }

    fn judge_half_open(&mut self, wish: Option<Duration>) {
        let ended = self.entries.len();
        match self.config.half_open() {
            HalfOpenRule::Consecutive { success_threshold, .. } => {
                if self.entries.iter().any(|entry| entry.failure || entry.slow) {
                    self.open(self.now, wish);
                } else if ended >= success_threshold as usize {
                    self.recover();
                }
            }
            HalfOpenRule::Rate { permitted_calls } => {
                if ended >= self.config.minimum_calls().min(permitted_calls) as usize {
                    if self.rates_reached(&self.entries) { self.open(self.now, wish) } else { self.recover() }
                }
            }
            _ => unreachable!("there are two rules"),
        }
    }

    fn rates_reached(&self, entries: &[Entry]) -> bool {
        let share = |count: usize| count as f64 / entries.len() as f64;
        let failures = share(entries.iter().filter(|entry| entry.failure).count());
        let slow = share(entries.iter().filter(|entry| entry.slow).count());
        self.config.failure_rate_threshold().is_some_and(|most| failures >= most)
            || self.config.slow_call_duration_threshold().is_some() && slow >= self.config.slow_call_rate_threshold()
    }
}
