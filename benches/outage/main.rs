//! An outage, and what each stack makes of it: `cargo bench -p benches --bench outage`.
//!
//! A simulation on tokio's paused time: nothing sleeps, one run is one thread, and all that is random is seeded. Callers
//! come to a backend with a known capacity whatever became of those before; the backend has an incident; the same calls
//! come to each stack. `OUTAGE.md` says how to read what this prints and writes.
//!
//! `-- --seeds 10` for fewer incidents of each kind, `-- --only half,flapping` for some kinds; then nothing is written.

mod backend;
mod clients;
mod incident;
mod plot;
mod report;
mod stacks;
mod tally;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use incident::{Incident, Plan};
use stacks::Stack;
use tally::Tally;

/// All runs of one kind of incident against one stack, by seed.
pub(crate) struct Cell {
    pub(crate) incident: Incident,
    pub(crate) stack: Stack,
    pub(crate) runs: Vec<Tally>,
}

fn main() {
    let (mut seeds, mut only) = (100, String::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seeds" => seeds = arguments.next().and_then(|count| count.parse().ok()).expect("--seeds COUNT"),
            "--only" => only = arguments.next().expect("--only NAME,.."),
            // Cargo says it to every bench.
            "--bench" => {}
            other => panic!("unknown: {other}; accepted: --seeds COUNT, --only NAME,.."),
        }
    }
    let wanted = |incident: &Incident| only.is_empty() || only.split(',').any(|name| incident.slug().contains(name));
    let incidents: Vec<Incident> = Incident::ALL.into_iter().filter(wanted).collect();
    let cells = play_all(&incidents, seeds);
    print!("{}", report::tables(&cells));
    if only.is_empty() && seeds >= 100 {
        report::write(&cells).expect("the tables are written");
        plot::write(&incidents).expect("the plots are written");
    }
}

/// Each run on one thread, several at a time.
fn play_all(incidents: &[Incident], seeds: u64) -> Vec<Cell> {
    let pairs = incidents.iter().flat_map(|incident| Stack::ALL.map(|stack| (*incident, stack)));
    let cells: Vec<_> = pairs.map(|(incident, stack)| Mutex::new(Cell { incident, stack, runs: Vec::new() })).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut cell = cell.lock().expect("no panic");
                    let (incident, stack) = (cell.incident, cell.stack);
                    cell.runs = (0..seeds)
                        .map(|seed| {
                            let plan = Plan::draw(incident, seed);
                            tally::tally(&plan, &clients::play(&plan, stack))
                        })
                        .collect();
                }
            });
        }
    });
    cells.into_iter().map(|cell| cell.into_inner().expect("no panic")).collect()
}
