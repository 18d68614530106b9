//! What both oracles share: a circuit on a manual clock, the calls that are out, and the comparison.

use std::{collections::HashMap, fmt::Debug, time::Duration};

use tower_breaker_core::{
    Circuit, CircuitBreakerConfig, Clock, InvalidConfig, ManualClock, Outcome, Rejected, Snapshot, State,
};

use crate::{
    trace::{Step, Trace},
    way::Way,
};

/// Both oracles admit strictly after the wait, we at its end: ours is so much longer.
pub(crate) const STRICTLY: Duration = Duration::from_nanos(1);

pub(crate) struct Player<W: Way> {
    pub(crate) clock: ManualClock,
    pub(crate) circuit: Circuit,
    way: W,
    /// Held to the end of the trace where no step ends them.
    calls: HashMap<u64, (W::Call, Duration)>,
}

impl<W: Way> Player<W> {
    pub(crate) fn new(trace: &Trace, config: Result<CircuitBreakerConfig, InvalidConfig>) -> Result<Self, String> {
        let config = config.map_err(|error| error.to_string())?;
        let clock = ManualClock::starting_at(trace.config.millis("start")?);
        let circuit = Circuit::builder("trace").config(config).clock(clock.clone()).seed(1).build();
        Ok(Self { way: W::new(&circuit), clock, circuit, calls: HashMap::new() })
    }

    pub(crate) fn advance(&self, step: &Step) -> Result<(), String> {
        self.clock.advance(Duration::from_millis(step.arg.ok_or("advance without milliseconds")?));
        Ok(())
    }

    /// Asks for a permit; `refused` is the oracle's word for our refusal.
    pub(crate) fn acquire(&mut self, step: &Step, refused: impl Fn(&Rejected) -> &'static str) -> Result<(), String> {
        let asked = self.way.ask();
        let ours = asked.as_ref().map_or_else(refused, |_| "permitted");
        same("result", ours, step.result.as_deref().unwrap_or("nothing"))?;
        same("granted", asked.is_ok(), step.permit.is_some())?;
        if let (Ok(call), Some(id)) = (asked, step.permit) {
            self.calls.insert(id, (call, self.clock.now()));
        }
        Ok(())
    }

    /// Ends a call, after `took` where the duration is not the clock's.
    pub(crate) fn end(&mut self, step: &Step, outcome: Outcome, took: Option<Duration>) -> Result<(), String> {
        let (call, _) = self.take(step)?;
        self.way.end(call, outcome, took);
        Ok(())
    }

    /// How long the call has been out, by the clock.
    pub(crate) fn elapsed(&self, step: &Step) -> Option<Duration> {
        let (_, since) = self.calls.get(&step.permit?)?;
        Some(self.clock.now().saturating_sub(*since))
    }

    fn take(&mut self, step: &Step) -> Result<(W::Call, Duration), String> {
        let id = step.permit.ok_or("a result without a permit")?;
        self.calls.remove(&id).ok_or_else(|| format!("permit {id} is not out"))
    }
}

/// A step that neither oracle has.
pub(crate) fn unknown(step: &Step) -> Result<(), String> {
    Err(format!("unknown operation {:?}", step.op))
}

pub(crate) fn letter(state: State) -> char {
    match state {
        State::Closed => 'C',
        State::Open => 'O',
        State::HalfOpen => 'H',
    }
}

/// Calls refused, for whatever reason.
pub(crate) fn refused(now: &Snapshot) -> u64 {
    now.refusals.open.enforced + now.refusals.half_open.enforced
}

pub(crate) fn same<T: PartialEq + Debug + Copy>(what: &str, ours: T, theirs: T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: ours {ours:?}, theirs {theirs:?}")) }
}

/// Plays every step; an error says where and what.
pub(crate) fn each_step(trace: &Trace, mut play: impl FnMut(&Step) -> Result<(), String>) -> Result<(), String> {
    trace.steps.iter().enumerate().try_for_each(|(index, step)| {
        play(step).map_err(|error| {
            let (place, config, text) = (&trace.place, &trace.config, &step.text);
            format!("{place}, step {}\n  config {config}\n  step {text}\n  {error}", index + 1)
        })
    })
}

/// An error in a trace's configuration, with its place.
pub(crate) fn configured<T>(trace: &Trace, result: Result<T, String>) -> Result<T, String> {
    result.map_err(|error| format!("{}\n  config {}\n  {error}", trace.place, trace.config))
}
