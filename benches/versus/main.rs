//! Ours against the peers, in one run: `cargo bench -p benches --bench versus`, with `-- --quick` for a look, with
//! `-- NAME` for the rows whose name contains it.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]
#![allow(clippy::cast_precision_loss, reason = "counts and nanoseconds stay far below 2^53")]

use std::env;

#[path = "../support/drive.rs"]
mod drive;
#[path = "../support/inner.rs"]
mod inner;
mod measure;
mod report;
mod rows;
#[path = "../support/together.rs"]
mod together;

use measure::{Effort, interleaved};

fn main() {
    let mut effort = Effort::FULL;
    let mut names = Vec::new();
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--quick" => effort = Effort::QUICK,
            // Cargo's own.
            "--bench" => {}
            name => names.push(name.to_owned()),
        }
    }
    let rows = rows::all();
    if let Some(name) = names.iter().find(|name| !rows.iter().any(|row| row.case.contains(*name))) {
        let cases: Vec<_> = rows.iter().map(|row| row.case).collect();
        eprintln!("no row is named {name}; there are {}", cases.join(", "));
        std::process::exit(2);
    }

    // Timers need a runtime, but inside a task its cooperative budget would make futures pend: it is entered, no more.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();

    println!("{} rounds of {} calls, ours and theirs in turn", effort.rounds, effort.calls);
    report::print_head();
    let mut lines = Vec::new();
    for row in rows.into_iter().filter(|row| names.is_empty() || names.iter().any(|name| row.case.contains(name))) {
        let (mut ours, mut peer) = (row.sides)();
        let measured = interleaved(row.effort(effort), &mut ours, &mut peer);
        let line = report::Line { case: row.case, peer: row.peer, bar: row.bar, measured };
        report::print(&line);
        lines.push(line);
    }
    match report::write(&lines) {
        Ok(path) => println!("\nwritten to {}", path.display()),
        Err(error) => eprintln!("\ncannot write the JSON: {error}"),
    }
}
