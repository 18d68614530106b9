//! A reverse proxy with timeouts, retries, limits and a circuit breaker for each of its routes.
//!
//! `cargo run --release --example gateway` starts it with three upstreams of its own and shows circuits open and recover;
//! `-- --config FILE` proxies to real ones. `-- --help` lists the rest.
//!
//! `serve` is the program's life. The other files, in the order in which a request meets them: `connections` takes its
//! connection, on which `caller`, `wire` and `pace` see to it that nobody waits for its caller for ever, `proxy` finds
//! the route, `headers` prepares what goes on, `stack` puts the stages of the route around the call, `balanced` and
//! `endpoints` choose one of several upstreams and judge it, `forward` calls it, with the body that `upload` passes on, and
//! `reply` is what comes back.
//! `stages` keeps what they share from call to call, `judge` says whose fault a failure is, `fallback` answers in its
//! place. `config` is what this program adds to the routes document of `tower_breaker::routes`, `reload` puts a changed
//! one in force, `admin` shows the circuits, `vitals` what the program itself holds, `state` keeps the circuits across
//! a restart, `fleet` shares them with other gateways, `open_files` says how many callers there is room for. `report` has
//! the words for what happens, and `printer` sees to it that nobody waits for their reader.

mod admin;
mod answer;
mod args;
mod balanced;
mod caller;
mod config;
mod connections;
mod demo;
mod describe;
mod endpoints;
mod fallback;
mod fleet;
mod forward;
mod headers;
mod judge;
mod open_files;
mod pace;
mod printer;
mod proxy;
mod reload;
mod reply;
mod report;
mod serve;
mod stack;
mod stages;
mod state;
mod upload;
mod upstream;
mod upstreams;
mod vitals;
mod wire;

use std::process::ExitCode;

use args::Command;

/// For mistakes in arguments and files; 1 is for what the machine refuses, a taken port for one.
const MISTAKE: u8 = 2;

fn main() -> ExitCode {
    let done = match args::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => {
            report::say(args::HELP);
            Ok(())
        }
        Ok(Command::Check(file)) => config::load(&file)
            .map(|(config, _)| report::say(describe::effective(&file, &config)))
            .map_err(|error| (MISTAKE, error)),
        Ok(Command::Serve(serve)) => run(serve),
        Err(problem) => Err((MISTAKE, problem)),
    };
    report::finish();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, problem)) => {
            report::complain(format_args!("gateway: {problem}"));
            ExitCode::from(code)
        }
    }
}

fn run(serve: args::Serve) -> Result<(), (u8, String)> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| (1, format!("cannot start: {error}")))?;
    let done = runtime.block_on(serve::run(serve));
    // What still hangs on a connection after the drain is cut off here.
    runtime.shutdown_background();
    done
}
