//! Hours of a circuit's life under random faults, on a manual clock and with a seed: what must hold is looked at after each
//! step.

use std::time::Duration;

use tower_breaker_core::{Circuit, CircuitBreakerConfig, HalfOpenRule, ManualClock, Mode, Outcome, Permit, State};

use super::{ms, secs};

const HOURS: Duration = secs(2 * 3600);

struct Soak {
    circuit: Circuit,
    clock: ManualClock,
    out: Vec<Permit>,
    admitted: u64,
    refused: u64,
    generation: u64,
    probes: usize,
    random: fastrand::Rng,
}

fn configs() -> [CircuitBreakerConfig; 3] {
    let base = || CircuitBreakerConfig::builder().slow_call_duration_threshold(secs(1)).slow_call_rate_threshold(0.8);
    [
        base().half_open_max_concurrent(2).success_threshold(3),
        base().permitted_calls(6).half_open_timeout(secs(20)),
        base().recovery_ramp(secs(30)).throttle(1.5),
    ]
    .map(|config| config.build().expect("a valid configuration"))
}

impl Soak {
    fn new(seed: u64) -> Self {
        let clock = ManualClock::new();
        let [config, ..] = configs();
        let circuit = Circuit::builder("soak").config(config).clock(clock.clone()).seed(seed).build();
        let random = fastrand::Rng::with_seed(seed);
        Self { circuit, clock, out: Vec::new(), admitted: 0, refused: 0, generation: 0, probes: 0, random }
    }

    /// Good times, bad times and slow times take turns of five minutes.
    fn outcome(&mut self) -> Outcome {
        let failing = match self.clock_now().as_secs() / 300 % 4 {
            0 => 0.02,
            1 => 0.95,
            2 => 0.3,
            _ => 0.1,
        };
        match self.random.f64() {
            draw if draw < failing / 4.0 => Outcome::FailureRetryAfter(ms(self.random.u64(0..100_000))),
            draw if draw < failing => Outcome::Failure,
            draw if draw > 0.98 => Outcome::Ignored,
            _ => Outcome::Success,
        }
    }

    fn clock_now(&self) -> Duration {
        use tower_breaker_core::Clock as _;
        self.clock.now()
    }

    fn step(&mut self) {
        match self.random.u32(0..2000) {
            0 => self.circuit.reset(),
            1 => self.circuit.force_open_for(ms(self.random.u64(1..30_000))),
            2 => self.circuit.force_closed(),
            3 => self.circuit.set_mode(Mode::Observe),
            4..=6 => self.circuit.set_mode(Mode::Enforce),
            7 => self.circuit.reconfigure(configs()[self.random.usize(0..3)].clone()),
            8 => self.out.clear(),
            9..=1200 => match self.circuit.try_acquire() {
                Ok(permit) => {
                    self.admitted += 1;
                    self.out.push(permit);
                }
                Err(_) => self.refused += 1,
            },
            // A hung call in fifty stays for long: later ones are taken first.
            _ if self.out.len() > self.random.usize(0..50) / 49 => {
                let which = self.random.usize(self.out.len().saturating_sub(6)..self.out.len());
                let permit = self.out.swap_remove(which);
                match self.outcome() {
                    Outcome::Ignored if self.random.bool() => drop(permit),
                    outcome => permit.record(outcome),
                }
            }
            _ => {}
        }
        self.clock.advance(ms(self.random.u64(0..40)));
    }

    fn check(&mut self) {
        let snapshot = self.circuit.snapshot();
        let totals = &snapshot.totals;
        let ended =
            totals.successes + totals.failures + totals.ignored + totals.stale + totals.cancelled + totals.bypassed;
        assert_eq!(self.admitted, ended + self.out.len() as u64, "{snapshot:?}");
        assert_eq!(self.refused, snapshot.refusals.enforced(), "{snapshot:?}");
        assert!(snapshot.generation >= self.generation, "{snapshot:?}");
        self.generation = snapshot.generation;
        assert!(snapshot.open_remaining <= snapshot.open_wait, "{snapshot:?}");
        if snapshot.mode == tower_breaker_core::ActiveMode::Enforce && snapshot.state == State::Open {
            assert!(snapshot.open_wait.is_none_or(|wait| wait <= snapshot.config.max_open_duration()), "{snapshot:?}");
        }
        assert!(snapshot.opens >= u64::from(snapshot.opens_in_row), "{snapshot:?}");
        if snapshot.state == State::HalfOpen {
            self.probes += 1;
            let most = match snapshot.config.half_open() {
                HalfOpenRule::Rate { permitted_calls } => permitted_calls,
                HalfOpenRule::Consecutive { success_threshold, .. } => success_threshold,
                other => unreachable!("there are two rules: {other:?}"),
            };
            assert!(snapshot.successes_in_row <= most, "{snapshot:?}");
        }
    }
}

#[test]
fn two_hours_of_random_faults_keep_every_invariant_at_each_step() {
    for seed in 1..=3 {
        let mut soak = Soak::new(seed);
        while soak.clock_now() < HOURS {
            soak.step();
            soak.check();
        }
        let snapshot = soak.circuit.snapshot();
        assert!(snapshot.opens > 10 && snapshot.half_opens > 10 && soak.probes > 10, "it lived: {snapshot:?}");

        // Nothing is left over: with all calls gone it opens, waits, and closes as on its first day.
        soak.out.clear();
        soak.check();
        soak.circuit.reset();
        soak.circuit.reconfigure(configs()[0].clone());
        super::fail(&soak.circuit, 5);
        assert_eq!(soak.circuit.state(), State::Open);
        soak.clock.advance(soak.circuit.snapshot().open_remaining.expect("it is open"));
        super::succeed(&soak.circuit, 3);
        assert_eq!(soak.circuit.state(), State::Closed);
    }
}
