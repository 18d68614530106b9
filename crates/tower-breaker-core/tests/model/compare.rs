//! Whether a circuit looks as the model does.

use proptest::prelude::*;
use tower_breaker_core::{ByHand, Circuit, Forced, Reason, Snapshot, State};

use super::{Entry, Force, Model, opened::Seen};

/// Everything that can be seen.
pub(super) fn compare(circuit: &Circuit, model: &Model) -> Result<(), TestCaseError> {
    let ours = circuit.snapshot();
    prop_assert_eq!(ours.state, model.state(), "state");
    prop_assert_eq!(ours.state, circuit.state(), "state()");
    prop_assert_eq!(ours.mode, model.active_mode(), "mode");
    prop_assert_eq!(ours.enforcement, model.enforcement(), "enforcement");
    prop_assert_eq!(ours.generation, model.generation, "generation");
    prop_assert_eq!(ours.ready_to_probe, model.ready_to_probe(), "ready to probe");
    prop_assert_eq!(ours.state_age, model.now - model.entered, "age of the state");
    let wait = (ours.open_wait, ours.open_remaining);
    prop_assert_eq!(wait, (model.open_wait(), model.open_remaining()), "whole and remaining wait");
    prop_assert_eq!(ours.opens_in_row, model.opens_in_row, "opens in a row");
    compare_opened(&ours, model)?;
    compare_by_hand(circuit.by_hand(), model)?;
    compare_counts(&ours, model)?;
    compare_shares(&ours, model)?;
    compare_totals(&ours, model)
}

fn compare_opened(ours: &Snapshot, model: &Model) -> Result<(), TestCaseError> {
    let why = ours.last_opened.map(|opened| (opened.condition, opened.age));
    prop_assert_eq!(why, model.opened.map(|opened| (opened.condition, model.now - opened.at)), "why it last opened");
    if let (Some(ours), Some(models)) = (ours.last_opened, model.opened.and_then(|opened| opened.seen)) {
        let rates = (ours.failure_rate, ours.slow_call_rate);
        prop_assert_eq!(
            Seen { rates, failures_in_row: ours.failures_in_row },
            models,
            "what it saw when it last opened"
        );
    }
    Ok(())
}

fn compare_by_hand(ours: ByHand, model: &Model) -> Result<(), TestCaseError> {
    prop_assert_eq!((ours.commands, ours.last_reset), (model.commands, model.last_reset), "commands, the last reset");
    prop_assert_eq!((ours.mode, ours.enforcement), (model.mode_by_hand, model.enforcement_by_hand), "set by hand");
    let force = model.force.map(|force| match force {
        Force::Open { until: None } => Forced::Open,
        Force::Open { until: Some(until) } => Forced::OpenFor(until - model.now),
        Force::Closed => Forced::Closed,
    });
    prop_assert_eq!(ours.force, force, "force");
    Ok(())
}

/// While open no outcome counts: nobody asks what a window shows then.
fn compare_counts(ours: &Snapshot, model: &Model) -> Result<(), TestCaseError> {
    if ours.state == State::Open {
        return Ok(());
    }
    let window = model.window();
    let count = |of: fn(&Entry) -> bool| window.iter().filter(|entry| of(entry)).count() as u64;
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
    prop_assert_eq!(
        (ours.opens, ours.half_opens, ours.vetoed),
        (then.opens, then.half_opens, then.vetoed),
        "opens, half-opens, vetoes"
    );
    let states = [State::Closed, State::Open, State::HalfOpen];
    for (from, to) in states.into_iter().flat_map(|from| states.map(|to| (from, to))) {
        let models = then.transitions.get(&(from.as_str(), to.as_str())).copied().unwrap_or_default();
        prop_assert_eq!(ours.transitions.between(from, to), models, "from {:?} to {:?}", from, to);
    }
    for reason in Reason::ALL {
        let refused = ours.refusals.of(*reason);
        let models = then.refusals.get(reason.as_str()).copied().unwrap_or_default();
        prop_assert_eq!((refused.detected, refused.enforced), models, "refusals: {}", reason.as_str());
    }
    Ok(())
}
