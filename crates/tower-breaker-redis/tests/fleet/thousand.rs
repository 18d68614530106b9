//! A thousand instances in one process around one Redis, counted in rounds and not in time: a busy machine makes rounds late and
//! no more of them.
//!
//! `TOWER_BREAKER_INSTANCES` asks for another number; each takes two of the files a process may have open.

use std::{
    env, fs,
    io::{self, Write},
    time::{Duration, Instant},
};

use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits, Outcome, State};
use tower_breaker_redis::Fleet;

use super::Server;

/// Circuits of each instance, of which a few are called.
const CIRCUITS: usize = 100;
/// The one that has an outage: of the window of any other the successes are too many.
const SICK: usize = CIRCUITS - 1;
/// The most bytes of a round in which nothing changed, to Redis and back; then of its exchange, where something did; then of each
/// circuit in it.
const QUIET: [f64; 2] = [350.0, 100.0];
const EXCHANGE: [f64; 2] = [200.0, 20.0];
const EACH: [f64; 2] = [220.0, 80.0];
/// Rounds within which all have heard what one has: one may be under way already, and what is learnt in one is told in it.
const ROUNDS: u64 = 3;

/// Straight to the handle: the harness captures what `println!` says, and these figures are to be seen.
fn report(line: &str) {
    writeln!(io::stderr().lock(), "{line}").expect("stderr");
}

struct One {
    fleet: Fleet,
    circuits: Vec<Circuit>,
    /// Of which it keeps handles alone.
    _set: Circuits,
}

impl One {
    fn start(url: &str) -> Self {
        let config = CircuitBreakerConfig::builder()
            .failure_threshold(None)
            .failure_rate_threshold(0.5)
            .minimum_calls(20)
            .open_duration(Duration::from_secs(1))
            .open_duration_jitter(0.0);
        let set = Circuits::new(config.build().expect("a valid configuration"));
        let circuits = (0..CIRCUITS).map(|number| set.get_or_create(&format!("upstream-{number}"))).collect();
        let fleet = Fleet::builder(url).interval(Duration::from_secs(1)).timeout(Duration::from_secs(20));
        Self { fleet: fleet.start(&set).expect("a fleet"), circuits, _set: set }
    }

    fn rounds(&self) -> u64 {
        self.fleet.status().rounds
    }
}

/// What was sent: by the instances' own count, and in bytes by that of Redis.
#[derive(Debug, Clone, Copy)]
struct Sent {
    rounds: f64,
    commands: f64,
    exchanged: f64,
    /// To Redis and back.
    bytes: [f64; 2],
}

struct Crowd {
    server: Server,
    all: Vec<One>,
}

impl Crowd {
    /// To Redis and back.
    fn bytes(&self) -> [f64; 2] {
        let stats = self.server.command(&["INFO", "stats"]);
        let figure = |name: &str| -> f64 {
            let line = stats.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|figure| figure.trim().parse().ok()).expect("a figure")
        };
        ["total_net_input_bytes", "total_net_output_bytes"].map(figure)
    }

    /// Rounds, commands and circuits exchanged.
    fn counted(&self) -> [f64; 3] {
        let all = self.all.iter().map(|one| one.fleet.status());
        all.fold([0.0; 3], |[rounds, commands, exchanged], status| {
            [rounds + status.rounds as f64, commands + status.commands as f64, exchanged + status.exchanged as f64]
        })
    }

    /// Calls the first `called` circuits of every instance until each has made two more rounds; gives what these sent.
    async fn rounds_with(&self, called: usize) -> Sent {
        // What was to be said of before is said by then.
        self.until_rounds(2, called).await;
        // However far apart they are read, the bytes are none but of the rounds that are counted.
        let (first, first_bytes) = (self.counted(), self.bytes());
        self.until_rounds(2, called).await;
        let (last_bytes, last) = (self.bytes(), self.counted());
        let [rounds, commands, exchanged] = [0, 1, 2].map(|at| last[at] - first[at]);
        let sent = Sent { rounds, commands, exchanged, bytes: [0, 1].map(|way| last_bytes[way] - first_bytes[way]) };
        let [commands, to, back] = [sent.commands, sent.bytes[0], sent.bytes[1]].map(|figure| figure / sent.rounds);
        report(&format!(
            "  {called:>2} circuits called: {commands:.2} commands, {to:.0} bytes to Redis, {back:.0} back"
        ));
        sent
    }

    async fn until_rounds(&self, count: u64, called: usize) {
        let ends: Vec<u64> = self.all.iter().map(|one| one.rounds() + count).collect();
        self.until("rounds", || {
            for circuit in self.all.iter().flat_map(|one| &one.circuits[..called]) {
                circuit.try_acquire().expect("all is well").record(Outcome::Success);
            }
            self.all.iter().zip(&ends).all(|(one, end)| one.rounds() >= *end)
        })
        .await;
    }

    /// The bound is far beyond what it should take: machines are busy.
    async fn until(&self, what: &str, mut is: impl FnMut() -> bool) {
        let started = Instant::now();
        while !is() {
            assert!(started.elapsed() < Duration::from_secs(90), "waited for {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Once one instance is in `state`, all others are there within their next rounds. Says how long that took, from now on.
    async fn converges(&self, state: State, mut meanwhile: impl FnMut()) -> Duration {
        let began = Instant::now();
        let is_there = |one: &One| one.circuits[SICK].state() == state;
        let mut latest: Option<Vec<u64>> = None;
        self.until(state.as_str(), || {
            meanwhile();
            if latest.is_none() && self.all.iter().any(is_there) {
                latest = Some(self.all.iter().map(|one| one.rounds() + ROUNDS).collect());
            }
            let Some(latest) = &latest else { return false };
            // First the rounds, then the state: what a round brought is there when it is counted.
            let rounds: Vec<u64> = self.all.iter().map(One::rounds).collect();
            let waiting: Vec<usize> = (0..self.all.len()).filter(|at| !is_there(&self.all[*at])).collect();
            for at in &waiting {
                assert!(rounds[*at] <= latest[*at], "instance {at} heard nothing in {ROUNDS} rounds");
            }
            waiting.is_empty()
        })
        .await;
        began.elapsed()
    }
}

fn instances() -> usize {
    if let Some(asked) = env::var("TOWER_BREAKER_INSTANCES").ok().and_then(|asked| asked.parse().ok()) {
        return asked;
    }
    // "Max open files            1024                 524288               files", of which some are for others.
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let files =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next()?.parse().ok());
    files.map_or(1_000, |files: usize| 1_000.min(files.saturating_sub(100)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server"]
async fn of_a_thousand_instances_each_tells_what_changed_and_no_more_and_all_hear_within_three_rounds() {
    let server = Server::start();
    let url = server.url();
    let mut all = Vec::new();
    for _ in 0..instances() {
        all.push(One::start(&url));
        // Processes do not start in one instant either.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let crowd = Crowd { server, all };
    crowd.until("connections", || crowd.all.iter().all(|one| one.fleet.connected())).await;
    report(&format!("\n{} instances of {CIRCUITS} circuits, for each round of each", crowd.all.len()));

    // At last none: what was called once costs nothing later.
    for called in [1, 16, 0] {
        let sent = crowd.rounds_with(called).await;
        // Of each instance one round may be under way that is not counted, at the begin or at the end.
        let [least, most] = [-1.0, 1.0].map(|one| sent.rounds + one * crowd.all.len() as f64);
        let told = called as f64;
        let exchanges = if called == 0 { 0.0 } else { 1.0 };
        assert!(
            sent.commands <= most * (1.0 + exchanges),
            "one look, one exchange if there is something to say: {sent:?}"
        );
        assert!((least * told..=most * told).contains(&sent.exchanged), "those that were called, no others: {sent:?}");
        for way in [0, 1] {
            let bytes = QUIET[way] + EXCHANGE[way] * exchanges + EACH[way] * told;
            assert!(sent.bytes[way] < most * bytes, "at most {bytes} in a round: {sent:?}");
        }
    }

    // Three see failures, too few of them for each by itself.
    for one in &crowd.all[..3.min(crowd.all.len())] {
        (0..15).for_each(|_| one.circuits[SICK].try_acquire().expect("closed").record(Outcome::Failure));
    }
    let opened = crowd.converges(State::Open, || ()).await;
    let ask_all = || {
        for one in &crowd.all {
            if let Ok(permit) = one.circuits[SICK].try_acquire() {
                permit.record(Outcome::Success);
            }
        }
    };
    let closed = crowd.converges(State::Closed, ask_all).await;
    report(&format!(
        "  from the failures to all open {opened:?}; from then to all closed {closed:?}, of which 1 s is the wait"
    ));
}
