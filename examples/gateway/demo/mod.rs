//! The demonstration: three upstreams on this machine, a gentle load, and what to watch.

mod load;
mod upstreams;

use std::{io, net::SocketAddr};

use crate::{config::Config, report};

/// The three upstreams, where they listen.
#[derive(Debug)]
pub(crate) struct Upstreams {
    steady: SocketAddr,
    flaky: SocketAddr,
    slow: SocketAddr,
}

impl Upstreams {
    pub(crate) async fn start() -> io::Result<Self> {
        Ok(Self {
            steady: upstreams::start(upstreams::steady).await?,
            flaky: upstreams::start(upstreams::flaky).await?,
            slow: upstreams::start(upstreams::slow).await?,
        })
    }

    /// The routes file of the demonstration.
    fn document(&self) -> String {
        let Self { steady, flaky, slow } = self;
        format!(
            r#"[policies.default.circuit_breaker]
failure_threshold = 3
open_duration = "4s"
success_threshold = 2

[policies.impatient]
extends = "default"
circuit_breaker = {{ slow_call_duration_threshold = "500ms", slow_call_rate_threshold = 0.5, minimum_calls = 10 }}

[[routes]]
path = "/steady"
upstream = "http://{steady}"

[[routes]]
path = "/flaky"
upstream = "http://{flaky}"

[[routes]]
path = "/slow"
policy = "impatient"
upstream = "http://{slow}"
"#
        )
    }

    pub(crate) fn config(&self) -> Config {
        Config::from_toml(&self.document()).expect("the document above is right")
    }

    /// Says what to watch, and begins to call the routes.
    pub(crate) fn show(&self, at: SocketAddr, admin: SocketAddr) {
        let document: String = self.document().lines().map(|line| format!("    {line}\n")).collect();
        report::say(format_args!(
            "\nThe routes file of this demonstration (yours: --config FILE):\n\n{document}\n\
             A few calls a second go to each route. What to watch, over and over:\n\
             \x20 /steady  answers always\n\
             \x20 /flaky   answers 500 from second {} to {} of every {}: its circuit opens, probes, and closes\n\
             \x20 /slow    takes 0.9 s from second {} to {} of every {}: too slow counts as failing\n\
             Try it:\n\
             \x20 curl -i http://{at}/flaky\n\
             \x20 curl -s http://{admin}/health/circuits\n\
             Ctrl-C ends it. Each change of a circuit is a line:\n",
            upstreams::OUTAGE.start,
            upstreams::OUTAGE.end,
            upstreams::FLAKY_CYCLE,
            upstreams::SLOWNESS.start,
            upstreams::SLOWNESS.end,
            upstreams::SLOW_CYCLE,
        ));
        tokio::spawn(load::run(at));
    }
}
