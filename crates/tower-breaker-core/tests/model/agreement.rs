//! The circuit and the model, side by side.

use std::{collections::VecDeque, time::Duration};

use proptest::{prelude::*, test_runner::FileFailurePersistence};
use tower_breaker_core::{
    Circuit, CircuitBreakerConfig, ManualClock, Outcome, Permit, Reason, Rejected, Snapshot, State,
};

use super::{
    Model, Ticket,
    ops::{Beside, Op, config, ops},
};

/// The reasons that chance has a say in.
const SHARES: [Reason; 2] = [Reason::Recovering, Reason::Throttled];

/// Both, and the permits that are out, oldest first.
struct Pair {
    clock: ManualClock,
    circuit: Circuit,
    model: Model,
    out: VecDeque<(Permit, Ticket)>,
}

impl Pair {
    fn new(config: CircuitBreakerConfig) -> Self {
        let start = Duration::from_millis(12_345);
        let clock = ManualClock::starting_at(start);
        let circuit = Circuit::builder("model").config(config.clone()).clock(clock.clone()).seed(7).build();
        let model = Model::new(config, start, circuit.snapshot().generation);
        Self { clock, circuit, model, out: VecDeque::new() }
    }

    fn apply(&mut self, op: &Op) -> Result<(), TestCaseError> {
        let Self { circuit, model, .. } = self;
        match *op {
            Op::Advance(by) => self.advance(by),
            Op::AdvanceToEdge(beside) => {
                let left = model.next_edge().unwrap_or_default();
                let nanosecond = Duration::from_nanos(1);
                self.advance(match beside {
                    Beside::Before => left.saturating_sub(nanosecond),
                    Beside::At => left,
                    Beside::After => left + nanosecond,
                });
            }
            Op::Acquire => {
                self.acquire()?;
            }
            Op::Call(outcome) => {
                if self.acquire()? {
                    self.record(self.out.len() - 1, outcome, None);
                }
            }
            Op::Look => return self.look(),
            Op::AcquireQuietly => {
                let (permit, ticket) = (circuit.try_acquire_quietly(), model.acquire_quietly());
                prop_assert_eq!(permit.is_some(), ticket.is_some(), "a quiet permit");
                self.out.extend(permit.zip(ticket));
            }
            Op::Check => {
                let ours = circuit.check().map_err(|refused| (refused.reason(), refused.remaining()));
                prop_assert_eq!(ours, model.check(), "check");
            }
            Op::Record(which, outcome) => self.record(which, outcome, None),
            Op::RecordAfter(which, outcome, took) => self.record(which, outcome, Some(took)),
            Op::Late(outcome) => self.record(0, outcome, None),
            Op::Drop(which) => {
                if let Some((permit, ticket)) = self.take(which) {
                    drop(permit);
                    self.model.cancel(ticket);
                }
            }
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
            Op::Reset => {
                circuit.reset();
                model.reset();
            }
            Op::SetMode(mode) => {
                circuit.set_mode(mode);
                model.mode_by_hand = Some(mode);
            }
            Op::SetEnforcement(share) => {
                circuit.set_enforcement(share).expect("a share");
                model.enforcement_by_hand = Some(share);
            }
            Op::Reconfigure(ref config) => {
                circuit.reconfigure(config.clone());
                model.reconfigure(config.clone());
            }
            Op::RemoteOpen(wait) => {
                circuit.remote_open(wait);
                model.remote_open(wait);
            }
            Op::RemoteClose => {
                circuit.remote_close();
                model.remote_close();
            }
            Op::HoldProbes(most) => {
                circuit.hold_probes(most);
                model.hold_probes(most);
            }
        }
        Ok(())
    }

    fn advance(&mut self, by: Duration) {
        self.clock.advance(by);
        self.model.now += by;
    }

    /// Whether a call was let through.
    fn acquire(&mut self) -> Result<bool, TestCaseError> {
        let ours = self.circuit.try_acquire();
        let drawn = self.drawn(&ours);
        match (ours, self.model.acquire(drawn)) {
            (Ok(permit), Ok(ticket)) => {
                prop_assert_eq!(permit.is_bypass(), ticket.bypass, "bypass");
                self.out.push_back((permit, ticket));
                return Ok(true);
            }
            (Err(ours), Err(models)) => prop_assert_eq!((ours.reason(), ours.remaining()), models, "refusal"),
            (ours, models) => prop_assert!(false, "ours {ours:?}, the model's {models:?}"),
        }
        Ok(false)
    }

    /// What chance said to a closed circuit: the refusal, or the one that was not carried out.
    fn drawn(&self, ours: &Result<Permit, Rejected>) -> Option<Reason> {
        match ours {
            Err(rejected) => Some(rejected.reason()).filter(|reason| SHARES.contains(reason)),
            Ok(permit) if permit.is_bypass() => {
                let refusals = self.circuit.snapshot().refusals;
                SHARES.into_iter().find(|reason| refusals.of(*reason).detected > self.model.totals.detected(*reason))
            }
            Ok(_) => None,
        }
    }

    fn record(&mut self, which: usize, outcome: Outcome, took: Option<Duration>) {
        if let Some((permit, ticket)) = self.take(which) {
            match took {
                Some(took) => permit.record_after(outcome, took),
                None => permit.record(outcome),
            }
            self.model.record(ticket, outcome, took.unwrap_or(ticket.elapsed(self.model.now)));
        }
    }

    fn take(&mut self, which: usize) -> Option<(Permit, Ticket)> {
        let which = which.checked_rem(self.out.len())?;
        self.out.remove(which)
    }

    fn look(&mut self) -> Result<(), TestCaseError> {
        let ours = self.circuit.snapshot();
        self.model.look();
        let model = &self.model;
        prop_assert_eq!(ours.state, model.state(), "state");
        prop_assert_eq!(ours.state, self.circuit.state(), "state()");
        prop_assert_eq!(ours.mode, model.active_mode(), "mode");
        prop_assert_eq!(ours.enforcement, model.enforcement(), "enforcement");
        prop_assert_eq!(ours.generation, model.generation, "generation");
        prop_assert_eq!(ours.ready_to_probe, model.ready_to_probe(), "ready to probe");
        prop_assert_eq!(ours.state_age, model.now - model.entered, "age of the state");
        let wait = (ours.open_wait, ours.open_remaining);
        prop_assert_eq!(wait, (model.open_wait(), model.open_remaining()), "whole and remaining wait");
        prop_assert_eq!(ours.opens_in_row, model.opens_in_row, "opens in a row");
        prop_assert_eq!(
            (ours.opens, ours.half_opens),
            (model.totals.opens, model.totals.half_opens),
            "opens, half-opens"
        );
        compare_counts(&ours, model)?;
        compare_shares(&ours, model)?;
        compare_totals(&ours, model)
    }
}

/// While open no outcome counts: nobody asks what a window shows then.
fn compare_counts(ours: &Snapshot, model: &Model) -> Result<(), TestCaseError> {
    if ours.state == State::Open {
        return Ok(());
    }
    let window = model.window();
    let count = |of: fn(&super::Entry) -> bool| window.iter().filter(|entry| of(entry)).count() as u64;
    let counts = (ours.window.calls, ours.window.failures, ours.window.slow);
    prop_assert_eq!(counts, (count(|_| true), count(|entry| entry.failure), count(|entry| entry.slow)), "window");
    prop_assert_eq!((ours.failure_rate, ours.slow_call_rate), model.rates(), "rates");
    let rows = (ours.failures_in_row, ours.successes_in_row);
    prop_assert_eq!(rows, (model.failures_in_row(), model.successes_in_row()), "rows of failures and successes");
    Ok(())
}

fn compare_shares(ours: &Snapshot, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!(ours.throttle_share, model.throttle_share(), "share that is throttled");
    prop_assert_eq!(ours.ramp_remaining, model.ramp_end().map(|end| end - model.now), "rest of the ramp");
    match (ours.ramp_share, model.ramp_share()) {
        (Some(ours), Some(models)) => prop_assert!((ours - models).abs() < 1e-9, "ramp: {ours}, the model's {models}"),
        (ours, models) => prop_assert_eq!(ours, models, "ramp"),
    }
    Ok(())
}

fn compare_totals(ours: &Snapshot, model: &Model) -> Result<(), TestCaseError> {
    let (now, then) = (&ours.totals, &model.totals);
    prop_assert_eq!(
        (now.successes, now.failures, now.ignored, now.cancelled, now.stale, now.bypassed, now.slow),
        (then.successes, then.failures, then.ignored, then.cancelled, then.stale, then.bypassed, then.slow),
        "successes, failures, ignored, cancelled, stale, bypassed, slow"
    );
    prop_assert_eq!(ours.last_failure_age, then.last_failure.map(|at| model.now - at), "age of the last failure");
    for reason in Reason::ALL {
        let refused = ours.refusals.of(*reason);
        let models = then.refusals.get(reason.as_str()).copied().unwrap_or_default();
        prop_assert_eq!((refused.detected, refused.enforced), models, "refusals: {}", reason.as_str());
    }
    Ok(())
}

/// One case. `fuzz/` asks for it too, with operations of its own drawing.
pub(crate) fn agrees(config: CircuitBreakerConfig, ops: &[Op]) -> Result<(), TestCaseError> {
    let mut pair = Pair::new(config);
    for (step, op) in ops.iter().enumerate() {
        let around = |error| TestCaseError::fail(format!("step {step}, {op:?}: {error}"));
        pair.apply(op).map_err(around)?;
    }
    pair.look()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct("tests/proptest-regressions/model.txt"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_sequence_of_operations_agrees_with_the_model(config in config(), ops in ops()) {
        agrees(config, &ops)?;
    }
}
