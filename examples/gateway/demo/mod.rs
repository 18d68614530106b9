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
            r#"[policies.default]
timeout = "3s"
attempt_timeout = "500ms"
retry = {{ attempts = 3, base = "20ms" }}
rate_limit = {{ per_second = 10, burst = 30 }}
bulkhead = {{ max_concurrent = 8 }}

[policies.default.circuit_breaker]
failure_threshold = 3
open_duration = "4s"

[policies.replaceable]
extends = "default"
fallback = {{ status = 200, body = "nothing new" }}

[[routes]]
path = "/steady"
upstream = "http://{steady}"

[[routes]]
path = "/flaky"
upstream = "http://{flaky}"

[[routes]]
path = "/slow"
policy = "replaceable"
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
             \x20 /steady  fails one call in {}: each is tried again, and its callers see nothing of it\n\
             \x20 /flaky   answers 500 from second {} to {} of every {}: its circuit opens, probes, and closes\n\
             \x20 /slow    hangs from second {} to {} of every {}: attempts that time out open its circuit, and a\n\
             \x20          fallback answers in its place\n\
             The page at http://{admin}/ shows all of it live.\n\
             Try it:\n\
             \x20 curl -i http://{at}/flaky\n\
             \x20 seq 24 | xargs -P 24 -I n curl -so /dev/null -w '%{{http_code}} ' http://{at}/steady\n\
             \x20     24 at once: 503 for those who find the bulkhead full\n\
             \x20 seq 40 | xargs -I n curl -so /dev/null -w '%{{http_code}} ' http://{at}/steady\n\
             \x20     one after the other, but fast: 429 once the burst of the rate limit is used up\n\
             \x20 curl -s http://{admin}/health/circuits\n\
             \x20 curl -s http://{admin}/stages\n\
             Ctrl-C ends it. Each change of a circuit is a line, and every ten seconds what callers saw:\n",
            upstreams::ONE_FAILS_OF,
            upstreams::OUTAGE.start,
            upstreams::OUTAGE.end,
            upstreams::FLAKY_CYCLE,
            upstreams::HANGING.start,
            upstreams::HANGING.end,
            upstreams::HUNG_CYCLE,
        ));
        tokio::spawn(load::run(at));
    }
}
