//! What the program says: one line for each thing, written at once, and waited for by nobody once it serves (`printer`).

use std::{
    fmt::Display,
    io::{self, Write},
    sync::{LazyLock, mpsc},
    thread,
    time::{Duration, Instant},
};

use tower_breaker::{ActiveMode, Condition, State, Transition};

use crate::printer::{OUT_WITHIN, Printer};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

static PRINTER: Printer = Printer::new();

/// To standard output: what is said at the start, and is never left out.
pub(crate) fn say(line: impl Display) {
    PRINTER.print(line.to_string(), true);
}

/// To standard error, last of all. It is waited for, but only for a moment: what is full may stay so.
pub(crate) fn complain(line: impl Display) {
    let line = text(&line.to_string());
    let (done, wait) = mpsc::channel();
    let write = move || {
        let _ = writeln!(io::stderr().lock(), "{line}");
        let _ = done.send(());
    };
    if thread::Builder::new().spawn(write).is_ok() {
        let _ = wait.recv_timeout(OUT_WITHIN);
    }
}

/// Something that happened, with the time since the start. Left out where many wait to be read.
pub(crate) fn event(line: impl Display) {
    PRINTER.print(format!("{:7.1}s  {}", START.elapsed().as_secs_f64(), text(&line.to_string())), false);
}

/// A line with strangers' words in it, such as names of circuits. What would command a terminal, end the line, or turn round
/// the reading of what stands behind it is escaped: controls, and characters of format. Letters of any script stay.
fn text(line: &str) -> String {
    const STAY: [char; 3] = ['"', '\'', '\\'];
    let mut text = String::with_capacity(line.len());
    for part in line.split_inclusive(STAY) {
        let words = part.strip_suffix(STAY).unwrap_or(part);
        text.extend(words.escape_debug());
        text.push_str(&part[words.len()..]);
    }
    text
}

/// Begins to count the time of events, and to say things that nobody waits for.
pub(crate) fn start() -> io::Result<()> {
    LazyLock::force(&START);
    PRINTER.start()
}

/// Waits for a moment until all that was said has been read.
pub(crate) fn finish() {
    PRINTER.finish();
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
