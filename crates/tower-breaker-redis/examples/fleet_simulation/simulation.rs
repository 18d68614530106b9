//! Many instances in one process around one real Redis: each with a set, a task and a connection of its own, as processes would
//! have. What Redis counts (commands, bytes, processor time) is Redis's own `INFO`.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits, Outcome, State};
use tower_breaker_redis::{Fleet, FleetState};

/// What is simulated.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) instances: usize,
    /// Of each instance; the first is the one that has an outage.
    pub(crate) circuits: usize,
    /// Of these, so many are called.
    pub(crate) called: usize,
    /// Calls a second of each called circuit of each instance.
    pub(crate) per_second: f64,
    pub(crate) interval: Duration,
    /// Nobody dies here: an instance that loses its lease was only late.
    pub(crate) lease: Duration,
    pub(crate) open_duration: Duration,
    /// Of each phase that has no end of its own.
    pub(crate) phase: Duration,
}

/// What Redis saw in a phase.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    /// Of all instances: at least and at most so many ended while it was counted.
    pub(crate) rounds: [f64; 2],
    pub(crate) commands: f64,
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
    /// Share of one processor.
    pub(crate) busy: f64,
}

#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) idle: Traffic,
    pub(crate) calm: Traffic,
    pub(crate) outage: Traffic,
    pub(crate) to_all_open: Duration,
    pub(crate) to_all_closed: Duration,
    /// Calls that reached the dependency between the time all were open, by the fleet where there is one, and the recovery.
    pub(crate) probes: u64,
    /// Instances that made these.
    pub(crate) probers: usize,
    /// Waits of the fleet that ended with one that failed.
    pub(crate) waits: usize,
    /// Calls that failed before that.
    pub(crate) failed_calls: u64,
}

struct Dependency {
    down: AtomicBool,
    quiet: AtomicBool,
    /// Calls of each instance that failed.
    reached: Vec<AtomicU64>,
}

impl Dependency {
    fn reached(&self) -> Vec<u64> {
        self.reached.iter().map(|calls| calls.load(Ordering::Relaxed)).collect()
    }
}

/// With a URL the instances are a fleet, without one each goes by itself.
pub(crate) async fn run(plan: &Plan, url: Option<&str>) -> Report {
    let dependency = Arc::new(Dependency {
        down: AtomicBool::new(false),
        quiet: AtomicBool::new(true),
        reached: (0..plan.instances).map(|_| AtomicU64::new(0)).collect(),
    });
    let config = CircuitBreakerConfig::builder()
        .open_duration(plan.open_duration)
        .open_duration_multiplier(1.0)
        .build()
        .expect("a valid configuration");
    let (mut watched, mut fleets, mut callers) = (Vec::new(), Vec::new(), tokio::task::JoinSet::new());
    for number in 0..plan.instances {
        let circuits = Circuits::new(config.clone());
        let names = (0..plan.circuits).map(|number| format!("upstream-{number}"));
        let made: Vec<Circuit> = names.map(|name| circuits.get_or_create(&name)).collect();
        for circuit in &made[..plan.called] {
            callers.spawn(call(number, circuit.clone(), plan.per_second, Arc::clone(&dependency)));
        }
        watched.push((made[0].clone(), circuits.clone()));
        if let Some(url) = url {
            let builder = Fleet::builder(url).interval(plan.interval).lease(plan.lease).timeout(Duration::from_secs(5));
            fleets.push(builder.start(&circuits).expect("a fleet"));
            // Processes do not start in one instant either.
            tokio::time::sleep(plan.interval / u32::try_from(plan.instances).unwrap_or(u32::MAX)).await;
        }
    }
    while !fleets.iter().all(Fleet::connected) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let meter = Meter { fleets: &fleets, url };
    let idle = meter.over(tokio::time::sleep(plan.phase)).await;
    let mut report = Report { idle, ..Report::default() };
    dependency.quiet.store(false, Ordering::Relaxed);
    // Scripts that Redis has yet to learn take two commands.
    while !fleets.iter().all(|fleet| fleet.status().exchanged > 0) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    report.calm = meter.over(tokio::time::sleep(plan.phase)).await;

    let all = |state: State| watched.iter().all(|(circuit, _)| circuit.state() == state);
    dependency.down.store(true, Ordering::Relaxed);
    let began = Instant::now();
    let outage = async {
        // An instance whose own probe is out is open too.
        while !watched.iter().all(|(circuit, _)| circuit.state() != State::Closed) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        report.to_all_open = began.elapsed();
        // Where all tripped by themselves just before the fleet did, their first probes are what makes it trip.
        let opened = |fleet: &Fleet| fleet.circuit("upstream-0").is_some_and(|it| it.state == FleetState::Open);
        while !fleets.iter().all(opened) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let epoch = meter.epoch().await;
        let before = dependency.reached();
        report.failed_calls = before.iter().sum();
        tokio::time::sleep(plan.phase).await;
        let probes: Vec<u64> = dependency.reached().iter().zip(before).map(|(after, before)| after - before).collect();
        (report.probes, report.probers) = (probes.iter().sum(), probes.iter().filter(|count| **count > 0).count());
        report.waits = meter.epoch().await - epoch;
    };
    let traffic = meter.over(outage).await;
    report.outage = traffic;
    dependency.down.store(false, Ordering::Relaxed);
    let recovered = Instant::now();
    while !all(State::Closed) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    report.to_all_closed = recovered.elapsed();
    callers.abort_all();
    for fleet in fleets {
        fleet.shutdown().await;
    }
    report
}

/// Calls of one circuit of one instance. The first circuits of all instances share the dependency that goes down.
async fn call(instance: usize, circuit: Circuit, per_second: f64, dependency: Arc<Dependency>) {
    let sick = circuit.name() == "upstream-0";
    let pace = Duration::from_secs_f64(1.0 / per_second);
    let mut next = tokio::time::Instant::now() + pace.mul_f64(fastrand::f64());
    loop {
        tokio::time::sleep_until(next).await;
        next += pace;
        if dependency.quiet.load(Ordering::Relaxed) {
            continue;
        }
        if let Ok(permit) = circuit.try_acquire() {
            let down = sick && dependency.down.load(Ordering::Relaxed);
            if down {
                dependency.reached[instance].fetch_add(1, Ordering::Relaxed);
            }
            permit.record(if down { Outcome::Failure } else { Outcome::Success });
        }
    }
}

struct Meter<'a> {
    fleets: &'a [Fleet],
    url: Option<&'a str>,
}

/// Figures, and the rounds that had ended before and after they were read.
struct Reading {
    before: f64,
    figures: [f64; 4],
    after: f64,
}

impl Meter<'_> {
    async fn over(&self, phase: impl Future<Output = ()>) -> Traffic {
        let first = self.read().await;
        let began = Instant::now();
        phase.await;
        let (last, took) = (self.read().await, began.elapsed().as_secs_f64());
        let [commands, bytes_in, bytes_out, busy] = std::array::from_fn(|at| last.figures[at] - first.figures[at]);
        let rounds = [last.before - first.after, last.after - first.before];
        Traffic { rounds, commands, bytes_in, bytes_out, busy: busy / took }
    }

    async fn read(&self) -> Reading {
        let rounds = || self.fleets.iter().map(|fleet| fleet.status().rounds as f64).sum();
        let before = rounds();
        let figures = self.info().await;
        Reading { before, figures, after: rounds() }
    }

    async fn ask<T: redis::FromRedisValue>(url: &str, command: &[&str]) -> T {
        let client = redis::Client::open(url).expect("a URL");
        let patience = Some(Duration::from_secs(20));
        let patient =
            redis::AsyncConnectionConfig::new().set_connection_timeout(patience).set_response_timeout(patience);
        let mut connection = client.get_multiplexed_async_connection_with_config(&patient).await.expect("a connection");
        redis::Cmd::new().arg(command).query_async(&mut connection).await.expect("an answer")
    }

    /// Of the circuit that has the outage.
    async fn epoch(&self) -> usize {
        let Some(url) = self.url else { return 0 };
        Self::ask(url, &["HGET", "tower-breaker:{default/upstream-0}:v1", "e"]).await
    }

    async fn info(&self) -> [f64; 4] {
        let Some(url) = self.url else { return [0.0; 4] };
        let text: String = Self::ask(url, &["INFO", "all"]).await;
        let figure = |name: &str| -> f64 {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse().ok()).unwrap_or(f64::NAN)
        };
        // Of the commands, those that instances sent: what a script runs counts as its own.
        let scripts: f64 = text
            .lines()
            .filter(|line| line.starts_with("cmdstat_eval"))
            .filter_map(|line| line.split(['=', ',']).nth(1)?.parse::<f64>().ok())
            .sum();
        let busy = figure("used_cpu_sys") + figure("used_cpu_user");
        [scripts, figure("total_net_input_bytes"), figure("total_net_output_bytes"), busy]
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounds = (self.rounds.iter().sum::<f64>() / 2.0).max(1.0);
        let [commands, bytes_in, bytes_out] = [self.commands, self.bytes_in, self.bytes_out].map(|all| all / rounds);
        write!(
            f,
            "{commands:.2} commands, {bytes_in:.0} bytes in, {bytes_out:.0} out; redis busy {:.1} %",
            self.busy * 100.0
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  for each round of an instance")?;
        writeln!(f, "    no calls:  {}", self.idle)?;
        writeln!(f, "    all well:  {}", self.calm)?;
        writeln!(f, "    an outage: {}", self.outage)?;
        writeln!(f, "  outage to all open:         {:?}", self.to_all_open)?;
        writeln!(f, "  calls that failed by then:  {}", self.failed_calls)?;
        writeln!(f, "  probes while it lasted:     {}", self.probes)?;
        writeln!(f, "  recovery to all closed:     {:?}", self.to_all_closed)
    }
}
