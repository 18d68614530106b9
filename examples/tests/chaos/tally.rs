//! What callers saw, and the page that says so.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, MutexGuard},
    time::Duration,
};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    /// An answer of the upstream's own, word for word.
    Real,
    /// One of the gateway's own.
    Own(u16),
    /// The answer broke off.
    Cut,
    /// The connection was closed, and there was none.
    NoAnswer,
    /// There was none in all the time that a caller has.
    Silence,
    /// Nobody took the connection.
    NoConnection,
    /// An answer that nobody has given.
    Wrong,
}

#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Counted>);

#[derive(Debug, Default)]
pub(crate) struct Counted {
    pub(crate) seen: BTreeMap<Seen, u64>,
    /// Real answers since the last other one.
    pub(crate) in_row: u64,
}

impl Tally {
    pub(crate) fn add(&self, seen: Seen) {
        let mut counted = self.get();
        *counted.seen.entry(seen).or_default() += 1;
        counted.in_row = if seen == Seen::Real { counted.in_row + 1 } else { 0 };
    }

    pub(crate) fn get(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap()
    }

    /// Callers are served. Not without exception: a machine that stands still for a second makes timeouts of its own.
    #[track_caller]
    pub(crate) fn is_real_but_for_a_few(&self) {
        let seen = self.get().seen.clone();
        let (all, real) = (seen.values().sum::<u64>(), self.count(Seen::Real));
        assert!(real * 10 >= all * 9, "{seen:?}");
    }

    pub(crate) fn count(&self, seen: Seen) -> u64 {
        self.get().seen.get(&seen).copied().unwrap_or(0)
    }
}

/// What the gateway itself holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vitals {
    pub(crate) resident_kib: u64,
    pub(crate) tasks: u64,
    pub(crate) connections: u64,
    pub(crate) descriptors: u64,
    pub(crate) places: u64,
}

/// One phase of a run, when it is over.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) took: Duration,
    pub(crate) seen: BTreeMap<Seen, u64>,
    pub(crate) recovered_in: Duration,
    pub(crate) before: Vitals,
    pub(crate) peak: Vitals,
    pub(crate) after: Vitals,
    pub(crate) note: String,
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| phase | s | calls | real | real/s | 502 | 503 | 504 | cut | none | well after | MiB | tasks | connections | descriptors | places |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let count = |seen: Seen| row.seen.get(&seen).copied().unwrap_or(0);
        let all: u64 = row.seen.values().sum();
        let none: u64 = [Seen::NoAnswer, Seen::Silence, Seen::NoConnection, Seen::Wrong].into_iter().map(count).sum();
        let (seconds, real) = (row.took.as_secs_f64(), count(Seen::Real));
        let _ = write!(text, "| {} | {seconds:.1} | {all} | {real} | {:.0} ", row.name, real as f64 / seconds);
        for seen in [Seen::Own(502), Seen::Own(503), Seen::Own(504), Seen::Cut] {
            let _ = write!(text, "| {} ", count(seen));
        }
        let (before, peak, after) = (row.before, row.peak, row.after);
        let _ = write!(text, "| {none} | {:.2} s ", row.recovered_in.as_secs_f64());
        let columns: [fn(Vitals) -> u64; 5] =
            [|it| it.resident_kib / 1024, |it| it.tasks, |it| it.connections, |it| it.descriptors, |it| it.places];
        for of in columns {
            let _ = write!(text, "| {}, {}, {} ", of(before), of(peak), of(after));
        }
        text.push_str("|\n");
    }
    for row in rows.iter().filter(|row| !row.note.is_empty()) {
        let _ = write!(text, "\n{}: {}.", row.name, row.note);
    }
    text
}
