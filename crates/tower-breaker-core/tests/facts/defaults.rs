//! What the defaults are held to: an hour of ordinary trouble opens nothing, a dead dependency opens at once.

use std::time::Duration;

use tower_breaker_core::{Circuit, CircuitBreakerConfigBuilder, ManualClock, Outcome, Permit, State};

use super::{CircuitBreakerConfig, admitted, circuit, end, ms, secs};

const HOUR: Duration = secs(3_600);

fn defaults() -> CircuitBreakerConfigBuilder {
    CircuitBreakerConfig::builder()
}

/// Plays an hour, one call at each tick, and sees that it never opened.
fn an_hour(
    config: CircuitBreakerConfigBuilder,
    tick: Duration,
    mut call: impl FnMut(&Circuit, Duration, &mut fastrand::Rng),
) {
    let (circuit, clock) = circuit(config);
    let mut chance = fastrand::Rng::with_seed(26);
    let mut now = Duration::ZERO;
    while now < HOUR {
        call(&circuit, now, &mut chance);
        clock.advance(tick);
        now += tick;
    }
    let now = circuit.snapshot();
    assert_eq!((now.state, now.opens), (State::Closed, 0), "{:?}", now.last_opened);
}

#[test]
fn ten_percent_of_random_failures_at_1000_calls_a_second_open_nothing_in_an_hour() {
    an_hour(defaults(), ms(1), |circuit, _, chance| {
        end(circuit, if chance.u8(..10) == 0 { Outcome::Failure } else { Outcome::Success });
    });
}

#[test]
fn a_burst_of_50_failures_at_once_each_minute_opens_nothing_in_an_hour() {
    an_hour(defaults(), ms(1), |circuit, now, _| {
        // In the middle of the minute, so that the first one meets the traffic it is to be seen beside.
        if now.as_millis() % 60_000 == 30_000 {
            let burst: Vec<Permit> = (0..50).map(|_| admitted(circuit)).collect();
            burst.into_iter().for_each(|permit| permit.record(Outcome::Failure));
        }
        end(circuit, Outcome::Success);
    });
}

#[test]
fn one_percent_of_slow_calls_opens_nothing_in_an_hour() {
    let config = defaults().slow_call_duration_threshold(ms(500)).slow_call_rate_threshold(0.5);
    an_hour(config, ms(1), |circuit, _, chance| {
        let took = if chance.u8(..100) == 0 { secs(1) } else { ms(5) };
        admitted(circuit).record_after(Outcome::Success, took);
    });
}

#[test]
fn two_failures_in_a_row_each_minute_at_one_call_a_second_open_nothing_in_an_hour() {
    an_hour(defaults(), secs(1), |circuit, now, _| {
        end(circuit, if now.as_secs() % 60 < 2 { Outcome::Failure } else { Outcome::Success });
    });
}

/// How long a dependency that answered well for a minute is dead before it opens, in time and failures.
fn opens_after(calls_a_second: u32) -> (Duration, u64) {
    let (circuit, clock): (Circuit, ManualClock) = circuit(defaults());
    let tick = secs(1) / calls_a_second;
    for _ in 0..60 * calls_a_second {
        end(&circuit, Outcome::Success);
        clock.advance(tick);
    }
    let mut dead = Duration::ZERO;
    loop {
        end(&circuit, Outcome::Failure);
        if circuit.state() == State::Open {
            return (dead, circuit.snapshot().totals.failures);
        }
        clock.advance(tick);
        dead += tick;
        assert!(dead < HOUR, "it never opens");
    }
}

#[test]
fn a_dead_dependency_opens_within_three_seconds_at_1000_calls_a_second() {
    let (dead, failures) = opens_after(1_000);
    assert!(dead <= secs(3), "after {dead:?} and {failures} failures");
}

#[test]
fn a_dead_dependency_opens_with_the_fifth_failure_at_one_call_a_second() {
    assert_eq!(opens_after(1).1, 5);
}
