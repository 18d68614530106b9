//! Instructions a call costs, against `instructions.txt`: times are noise on a shared machine, instructions are not.
//!
//! `cargo bench -p benches --bench instructions` needs valgrind and ends in an error where a call costs more than its
//! baseline and the margin; `-- --renew` writes the baseline anew.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]

use std::{env, fmt::Write as _, fs, process::Command, time::Duration};

use tower::Layer;
use tower_breaker::{
    Bulkhead, Circuit, CircuitBreakerConfig, CircuitBreakerLayer, ResilienceLayer, SlidingWindow, retry::RetryConfig,
};
use tower_service::Service;

#[path = "support/drive.rs"]
mod drive;
#[path = "support/inner.rs"]
mod inner;

use drive::timed;
use inner::Bare;

const CALLS: u64 = 1_000;
/// The end of a bucket stays below it, another copy does not.
const MARGIN_PERCENT: u64 = 3;
const BASELINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/instructions.txt");

/// What one call costs. A locked instruction is one of many, but takes as long as twenty others.
#[derive(Debug, Clone, Copy)]
struct Cost {
    instructions: u64,
    locked: u64,
}

/// By name; each makes its service and warms it up, and then has its calls measured.
const CASES: [(&str, fn()); 5] = [
    ("closed", closed),
    ("early", || in_window(1_000)),
    ("late", || in_window(1_000_000)),
    ("refused", refused),
    ("stack", stack),
];

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--case") {
        let (_, run) = CASES.into_iter().find(|(name, _)| *name == arguments[at + 1]).unwrap();
        run();
        return;
    }
    let counted = CASES.map(|(name, _)| (name, count(name)));
    if arguments.iter().any(|argument| argument == "--renew") {
        renew(&counted);
    } else if !counted.map(|(name, cost)| is_within(name, cost)).iter().all(|within| *within) {
        eprintln!(
            "\na call costs more instructions than it did. If what it brings is worth that, renew the baseline and say why in \
             the commit:\n    cargo bench -p benches --bench instructions -- --renew"
        );
        std::process::exit(1);
    }
}

/// The cost of one call, as callgrind counts it.
fn count(case: &str) -> Cost {
    let output = Command::new("valgrind")
        .args([
            "--tool=callgrind",
            "--collect-bus=yes",
            "--callgrind-out-file=/dev/null",
            "--toggle-collect=*measured*",
        ])
        .args([&*env::current_exe().unwrap().to_string_lossy(), "--case", case])
        .output()
        .unwrap_or_else(|error| panic!("valgrind cannot be run ({error}); Debian has it in the package valgrind"));
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| two_numbers(line.split_once("Collected : ")?.1));
    let (instructions, locked) = collected.unwrap_or_else(|| panic!("callgrind counted nothing:\n{said}"));
    Cost { instructions: instructions / CALLS, locked: locked / CALLS }
}

fn is_within(case: &str, cost: Cost) -> bool {
    let lines = fs::read_to_string(BASELINE).unwrap_or_else(|error| panic!("{BASELINE}: {error}"));
    let baseline = lines.lines().filter_map(|line| line.split_once(' ')).find(|(name, _)| *name == case);
    let (instructions, locked) = baseline.and_then(|(_, counts)| two_numbers(counts)).unwrap_or_else(|| {
        panic!(
            "{BASELINE} has no numbers for {case}; `cargo bench -p benches --bench instructions -- --renew` writes them"
        )
    });
    let most = instructions + instructions * MARGIN_PERCENT / 100;
    let within = cost.instructions <= most && cost.locked <= locked;
    let verdict = if !within {
        "too many"
    } else if cost.instructions * 100 < instructions * (100 - MARGIN_PERCENT) || cost.locked < locked {
        "fewer: the baseline can be renewed"
    } else {
        ""
    };
    println!(
        "{case:<8} {:>5} instructions a call, baseline {instructions:>5}, at most {most:>5}; locked {:>2}, at most {locked:>2}  {verdict}",
        cost.instructions, cost.locked
    );
    within
}

fn two_numbers(text: &str) -> Option<(u64, u64)> {
    let mut numbers = text.split_whitespace().map_while(|number| number.parse().ok());
    numbers.next().zip(numbers.next())
}

fn renew(counted: &[(&str, Cost)]) {
    let mut lines = String::new();
    for (case, Cost { instructions, locked }) in counted {
        println!("{case:<8} {instructions:>5} instructions a call, {locked:>2} of them locked");
        writeln!(lines, "{case} {instructions} {locked}").unwrap();
    }
    fs::write(BASELINE, lines).unwrap();
}

/// Only what happens in here is counted.
#[inline(never)]
fn measured<S: Service<u64>>(service: &mut S) {
    timed(service, CALLS);
}

fn measure<S: Service<u64>>(mut service: S) {
    timed(&mut service, CALLS);
    measured(&mut service);
}

fn closed() {
    measure(CircuitBreakerLayer::new(Circuit::new("closed", CircuitBreakerConfig::default())).layer(Bare::<0>));
}

/// Where so many calls are in the time window already, of which each tenth failed: it must make no difference how many.
fn in_window(before: u64) {
    let config = CircuitBreakerConfig::builder()
        .failure_rate_threshold(1.0)
        .sliding_window(SlidingWindow::time(Duration::from_secs(3_600)))
        .build()
        .unwrap();
    let mut service = CircuitBreakerLayer::new(Circuit::new("window", config)).layer(Bare::<10>);
    timed(&mut service, before);
    measured(&mut service);
}

fn refused() {
    let circuit = Circuit::new("open", CircuitBreakerConfig::default());
    circuit.remote_open(Duration::from_secs(3_600));
    measure(CircuitBreakerLayer::new(circuit).layer(Bare::<0>));
}

fn stack() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    let layer = ResilienceLayer::builder()
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::default())
        .bulkhead(Bulkhead::builder(64).max_queue(128).max_wait(Duration::from_millis(100)).build().unwrap())
        .circuit(Circuit::new("stack", CircuitBreakerConfig::default()))
        .attempt_timeout(Duration::from_secs(2))
        .build()
        .unwrap();
    measure(layer.layer(Bare::<0>));
}
