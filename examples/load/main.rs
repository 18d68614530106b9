//! An open-loop load against a service on this machine, and what its users saw of it.
//!
//! ```text
//! cargo run --release --example load -- http://127.0.0.1:8080/orders --rate 200 --seconds 30
//! ```
//!
//! In front of a service that wears a circuit breaker it shows when the circuit opened, how quick its refusals were, and when
//! it had recovered. Try it with `--example gateway` or `--example axum_server` in another terminal. `args` reads the command line,
//! `target` sees to it that nobody else's service is called, `run` is the load, `seen` says what one answer means, `episodes`
//! and `report` what all of them do.

mod args;
mod episodes;
mod report;
mod run;
mod seen;
mod target;

use std::{io::Write, process::ExitCode, time::Duration};

use args::Command;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    net::TcpStream,
    time::{MissedTickBehavior, interval_at, timeout},
};

/// For mistakes in arguments; 1 is for a service that never answered.
const MISTAKE: u8 = 2;
/// Files beside the connections.
const BESIDE: u64 = 32;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned());
    let done = match args::parse(arguments) {
        Ok(Command::Help) => {
            say(args::HELP);
            Ok(())
        }
        Ok(Command::Run(plan)) => load(*plan),
        Err(problem) => Err((MISTAKE, problem)),
    };
    done.map_or_else(
        |(code, problem)| {
            let _ = writeln!(std::io::stderr(), "load: {problem}");
            ExitCode::from(code)
        },
        |()| ExitCode::SUCCESS,
    )
}

#[tokio::main]
async fn load(plan: args::Plan) -> Result<(), (u8, String)> {
    enough_files(plan.connections as u64)?;
    let at = plan.target.at;
    let there = timeout(Duration::from_secs(2), TcpStream::connect(at)).await;
    match there {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err((1, format!("nobody takes connections on {at}: {error}"))),
        Err(_) => return Err((1, format!("nobody takes connections on {at}: no word for 2 s"))),
    }
    let (uri, rate, seconds) = (&plan.target.uri, plan.rate, plan.seconds);
    say(format_args!("{} {uri}: {rate} calls a second for {seconds} s; Ctrl-C ends it\n", plan.method));
    let load = run::Load::new(plan);
    let all = load.run();
    // One for all the time: what comes between two of them is lost.
    let interrupt = tokio::signal::ctrl_c();
    tokio::pin!(all, interrupt);
    let every = Duration::from_secs(1);
    let mut tick = interval_at(tokio::time::Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let interrupted = loop {
        tokio::select! {
            () = &mut all => break false,
            _ = &mut interrupt => break true,
            _ = tick.tick() => {
                let line = load.report().line(load.elapsed().as_secs(), load.under_way());
                say(line);
            }
        }
    };
    if interrupted {
        say("\nCtrl-C: it ends here");
    }
    let mut report = load.report();
    if report.has_more() {
        let line = report.line(load.elapsed().as_secs() + 1, load.under_way());
        say(line);
    }
    let whole = report.whole(load.plan(), load.elapsed(), load.under_way());
    say(whole.trim_end());
    if report.was_answered() || interrupted { Ok(()) } else { Err((1, format!("nobody on {at} ever answered"))) }
}

/// Raises the limit of open files, if need be, or says that it is too low.
fn enough_files(connections: u64) -> Result<(), (u8, String)> {
    let wanted = connections + BESIDE;
    let limit = getrlimit(Resource::Nofile);
    let is_low = |limit: Option<u64>| limit.is_some_and(|limit| limit < wanted);
    if is_low(limit.current) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < wanted => Err((
            MISTAKE,
            format!("--connections is {connections}; the limit of {limit} open files (ulimit -n) is too low"),
        )),
        _ => Ok(()),
    }
}

fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // A reader that has gone away is no reason to stop.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
