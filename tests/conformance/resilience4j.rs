//! resilience4j: sliding windows, rates, and a half-open verdict by rate.

use std::time::Duration;

use tower_breaker_core::{CircuitBreakerConfig, CircuitBreakerConfigBuilder, Outcome, SlidingWindow, Snapshot, State};

use crate::{
    player::{Player, STRICTLY, configured, each_step, letter, refused, same, unknown},
    trace::{Config, Step, Trace},
    way::Way,
};

/// Their rates are percentages in single precision; our waits are compared as milliseconds.
const ROUNDING: f64 = 1e-4;

pub(crate) fn replay<W: Way>(trace: &Trace) -> Result<(), String> {
    let builder = configured(trace, config_of(&trace.config))?;
    let mut player = configured(trace, Player::<W>::new(trace, builder.clone().build()))?;
    let mut state = State::Closed;
    let mut refused_before = 0;
    each_step(trace, |step| {
        play(&mut player, trace, step)?;
        let now = player.circuit.snapshot();
        if now.state != state && now.state != State::Open {
            refused_before = refused(&now);
        }
        state = now.state;
        compare(&now, step, refused_before)?;
        if now.state == State::Open { round_wait(&player, &trace.config, &builder, &now) } else { Ok(()) }
    })
}

fn config_of(config: &Config) -> Result<CircuitBreakerConfigBuilder, String> {
    config.must_be_off("auto")?;
    if let Some(other) = config.text("half_open_to").filter(|to| *to != "open") {
        return Err(format!("config.half_open_to is {other:?}: ours opens"));
    }
    let size = config.count("size")?;
    let minimum = config.count("min")?;
    let (window, minimum) = match config.text("window") {
        Some("count") => (SlidingWindow::calls(size), minimum.min(size)),
        Some("time") => (SlidingWindow::time_in(Duration::from_secs(size.into()), size), minimum),
        other => return Err(format!("config.window is {other:?}")),
    };
    let wait = config.millis("wait")?;
    let most = Some(config.millis("backoff_max")?).filter(|most| !most.is_zero());
    let share = |field| config.number(field).map(|percent| Some(percent / 100.0).filter(|share| *share > 0.0));
    let half_open_timeout = Some(config.millis("half_open_max")?).filter(|most| !most.is_zero());
    let builder = CircuitBreakerConfig::builder()
        .failure_threshold(None)
        .failure_rate_threshold(share("failure")?)
        .sliding_window(window)
        .minimum_calls(minimum)
        .open_duration(most.map_or(wait, |most| wait.min(most)) + STRICTLY)
        .open_duration_multiplier(config.number("backoff")?.max(1.0))
        .max_open_duration(most.map_or(Duration::MAX, |most| most + STRICTLY))
        .open_duration_jitter(0.0)
        .permitted_calls(config.count("permitted")?)
        .half_open_timeout(half_open_timeout);
    Ok(match share("slow")? {
        None => builder,
        Some(rate) => builder.slow_call_rate_threshold(rate).slow_call_duration_threshold(config.millis("slow_ms")?),
    })
}

fn play(player: &mut Player<impl Way>, trace: &Trace, step: &Step) -> Result<(), String> {
    let outcome = match step.op.as_str() {
        "advance" => return player.advance(step),
        "acquire" => return player.acquire(step, |_| "rejected"),
        "success" => Outcome::Success,
        "error" => Outcome::Failure,
        "ignore" | "ignored_error" => Outcome::Ignored,
        _ => return unknown(step),
    };
    let took = step.arg.map(Duration::from_millis);
    if trace.explicit {
        return player.end(step, outcome, took);
    }
    if took.is_some() {
        same("duration by the clock", player.elapsed(step), took)?;
    }
    player.end(step, outcome, None)
}

fn compare(now: &Snapshot, step: &Step, refused_before: u64) -> Result<(), String> {
    same("state", letter(now.state), step.state)?;
    if now.state != State::Open {
        same_rate("failure rate", now.failure_rate, step.column(0)?)?;
        same_rate("slow rate", now.slow_call_rate, step.column(1)?)?;
        same("calls in the window", now.window.calls as f64, step.column(2)?)?;
        same("failures in the window", now.window.failures as f64, step.column(3)?)?;
        same("slow calls in the window", now.window.slow as f64, step.column(4)?)?;
    }
    same("not permitted", (refused(now) - refused_before) as f64, step.column(5)?)
}

fn same_rate(what: &str, ours: Option<f64>, theirs: f64) -> Result<(), String> {
    let percent = ours.map_or(-1.0, |share| share * 100.0);
    if (percent - theirs).abs() < ROUNDING { Ok(()) } else { same(what, percent, theirs) }
}

/// Two things grow with the wait of further opens in a row: the nanosecond that ours is longer, and, where the multiplier
/// is a fraction, what theirs drops, which is less than a millisecond each time. Ours may be longer by as much, and is
/// cut to theirs.
fn round_wait(
    player: &Player<impl Way>,
    config: &Config,
    builder: &CircuitBreakerConfigBuilder,
    now: &Snapshot,
) -> Result<(), String> {
    let backoff = config.number("backoff")?.max(1.0);
    if backoff == 1.0 {
        return Ok(());
    }
    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    let most = Some(config.number("backoff_max")?).filter(|most| *most > 0.0).unwrap_or(f64::INFINITY);
    let dropped_each_time = if backoff.fract() == 0.0 { 0.0 } else { 1.0 };
    let (mut theirs, mut longer) = (config.number("wait")?.min(most), millis(STRICTLY));
    for _ in 1..now.opens_in_row {
        theirs = (theirs * backoff).floor().min(most);
        longer = longer * backoff + dropped_each_time;
    }
    let ours = now.open_wait.ok_or("open without a wait")?;
    let apart = millis(ours) - theirs;
    if !(0.0..=longer + ROUNDING).contains(&apart) {
        return Err(format!("wait of open {}: ours {ours:?}, theirs {theirs} ms", now.opens_in_row));
    }
    let cut = Duration::from_millis(theirs as u64) + STRICTLY;
    if ours > cut {
        let build = |builder: CircuitBreakerConfigBuilder| builder.build().map_err(|error| error.to_string());
        player.circuit.reconfigure(build(builder.clone().max_open_duration(cut))?);
        player.circuit.reconfigure(build(builder.clone())?);
    }
    Ok(())
}
