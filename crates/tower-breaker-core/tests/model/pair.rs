//! A circuit and the model, side by side.

use std::{collections::VecDeque, time::Duration};

use proptest::prelude::*;
use tower_breaker_core::{CircuitBreakerConfig, Outcome, Reason};

use super::{
    Model, Phase, Ticket,
    compare::compare,
    group::Group,
    ops::{Beside, Health, Op, Setting, Step},
    process::{Left, Process},
    restart::Kept,
    way::{Refusal, Way},
};

type Agreement = Result<(), TestCaseError>;

/// The reasons that chance has a say in.
const SHARES: [Reason; 2] = [Reason::Recovering, Reason::Throttled];

/// Both, and what is out, oldest first.
struct Pair<W: Way> {
    process: Process,
    way: W,
    model: Model,
    out: VecDeque<(W::Call, Ticket)>,
    left: Option<(Left, Option<Kept>)>,
}

impl<W: Way> Pair<W> {
    fn new(setting: &Setting) -> Self {
        let process = Process::new(setting);
        let group = setting.group.map(|(share, others)| Group::new(share, others));
        let model = model_of(&process, setting.config.clone(), group);
        Self { way: W::new(&process.circuit), process, model, out: VecDeque::new(), left: None }
    }

    fn apply(&mut self, op: &Op) -> Agreement {
        match *op {
            Op::Advance(by) => self.advance(by),
            Op::AdvanceToEdge(beside) => {
                let left = self.model.next_edge().unwrap_or_default();
                let nanosecond = Duration::from_nanos(1);
                self.advance(match beside {
                    Beside::Before => left.saturating_sub(nanosecond),
                    Beside::At => left,
                    Beside::After => left + nanosecond,
                });
            }
            Op::Acquire => {
                let ours = self.way.enter();
                let (refused, bypass) = match &ours {
                    Ok(call) => (None, W::is_bypass(call)),
                    Err(refused) => (Some(*refused), None),
                };
                if let Some(ticket) = self.admitted(refused)? {
                    prop_assert_eq!(bypass.unwrap_or(ticket.bypass), ticket.bypass, "bypass");
                    self.out.extend(ours.ok().map(|call| (call, ticket)));
                }
            }
            Op::Call(outcome) => return self.run(Some(outcome)),
            Op::CallThatPanics => return self.run(None),
            Op::Look => return self.look(),
            Op::AcquireQuietly => {
                let (call, ticket) = (self.way.enter_quietly(), self.model.acquire_quietly());
                prop_assert_eq!(call.is_some(), ticket.is_some(), "a quiet permit");
                self.out.extend(call.zip(ticket));
            }
            Op::FailUnready => {
                self.way.fail_unready();
                if let Some(ticket) = self.model.acquire_quietly() {
                    self.model.record(ticket, Outcome::Failure, Duration::ZERO);
                }
            }
            Op::Check => {
                let circuit = &self.process.circuit;
                let refuses = circuit.would_refuse();
                let ours = circuit.check().map_err(|refused| (refused.reason(), refused.remaining()));
                prop_assert_eq!(ours, self.model.check(), "check");
                prop_assert_eq!(refuses, ours.is_err(), "would refuse");
            }
            Op::Record(which, outcome) => self.record(which, outcome, None),
            Op::RecordAfter(which, outcome, took) => self.record(which, outcome, Some(took)),
            Op::Late(outcome) => self.record(0, outcome, None),
            Op::Drop(which) => {
                if let Some((call, ticket)) = self.take(which) {
                    drop(call);
                    self.model.cancel(ticket);
                }
            }
            Op::Panic(which) => {
                if let Some((call, ticket)) = self.take(which) {
                    self.way.panic(call);
                    self.model.record(ticket, Outcome::Failure, ticket.elapsed(self.model.now));
                }
            }
            Op::ForceOpen
            | Op::ForceOpenFor(_)
            | Op::ForceClosed
            | Op::Reset
            | Op::SetMode(_)
            | Op::SetEnforcement(_) => self.command(op),
            Op::Reconfigure(ref config) => {
                self.process.circuit.reconfigure(config.clone());
                self.model.reconfigure(config.clone());
            }
            Op::RemoteOpen(wait) => {
                self.process.circuit.remote_open(wait);
                self.model.remote_open(wait);
            }
            Op::RemoteClose => {
                self.process.circuit.remote_close();
                self.model.remote_close();
            }
            Op::HoldProbes(most) => {
                self.process.circuit.hold_probes(most);
                self.model.hold_probes(most);
            }
            Op::Other(which, health) => self.set_health(which, health),
            Op::Export => self.left = Some((self.process.export(), self.model.keep())),
            Op::Restore => self.restore(),
            Op::Restart(down, step) => self.restart(down, step),
        }
        Ok(())
    }

    fn command(&mut self, op: &Op) {
        let (circuit, model) = (&self.process.circuit, &mut self.model);
        model.commands += 1;
        match *op {
            Op::ForceOpen => {
                circuit.force_open();
                model.force_open(None);
            }
            Op::ForceOpenFor(time) => {
                circuit.force_open_for(time);
                model.force_open(Some(model.now + time));
            }
            Op::ForceClosed => {
                circuit.force_closed();
                model.force_closed();
            }
            Op::SetMode(mode) => {
                circuit.set_mode(mode);
                model.mode_by_hand = Some(mode);
            }
            Op::SetEnforcement(share) => {
                circuit.set_enforcement(share).expect("a share");
                model.enforcement_by_hand = Some(share);
            }
            _ => {
                circuit.reset();
                model.reset();
            }
        }
    }

    fn advance(&mut self, by: Duration) {
        self.process.advance(by);
        self.model.now = self.process.now();
    }

    /// What the model says to a call that was let through or `refused`.
    fn admitted(&mut self, refused: Option<Refusal>) -> Result<Option<Ticket>, TestCaseError> {
        let drawn = self.drawn(refused);
        match (refused, self.model.acquire(drawn, refused.is_some())) {
            (None, Ok(ticket)) => return Ok(Some(ticket)),
            (Some(ours), Err(models)) => prop_assert_eq!(ours, models, "refusal"),
            (ours, models) => prop_assert!(false, "refused: ours {ours:?}, the model's {models:?}"),
        }
        Ok(None)
    }

    /// What chance said to a closed circuit: the refusal, or the one that was not carried out.
    fn drawn(&mut self, refused: Option<Refusal>) -> Option<Reason> {
        if let Some((reason, _)) = refused {
            return Some(reason).filter(|reason| SHARES.contains(reason));
        }
        self.model.look();
        if self.model.enforces_all() || self.model.phase != Phase::Closed {
            return None;
        }
        let refusals = self.process.circuit.snapshot().refusals;
        SHARES.into_iter().find(|reason| refusals.of(*reason).detected > self.model.totals.detected(*reason))
    }

    fn run(&mut self, outcome: Option<Outcome>) -> Agreement {
        let refused = self.way.run(outcome).err();
        if let Some(ticket) = self.admitted(refused)? {
            self.model.record(ticket, outcome.unwrap_or(Outcome::Failure), Duration::ZERO);
        }
        Ok(())
    }

    fn record(&mut self, which: usize, outcome: Outcome, took: Option<Duration>) {
        if let Some((call, ticket)) = self.take(which) {
            self.way.end(call, outcome, took);
            self.model.record(ticket, outcome, took.unwrap_or(ticket.elapsed(self.model.now)));
        }
    }

    fn take(&mut self, which: usize) -> Option<(W::Call, Ticket)> {
        let which = which.checked_rem(self.out.len())?;
        self.out.remove(which)
    }

    fn set_health(&mut self, which: usize, health: Health) {
        let Some(group) = &mut self.model.group else { return };
        let Some(which) = which.checked_rem(group.others.len()) else { return };
        self.process.set_health(which, health);
        match health {
            Health::Sick => group.other_is_sick(which),
            Health::Well => group.others[which] = false,
        }
    }

    fn restore(&mut self) {
        if let Some((left, kept)) = &self.left {
            let passed = self.process.restore(left);
            if let Some(kept) = *kept {
                self.model.restore(kept, passed);
            }
        }
    }

    fn restart(&mut self, down: Duration, step: Step) {
        self.left = Some((self.process.export(), self.model.keep()));
        let (config, group) = (self.model.config.clone(), self.model.group.take());
        // All that holds the circuit: its place in the group goes with it.
        self.out.clear();
        self.process.end();
        self.way = W::new(&self.process.circuit);
        self.advance(down);
        self.process.step_wall_clock(step);
        self.process.start(config.clone());
        self.way = W::new(&self.process.circuit);
        self.model = model_of(&self.process, config, group.map(Group::after_restart));
        self.restore();
    }

    fn look(&mut self) -> Agreement {
        self.model.look();
        compare(&self.process.circuit, &self.model)?;
        prop_assert_eq!(self.process.ejected(), self.model.group.as_ref().map(Group::ejected), "out of the group");
        Ok(())
    }
}

/// Of a circuit that nothing has happened to.
fn model_of(process: &Process, config: CircuitBreakerConfig, group: Option<Group>) -> Model {
    Model::new(config, process.now(), process.circuit.snapshot().generation, group)
}

/// One case, with calls made in the way `W`.
pub(crate) fn agrees<W: Way>(setting: &Setting, ops: &[Op]) -> Agreement {
    let mut pair = Pair::<W>::new(setting);
    for (step, op) in ops.iter().enumerate() {
        let around = |error| TestCaseError::fail(format!("step {step}, {op:?}: {error}"));
        pair.apply(op).map_err(around)?;
    }
    pair.look()
}
