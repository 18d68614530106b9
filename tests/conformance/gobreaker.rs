//! gobreaker: failures in a row, and a half-open verdict by successes in a row.

use std::time::Duration;

use tower_breaker_core::{
    CircuitBreakerConfig, CircuitBreakerConfigBuilder, Outcome, Reason, Rejected, Snapshot, State,
};

use crate::{
    player::{Player, STRICTLY, configured, each_step, letter, same, unknown},
    trace::{Config, Step, Trace},
    way::Way,
};

pub(crate) fn replay<W: Way>(trace: &Trace) -> Result<(), String> {
    let builder = configured(trace, config_of(&trace.config))?;
    let mut player = configured(trace, Player::<W>::new(trace, builder.build()))?;
    let first = player.circuit.snapshot();
    let (first_generation, mut entered, mut late) = (first.generation, first, 0);
    each_step(trace, |step| {
        play(&mut player, step)?;
        let now = player.circuit.snapshot();
        if now.generation != entered.generation {
            entered = now.clone();
        }
        late += u64::from(step.events.contains("late"));
        same("stale", now.totals.stale, late)?;
        compare(&now, step, now.generation - first_generation, &entered)
    })
}

fn config_of(config: &Config) -> Result<CircuitBreakerConfigBuilder, String> {
    config.must_be_off("interval")?;
    config.must_be_off("trip_ratio")?;
    let or = |field, default| config.count(field).map(|count| if count == 0 { default } else { count });
    let probes = or("max_requests", 1)?;
    let wait = Duration::from_millis(or("timeout", 60_000)?.into()) + STRICTLY;
    Ok(CircuitBreakerConfig::builder()
        .failure_threshold(or("trip_consecutive", 6)?)
        .failure_rate_threshold(None)
        .open_duration(wait)
        .open_duration_multiplier(1.0)
        .open_duration_jitter(0.0)
        .success_threshold(probes)
        .half_open_max_concurrent(probes)
        .half_open_timeout(None))
}

fn play(player: &mut Player<impl Way>, step: &Step) -> Result<(), String> {
    let outcome = match step.op.as_str() {
        "advance" => return player.advance(step),
        "acquire" => return player.acquire(step, word),
        // They look here; ours is looked at after every step.
        "state" => return Ok(()),
        "success" => Outcome::Success,
        "error" => Outcome::Failure,
        "exclude" => Outcome::Ignored,
        _ => return unknown(step),
    };
    player.end(step, outcome, None)
}

fn word(rejected: &Rejected) -> &'static str {
    match rejected.reason() {
        Reason::Open => "open",
        Reason::HalfOpen => "too_many",
        _ => "refused by hand",
    }
}

fn compare(now: &Snapshot, step: &Step, transitions: u64, entered: &Snapshot) -> Result<(), String> {
    // Theirs is half-open as soon as anything looks after the wait, ours when a call is admitted.
    let looked = step.state == 'H' && now.state == State::Open && now.ready_to_probe;
    if !looked {
        same("state", letter(now.state), step.state)?;
    }
    same("transitions", (transitions + u64::from(looked)) as f64, step.column(0)? - 1.0)?;
    let since = |total: u64, before: u64| (total - before) as f64;
    same("successes", since(now.totals.successes, entered.totals.successes), step.column(2)?)?;
    same("failures", since(now.totals.failures, entered.totals.failures), step.column(3)?)?;
    same("exclusions", since(now.totals.ignored, entered.totals.ignored), step.column(4)?)?;
    if now.state != State::Open {
        same("successes in a row", f64::from(now.successes_in_row), step.column(5)?)?;
        same("failures in a row", f64::from(now.failures_in_row), step.column(6)?)?;
    }
    Ok(())
}
