//! Clocks that misbehave.

use tower_breaker_core::{Circuit, CircuitBreakerConfig, Mode, Outcome, Reason, SlidingWindow, State};

use super::{admitted, circuit, end, fail, ms, plain, ready, refused, secs, succeed};

#[test]
fn a_clock_that_stands_still_breaks_nothing() {
    let (circuit, _) =
        circuit(plain().failure_rate_threshold(0.5).slow_call_duration_threshold(ms(1)).max_age(secs(1)));
    succeed(&circuit, 100);
    fail(&circuit, 60);
    drop(admitted(&circuit));
    let now = circuit.snapshot();
    assert_eq!((now.state, now.window.calls, now.totals.slow), (State::Closed, 160, 0));
    fail(&circuit, 40);
    assert_eq!((circuit.state(), refused(&circuit)), (State::Open, Some(Reason::Open)));
    assert_eq!(circuit.snapshot().open_remaining, Some(secs(1)));
    circuit.reset();
    circuit.force_open_for(secs(1));
    assert_eq!(refused(&circuit), Some(Reason::ForcedOpen));
    circuit.set_mode(Mode::Observe);
    circuit.reset();
    succeed(&circuit, 1);
}

#[test]
fn a_clock_that_steps_back_loses_no_place_and_no_outcome() {
    let (circuit, clock) = ready(plain().success_threshold(2).failure_rate_threshold(0.5));
    let probe = admitted(&circuit);
    clock.set(ms(1));
    probe.record(Outcome::Success);
    clock.set(ms(0));
    let _ = circuit.snapshot();
    end(&circuit, Outcome::Success);
    assert_eq!(circuit.state(), State::Closed);
    clock.set(secs(100));
    succeed(&circuit, 5);
    clock.set(secs(50));
    succeed(&circuit, 5);
    assert_eq!(circuit.snapshot().window.calls, 10);
}

#[test]
fn the_systems_clock_trips_and_refuses_too() {
    for window in [SlidingWindow::time(ms(10)), SlidingWindow::time(secs(1_000))] {
        let config = CircuitBreakerConfig::builder().sliding_window(window).minimum_calls(1).build().unwrap();
        let circuit = Circuit::new("system clock", config);
        succeed(&circuit, 1);
        while circuit.state() == State::Closed {
            end(&circuit, Outcome::Failure);
        }
        assert_eq!(refused(&circuit), Some(Reason::Open));
    }
}
