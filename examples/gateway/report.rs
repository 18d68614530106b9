//! What the program says: one line for each thing, written at once, also into a pipe nobody reads.

use std::{
    fmt::Display,
    io::Write,
    sync::LazyLock,
    time::{Duration, Instant},
};

use tower_breaker::{ActiveMode, Condition, State, Transition};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// To standard output.
pub(crate) fn say(line: impl Display) {
    let mut out = std::io::stdout().lock();
    // A reader that has gone away is no reason to stop serving.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// To standard error.
pub(crate) fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Something that happened, with the time since the start.
pub(crate) fn event(line: impl Display) {
    say(format_args!("{:7.1}s  {line}", START.elapsed().as_secs_f64()));
}

/// Begins to count the time of events.
pub(crate) fn start() {
    LazyLock::force(&START);
}

/// A circuit's transition, in words.
pub(crate) fn transition(transition: &Transition) {
    let Transition { circuit, from, to, .. } = transition;
    event(format_args!("{circuit}: {} -> {}{}", from.as_str(), to.as_str(), reason(transition)));
}

fn reason(transition: &Transition) -> String {
    match (transition.to, transition.mode) {
        (State::Open, _) if transition.condition.is_none() => ", no longer forced".to_owned(),
        (State::Open, _) => format!(", {}{}", condition(transition), next_probe(transition.wait)),
        (State::HalfOpen, _) => ", a probe is on its way".to_owned(),
        (State::Closed, ActiveMode::ForcedClosed) => ", forced".to_owned(),
        _ if transition.from == State::HalfOpen => ", recovered".to_owned(),
        _ => String::new(),
    }
}

fn condition(transition: &Transition) -> String {
    let percent = |rate: Option<f64>| rate.map_or("too many".to_owned(), |rate| format!("{:.0} %", rate * 100.0));
    match transition.condition {
        Some(Condition::FailureRate) => format!("{} of the calls failed", percent(transition.failure_rate)),
        Some(Condition::SlowCallRate) => format!("{} of the calls were slow", percent(transition.slow_call_rate)),
        Some(Condition::FailuresInRow) => "too many failures in a row".to_owned(),
        Some(Condition::ProbeFailed) => "the probe failed".to_owned(),
        Some(Condition::ProbeSlow) => "the probe was slow".to_owned(),
        Some(Condition::HalfOpenTimeout) => "the probe was never answered".to_owned(),
        Some(other) => other.as_str().replace('_', " "),
        None => "opened".to_owned(),
    }
}

fn next_probe(wait: Option<Duration>) -> String {
    wait.map_or(String::new(), |wait| format!("; refuses for {:.1} s, then probes", wait.as_secs_f64()))
}
