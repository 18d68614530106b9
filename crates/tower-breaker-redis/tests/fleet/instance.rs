//! A process of the fleet: this test binary, started again with [`instance`] as its only test, and told by its standard input
//! what to do.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits, Clock, Mode, Outcome, SlidingWindow, SystemClock};
use tower_breaker_redis::{Fleet, FleetEvent};

use super::INTERVAL;

/// What a process says when it is asked to look.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Look {
    pub(crate) state: String,
    pub(crate) mode: String,
    pub(crate) fleet: String,
    pub(crate) epoch: u64,
    pub(crate) connected: bool,
    pub(crate) rounds: u64,
    pub(crate) called: u64,
    pub(crate) opens: u64,
    pub(crate) away: u64,
    pub(crate) damaged: u64,
    pub(crate) reason: String,
}

pub(crate) struct Instance {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Instance {
    pub(crate) fn start(url: &str) -> Self {
        Self::start_with(url, &[])
    }

    /// With environment variables: `FLEET_CLOCK`, the seconds its clock is ahead; `FLEET_EXPIRY`, `FLEET_LEASE` and `FLEET_OPEN`
    /// in seconds, `FLEET_TIMEOUT` in milliseconds.
    pub(crate) fn start_with(url: &str, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this binary"))
            .args(["fleet::instance::instance", "--exact", "--ignored", "--nocapture"])
            .env("FLEET_URL", url)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, input, output }
    }

    /// `fail 50`, `ok 50` or `mixed 50`: so many calls a second from now on; `hang`, the next one let through never ends; `quiet`; and
    /// what an operator does.
    pub(crate) fn tell(&mut self, what: &str) {
        writeln!(self.input, "{what}").expect("it lives");
    }

    pub(crate) fn look(&mut self) -> Look {
        self.tell("look");
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.output.read_line(&mut line).expect("text") > 0, "the instance is gone");
            if let Some(line) = line.trim_end_matches('\n').strip_prefix("look ") {
                let words: Vec<&str> = line.splitn(11, ' ').collect();
                let number = |at: usize| words[at].parse().expect("a number");
                return Look {
                    state: words[0].to_owned(),
                    mode: words[1].to_owned(),
                    fleet: words[2].to_owned(),
                    epoch: number(3),
                    connected: words[4] == "true",
                    rounds: number(5),
                    called: number(6),
                    opens: number(7),
                    away: number(8),
                    damaged: number(9),
                    reason: words[10].to_owned(),
                };
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        // As `kill -9` does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().expect("kill");
    assert!(status.success());
}

/// A clock that is ahead of the others.
#[derive(Debug)]
struct Ahead(Duration);

impl Clock for Ahead {
    fn now(&self) -> Duration {
        SystemClock.now() + self.0
    }
}

fn config() -> CircuitBreakerConfig {
    CircuitBreakerConfig::builder()
        .failure_threshold(None)
        .failure_rate_threshold(0.5)
        .minimum_calls(20)
        .sliding_window(SlidingWindow::time(Duration::from_secs(2)))
        .open_duration(Duration::from_secs(variable("FLEET_OPEN").unwrap_or(1)))
        .open_duration_multiplier(1.0)
        .open_duration_jitter(0.0)
        .success_threshold(1)
        .build()
        .expect("a valid configuration")
}

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

#[derive(Default)]
struct Doing {
    per_second: AtomicU64,
    failing: AtomicBool,
    /// Every third call fails.
    mixed: AtomicBool,
    hangs: AtomicBool,
    called: AtomicU64,
}

/// No test: the process that [`Instance::start`] starts. By itself it does nothing.
#[test]
#[ignore = "needs redis-server"]
fn instance() {
    let Ok(url) = std::env::var("FLEET_URL") else { return };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let ahead = Duration::from_secs(variable("FLEET_CLOCK").unwrap_or(0));
    let circuits = Circuits::builder().config(config()).clock(Ahead(ahead)).build();
    let circuit = circuits.get_or_create("payments");
    let counts = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let counted = Arc::clone(&counts);
    let inside = runtime.enter();
    let mut fleet = Some(
        Fleet::builder(url)
            .interval(INTERVAL)
            // Nobody is away only because the machine is busy.
            .timeout(Duration::from_millis(variable("FLEET_TIMEOUT").unwrap_or(5_000)))
            .quorum(2)
            .lease(Duration::from_secs(variable("FLEET_LEASE").unwrap_or(2)))
            .expiry(Duration::from_secs(variable("FLEET_EXPIRY").unwrap_or(3_600)))
            .on_event(move |event| {
                match event {
                    FleetEvent::Away { .. } => counted[0].fetch_add(1, Ordering::Relaxed),
                    FleetEvent::Damaged { .. } => counted[1].fetch_add(1, Ordering::Relaxed),
                    _ => 0,
                };
            })
            .start(&circuits)
            .expect("a fleet"),
    );
    drop(inside);
    let doing = Arc::new(Doing::default());
    runtime.spawn(work(circuit.clone(), Arc::clone(&doing)));
    for line in std::io::stdin().lines() {
        let line = line.expect("text");
        let (word, number) = line.split_once(' ').unwrap_or((&line, "0"));
        match word {
            "fail" | "ok" | "mixed" => {
                doing.failing.store(word == "fail", Ordering::Relaxed);
                doing.mixed.store(word == "mixed", Ordering::Relaxed);
                doing.per_second.store(number.parse().expect("a number"), Ordering::Relaxed);
            }
            "hang" => doing.hangs.store(true, Ordering::Relaxed),
            "quiet" => doing.per_second.store(0, Ordering::Relaxed),
            "force-open" => circuit.force_open(),
            "force-open-for" => circuit.force_open_for(Duration::from_millis(number.parse().expect("a number"))),
            "force-close" => circuit.force_closed(),
            "observe" => circuit.set_mode(Mode::Observe),
            "enforcement" => circuit.set_enforcement(number.parse().expect("a share")).expect("a share"),
            "reset" => circuit.reset(),
            "leave" => runtime.block_on(fleet.take().expect("it is in the fleet").shutdown()),
            "look" => look(&circuit, fleet.as_ref().expect("it is in the fleet"), &doing, &counts),
            other => panic!("what is {other:?}?"),
        }
    }
}

fn look(circuit: &Circuit, fleet: &Fleet, doing: &Doing, counts: &[AtomicU64; 2]) {
    let (snapshot, status) = (circuit.snapshot(), fleet.status());
    let in_fleet = fleet.circuit("payments");
    println!(
        "\nlook {} {} {} {} {} {} {} {} {} {} {}",
        snapshot.state.as_str(),
        snapshot.mode.as_str(),
        in_fleet.as_ref().map_or("unknown", |circuit| circuit.state.as_str()),
        in_fleet.map_or(0, |circuit| circuit.epoch),
        status.connected,
        status.rounds,
        doing.called.load(Ordering::Relaxed),
        snapshot.opens,
        counts[0].load(Ordering::Relaxed),
        counts[1].load(Ordering::Relaxed),
        status.reason.unwrap_or_default(),
    );
}

/// Calls at the pace it is told.
async fn work(circuit: Circuit, doing: Arc<Doing>) {
    let mut hung = Vec::new();
    for number in 0_u64.. {
        let per_second = doing.per_second.load(Ordering::Relaxed);
        if per_second == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        if let Ok(permit) = circuit.try_acquire() {
            doing.called.fetch_add(1, Ordering::Relaxed);
            let fails = if doing.mixed.load(Ordering::Relaxed) {
                number % 3 == 0
            } else {
                doing.failing.load(Ordering::Relaxed)
            };
            if doing.hangs.load(Ordering::Relaxed) {
                hung.push(permit);
            } else {
                permit.record(if fails { Outcome::Failure } else { Outcome::Success });
            }
        }
        tokio::time::sleep(Duration::from_secs_f64(1.0 / per_second as f64)).await;
    }
}
