//! One file per subject, one test per fact. Time is a manual clock and chance is seeded.

mod asking;
mod bulkhead;
mod cancel;
mod circuits;
mod config;
mod defaults;
mod ejection;
#[cfg(feature = "state-file")]
mod export;
#[cfg(feature = "state-file")]
mod export_fuzz;
mod fleet;
mod half_open;
mod handles;
mod modes;
mod observers;
mod open_wait;
mod panics;
mod reconfigure;
mod shares;
mod soak;
mod stale;
mod stress;
#[cfg(feature = "serde")]
mod text;
mod time;
mod turns;
#[cfg(feature = "state-file")]
mod wall_clock;
mod window;
mod words;

use std::time::Duration;

use tower_breaker_core::{
    Circuit, CircuitBreakerConfig, CircuitBreakerConfigBuilder, ManualClock, Outcome, Permit, Reason,
};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const NANOSECOND: Duration = Duration::from_nanos(1);

/// Three failures in a row open it for a second, without growth or chance; two successes close it, one probe at a time.
fn plain() -> CircuitBreakerConfigBuilder {
    CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .failure_rate_threshold(None)
        .open_duration(secs(1))
        .open_duration_multiplier(1.0)
        .open_duration_jitter(0.0)
}

/// As [`plain`], but half-open lets four calls through and judges them by their rate.
fn by_rate() -> CircuitBreakerConfigBuilder {
    plain().failure_threshold(None).failure_rate_threshold(0.5).minimum_calls(3).permitted_calls(4)
}

fn circuit(config: CircuitBreakerConfigBuilder) -> (Circuit, ManualClock) {
    let clock = ManualClock::new();
    let config = config.build().expect("a valid configuration");
    (Circuit::builder("under test").config(config).clock(clock.clone()).seed(42).build(), clock)
}

/// A circuit that has just opened.
fn opened(config: CircuitBreakerConfigBuilder) -> (Circuit, ManualClock) {
    let (circuit, clock) = circuit(config);
    fail(&circuit, 3);
    (circuit, clock)
}

/// A circuit whose first open wait is just over.
fn ready(config: CircuitBreakerConfigBuilder) -> (Circuit, ManualClock) {
    let (circuit, clock) = opened(config);
    clock.advance(circuit.snapshot().open_remaining.expect("it is open"));
    (circuit, clock)
}

fn admitted(circuit: &Circuit) -> Permit {
    circuit.try_acquire().expect("a call is let through")
}

fn refused(circuit: &Circuit) -> Option<Reason> {
    circuit.try_acquire().err().map(|rejected| rejected.reason())
}

fn end(circuit: &Circuit, outcome: Outcome) {
    admitted(circuit).record(outcome);
}

fn succeed(circuit: &Circuit, times: usize) {
    (0..times).for_each(|_| end(circuit, Outcome::Success));
}

fn fail(circuit: &Circuit, times: usize) {
    (0..times).for_each(|_| end(circuit, Outcome::Failure));
}
