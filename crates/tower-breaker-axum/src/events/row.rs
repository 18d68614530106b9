use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde::Serialize;
use tokio::time::Instant;
use tower_breaker_core::{Snapshot, State};

use crate::{
    json::{VERSION, seconds, text},
    sets::Sets,
};

/// So many circuits are looked at before other tasks of the runtime get their turn.
const AT_ONCE: usize = 256;
/// A wait that ends otherwise than was told by more than this is told again.
const TOLERANCE: Duration = Duration::from_millis(250);

/// A circuit as it is told each time it has changed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Row {
    #[serde(serialize_with = "text")]
    set: Arc<str>,
    #[serde(serialize_with = "text")]
    name: Arc<str>,
    state: &'static str,
    mode: &'static str,
    enforcement: f64,
    generation: u64,
    ready_to_probe: bool,
    state_age_seconds: f64,
    open_wait_seconds: Option<f64>,
    remaining_seconds: Option<f64>,
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    calls_in_window: u64,
    opens_in_row: u32,
    condition: Option<&'static str>,
    /// Over its life, as those below.
    calls: u64,
    failures: u64,
    slow: u64,
    refused: u64,
    detected: u64,
}

impl Row {
    fn new(set: &Arc<str>, snapshot: &Snapshot) -> Self {
        Self {
            set: Arc::clone(set),
            name: Arc::clone(&snapshot.name),
            state: snapshot.state.as_str(),
            mode: snapshot.mode.as_str(),
            enforcement: snapshot.enforcement,
            generation: snapshot.generation,
            ready_to_probe: snapshot.ready_to_probe,
            state_age_seconds: seconds(snapshot.state_age),
            open_wait_seconds: snapshot.open_wait.map(seconds),
            remaining_seconds: snapshot.open_remaining.map(seconds),
            failure_rate: snapshot.failure_rate,
            slow_call_rate: snapshot.slow_call_rate,
            calls_in_window: snapshot.window.calls,
            opens_in_row: snapshot.opens_in_row,
            condition: snapshot.last_opened.map(|opened| opened.condition.as_str()),
            calls: snapshot.totals.calls(),
            failures: snapshot.totals.failures,
            slow: snapshot.totals.slow,
            refused: snapshot.refusals.enforced(),
            detected: snapshot.refusals.detected(),
        }
    }

    /// The same, the times aside that pass by themselves.
    fn says_the_same(&self, other: &Self) -> bool {
        self.generation == other.generation
            && (self.state, self.mode, self.ready_to_probe) == (other.state, other.mode, other.ready_to_probe)
            && (self.calls, self.refused, self.detected) == (other.calls, other.refused, other.detected)
            && (self.enforcement, self.open_wait_seconds) == (other.enforcement, other.open_wait_seconds)
            && (self.failure_rate, self.slow_call_rate) == (other.failure_rate, other.slow_call_rate)
            && (self.calls_in_window, self.opens_in_row) == (other.calls_in_window, other.opens_in_row)
    }
}

#[derive(Debug)]
struct Seen {
    row: Row,
    /// When the wait ends, as it was last told.
    ends: Option<Instant>,
    round: u64,
    /// One who came since was told something else.
    told_apart: bool,
}

impl Seen {
    /// Whether somebody who knows this learns nothing from that.
    fn tells_as_much(&self, row: &Row, ends: Option<Instant>) -> bool {
        let as_told = match (self.ends, ends) {
            (Some(before), Some(now)) => {
                before.saturating_duration_since(now).max(now.saturating_duration_since(before)) < TOLERANCE
            }
            (before, now) => before.is_none() == now.is_none(),
        };
        // A wait that is over stays at nought while its end moves on.
        row.says_the_same(&self.row) && (as_told || row.ready_to_probe)
    }
}

/// How the circuits were at the last look.
#[derive(Debug, Default)]
pub(super) struct Rows {
    seen: HashMap<(usize, Arc<str>), Seen>,
    round: u64,
    at: u64,
}

/// All circuits, for those who begin to listen.
#[derive(Debug, Serialize)]
pub(super) struct Whole {
    version: u32,
    /// Of the last look.
    at: u64,
    interval_seconds: f64,
    operator: bool,
    circuits: Vec<Row>,
}

/// What has changed since the last look.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    at: u64,
    total: usize,
    closed: usize,
    open: usize,
    half_open: usize,
    changed: Vec<Row>,
    gone: Vec<Gone>,
}

#[derive(Debug, Serialize)]
struct Gone {
    #[serde(serialize_with = "text")]
    set: Arc<str>,
    #[serde(serialize_with = "text")]
    name: Arc<str>,
}

impl Rows {
    pub(super) async fn look(&mut self, sets: &Sets) -> Summary {
        self.round += 1;
        self.at = now();
        let mut summary = Summary { at: self.at, ..Summary::default() };
        let mut labels = Vec::new();
        for (index, set) in sets.iter().enumerate() {
            labels.push(Arc::clone(&set.label));
            for circuits in set.list().chunks(AT_ONCE) {
                for circuit in circuits {
                    let snapshot = circuit.snapshot();
                    match snapshot.state {
                        State::Closed => summary.closed += 1,
                        State::Open => summary.open += 1,
                        State::HalfOpen => summary.half_open += 1,
                    }
                    let row = Row::new(&set.label, &snapshot);
                    summary.changed.extend(self.note(index, row, snapshot.open_remaining));
                }
                tokio::task::yield_now().await;
            }
        }
        summary.total = summary.closed + summary.open + summary.half_open;
        let round = self.round;
        let gone = self.seen.extract_if(|_, seen| seen.round != round);
        summary.gone.extend(gone.map(|((index, name), _)| Gone { set: Arc::clone(&labels[index]), name }));
        summary
    }

    /// Keeps the row; gives it back if it says something new.
    fn note(&mut self, index: usize, row: Row, remaining: Option<Duration>) -> Option<Row> {
        let (ends, round) = (ends(remaining), self.round);
        match self.seen.entry((index, Arc::clone(&row.name))) {
            Entry::Occupied(mut seen) if !seen.get().told_apart && seen.get().tells_as_much(&row, ends) => {
                let seen = seen.get_mut();
                (seen.row, seen.round) = (row, round);
                None
            }
            place => {
                place.insert_entry(Seen { row: row.clone(), ends, round, told_apart: false });
                Some(row)
            }
        }
    }

    /// How the circuits are now, but with the counts of the last look, and when that was: so the next summary, which is of
    /// all that came since, means the same to those who come now as to those who were told of that look.
    pub(super) async fn whole(&mut self, sets: &Sets, interval: Duration, operator: bool) -> Whole {
        let mut circuits = Vec::with_capacity(self.seen.len());
        for (index, set) in sets.iter().enumerate() {
            for list in set.list().chunks(AT_ONCE) {
                for circuit in list {
                    let snapshot = circuit.snapshot();
                    // One that is new is told with the next summary, as to all others.
                    let Some(seen) = self.seen.get_mut(&(index, Arc::clone(&snapshot.name))) else { continue };
                    let Row { calls, failures, slow, refused, detected, .. } = seen.row;
                    let row = Row { calls, failures, slow, refused, detected, ..Row::new(&set.label, &snapshot) };
                    seen.told_apart |= !seen.tells_as_much(&row, ends(snapshot.open_remaining));
                    circuits.push(row);
                }
                tokio::task::yield_now().await;
            }
        }
        Whole { version: VERSION, at: self.at, interval_seconds: seconds(interval), operator, circuits }
    }
}

fn ends(remaining: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(remaining?)
}

/// What the clock on the wall shows, in milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
