//! The gateway, its upstream and its callers, and how a phase of trouble goes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::runtime::{Handle, Runtime};

use crate::{
    callers::Load,
    client::get,
    process::Gateway,
    scale::Scale,
    tally::{Row, Seen, Tally, Vitals},
    until_within,
    upstream::{Mood, Upstream},
    vitals::{Watch, vitals},
};

/// Those who call all the time.
pub(crate) const CALLERS: usize = 32;
/// So many come before it is seen how many were taken.
const AT_ONCE: usize = 250;
const PAUSE: Duration = Duration::from_millis(10);

/// So many real answers in a row, and every circuit closed: it is well again.
const WELL: u64 = 100;
const WELL_WITHIN: Duration = Duration::from_secs(20);
const QUIET_WITHIN: Duration = Duration::from_secs(30);

/// How much more memory may be held after a phase than before the first: what an allocator keeps of a crowd.
const MORE_KIB: u64 = 48 * 1024;
const MORE_KIB_EACH: u64 = 40;

pub(crate) struct Ground {
    pub(crate) scale: Scale,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) upstream: Upstream,
    pub(crate) runtime: Runtime,
    first: Vitals,
    rows: Vec<Row>,
}

/// The routes file, with so many places. `/free` has neither timeouts nor a bulkhead.
pub(crate) fn routes(upstream: &Upstream, places: usize, more: &str) -> String {
    let at = upstream.at;
    format!(
        r#"[policies.default]
timeout = "10s"
attempt_timeout = "4s"
retry = {{ attempts = 2, base = "5ms" }}
bulkhead = {{ max_concurrent = {places}, max_queue = 512, max_wait = "4s" }}

[policies.default.circuit_breaker]
failure_threshold = 5
sliding_window = {{ time = "2s", buckets = 10 }}
open_duration = "200ms"
max_open_duration = "500ms"

[policies.free]
circuit_breaker = {{ failure_threshold = 5, open_duration = "200ms", max_open_duration = "500ms" }}

[[routes]]
path = "/{{*rest}}"
upstream = "http://{at}"

[[routes]]
path = "/free/{{*rest}}"
policy = "free"
upstream = "http://{at}"
{more}"#
    )
}

impl Ground {
    /// With more in its routes file, and measured once it is ready.
    pub(crate) fn new(more: &str, ready: impl FnOnce(&Gateway)) -> Self {
        let scale = Scale::read();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let upstream = Upstream::start(runtime.handle());
        let (most, patience) = (scale.crowd.to_string(), format!("{}ms", scale.client_timeout.as_millis()));
        let options = ["--max-connections", &most, "--client-timeout", &patience];
        let gateway = Arc::new(Gateway::start_so(&routes(&upstream, 128, more), &options, &[]));
        ready(&gateway);
        // Some of what it holds is there for good once there was a first call.
        assert_eq!(get(gateway.at, "/a").status, 200);
        let first = Vitals { tasks: u64::MAX, descriptors: u64::MAX, ..vitals(&gateway) };
        let mut ground = Self { scale, gateway, upstream, runtime, first, rows: Vec::new() };
        ground.quiet();
        // The connections of those who look come and go: what it holds at least.
        let looks: Vec<_> = (0..20).map(|_| vitals(&ground.gateway)).collect();
        let tasks = looks.iter().map(|look| look.tasks).min().unwrap();
        let descriptors = looks.iter().map(|look| look.descriptors).min().unwrap();
        ground.first = Vitals { tasks, descriptors, ..looks[0] };
        ground
    }

    pub(crate) fn handle(&self) -> Handle {
        self.runtime.handle().clone()
    }

    /// Callers call while there is trouble, and until all is well again. Then they go, and the gateway must hold no more than
    /// it held before. What the trouble has to say beside is its note.
    pub(crate) fn phase(&mut self, name: &'static str, trouble: impl FnOnce(&mut Self, &Tally) -> String) {
        let (before, start) = (vitals(&self.gateway), Instant::now());
        let tally = Arc::new(Tally::default());
        let load = Load::start(self.runtime.handle(), self.gateway.at, CALLERS, PAUSE, &tally);
        let watch = Watch::start(&self.gateway);
        let note = trouble(self, &tally);

        let over = Instant::now();
        tally.get().in_row = 0;
        until_within(WELL_WITHIN, "well again", || {
            let well = tally.get().in_row >= WELL && self.gateway.health()["healthy"] == true;
            (well && self.all_closed()).then_some(())
        });
        let recovered_in = over.elapsed();
        let peak = watch.end();
        load.stop(self.runtime.handle());
        let took = start.elapsed();
        self.quiet();
        let after = vitals(&self.gateway);
        let seen = tally.get().seen.clone();
        self.rows.push(Row { name, took, seen, recovered_in, before, peak, after, note });
        self.check();
    }

    fn all_closed(&self) -> bool {
        let health = self.gateway.health();
        health["all_circuits"].as_array().unwrap().iter().all(|circuit| circuit["state"] == "closed")
    }

    /// Waits until nobody is there any more and nothing is left of them.
    fn quiet(&mut self) {
        // The connections that the gateway keeps for a while: as an upstream that is restarted, it closes its own.
        self.upstream.kill();
        self.upstream.restart();
        let first = self.first;
        let mut last = None;
        let is_quiet = || {
            let now = vitals(&self.gateway);
            last = Some(now);
            let quiet = now.connections == 0 && now.places == 0 && now.tasks <= first.tasks;
            (quiet && now.descriptors <= first.descriptors).then_some(())
        };
        until_within(QUIET_WITHIN, &format!("nothing left but {first:?}"), is_quiet);
    }

    /// The latest phase.
    fn check(&self) {
        let row = self.rows.last().unwrap();
        println!("{row:?}");
        let allowed = |seen: &Seen| match seen {
            Seen::Real | Seen::Own(502..=504) => true,
            Seen::Cut => ["upstream killed", "answers cut"].contains(&row.name),
            _ => false,
        };
        let strange: Vec<_> = row.seen.iter().filter(|(seen, _)| !allowed(seen)).collect();
        assert!(strange.is_empty(), "{}: {strange:?}", row.name);
        let bound = self.first.resident_kib + MORE_KIB + MORE_KIB_EACH * self.scale.crowd as u64;
        let resident = row.after.resident_kib;
        assert!(resident <= bound, "{}: {resident} KiB, at most {bound}", row.name);
    }

    /// Callers come no faster than the gateway takes them: the system would leave some of them unanswered for seconds.
    pub(crate) fn takes(&self, came: usize) {
        if came.is_multiple_of(AT_ONCE) {
            let all = || self.gateway.metric("gateway_connections") as usize + AT_ONCE >= came;
            until_within(WELL_WITHIN, "those who came before", || all().then_some(()));
        }
    }

    /// The latest phase has left no more memory in use than an earlier one of its kind, but for a tenth.
    pub(crate) fn holds_no_more_than_after(&self, name: &str) {
        let [earlier, latest] = [self.rows.iter().find(|row| row.name == name), self.rows.last()].map(Option::unwrap);
        let [earlier, latest] = [earlier, latest].map(|row| row.after.resident_kib);
        assert!(latest <= earlier + earlier / 10 + 8 * 1024, "{latest} KiB after {earlier} KiB");
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.upstream.is(mood);
    }
}
