//! A closed circuit that admits a share: after recovery, and by the throttle.

mod ramp;
mod throttle;

use tower_breaker_core::{
    Circuit, CircuitBreakerConfigBuilder, ManualClock, Mode, Outcome, Readiness, Reason, SlidingWindow, State, Turn,
};

use super::{fail, ms, plain, ready, secs, succeed};

const DRAWS: u32 = 10_000;

/// Closed by its probes a moment ago, with 100 s of ramp before it.
fn recovering() -> (Circuit, ManualClock) {
    let (circuit, clock) = ready(plain().recovery_ramp(secs(100)));
    succeed(&circuit, 2);
    assert_eq!(circuit.state(), State::Closed);
    (circuit, clock)
}

/// Trips on nothing that the throttle lets happen.
fn throttled(factor: f64) -> CircuitBreakerConfigBuilder {
    let window = SlidingWindow::time(secs(10));
    plain().failure_threshold(1_000_000).throttle(factor).sliding_window(window).minimum_calls(10)
}

/// Refusals for `reason` among so many calls at one instant; those let through are ignored, so that no share changes by
/// them.
fn refused_of(circuit: &Circuit, calls: u32, reason: Reason) -> u32 {
    let refused = (0..calls).filter(|_| match circuit.try_acquire() {
        Ok(permit) => {
            permit.record(Outcome::Ignored);
            false
        }
        Err(rejected) => rejected.reason() == reason,
    });
    u32::try_from(refused.count()).expect("few")
}

/// Within three standard deviations of so many draws of this share.
fn assert_share(hits: u32, share: f64) {
    let (draws, hits) = (f64::from(DRAWS), f64::from(hits));
    let sigma = (draws * share * (1.0 - share)).sqrt();
    assert!((hits - draws * share).abs() <= 3.0 * sigma, "{hits} of {draws}, where {share} is the share");
}

/// As many failures as open it, of the calls that get through.
fn trip(circuit: &Circuit) {
    while circuit.state() == State::Closed {
        circuit.try_acquire().map(|permit| permit.record(Outcome::Failure)).ok();
    }
}

#[test]
fn a_forced_closed_circuit_admits_all() {
    let (circuit, _) = recovering();
    circuit.force_closed();
    assert_eq!(refused_of(&circuit, 1_000, Reason::Recovering), 0);
    let (circuit, _) = super::circuit(throttled(1.5));
    circuit.force_closed();
    fail(&circuit, 100);
    assert_eq!(circuit.snapshot().throttle_share, Some(0.0));
    assert_eq!(refused_of(&circuit, 1_000, Reason::Throttled), 0);
}

#[test]
fn observing_lets_all_through_and_counts_what_enforcing_refuses() {
    let run = |mode| {
        let (circuit, clock) = ready(throttled(1.3).failure_threshold(3).recovery_ramp(secs(5)));
        succeed(&circuit, 2);
        circuit.set_mode(mode);
        let mut judged = 0;
        for _ in 0..5_000 {
            if let Ok(permit) = circuit.try_acquire() {
                judged += u32::from(!permit.is_bypass());
                permit.record(if judged % 3 == 0 { Outcome::Failure } else { Outcome::Success });
            }
            clock.advance(ms(2));
        }
        circuit.snapshot()
    };
    let (enforced, observed) = (run(Mode::Enforce), run(Mode::Observe));
    for (one, other) in [
        (enforced.refusals.recovering, observed.refusals.recovering),
        (enforced.refusals.throttled, observed.refusals.throttled),
    ] {
        assert!(one.detected > 100, "{one:?}");
        assert_eq!((one.detected, one.detected, 0), (one.enforced, other.detected, other.enforced));
    }
    assert_eq!(observed.totals.bypassed, observed.refusals.detected());
    assert_eq!(
        (enforced.totals.successes, enforced.totals.failures),
        (observed.totals.successes, observed.totals.failures)
    );
}

#[test]
fn a_quarter_of_what_is_drawn_is_refused_where_a_quarter_is_enforced() {
    let (circuit, _) = recovering();
    circuit.set_enforcement(0.25).unwrap();
    let refused = refused_of(&circuit, DRAWS, Reason::Recovering);
    assert_share(refused, 0.9 * 0.25);
    let counted = circuit.snapshot().refusals.recovering;
    assert_share(u32::try_from(counted.detected).unwrap(), 0.9);
    assert_eq!(counted.enforced, u64::from(refused));
}

#[test]
fn a_share_refuses_in_a_call_and_nowhere_before() {
    let (circuit, _) = recovering();
    let mut turn = Turn::new(circuit.clone());
    for _ in 0..1_000 {
        assert!(circuit.check().is_ok() && !circuit.would_refuse());
        assert_eq!(turn.ask(), Readiness::Pass);
        assert_eq!(turn.wait(std::task::Waker::noop()), Readiness::Pass);
        assert!(circuit.try_acquire_quietly().is_some(), "what is no call is judged, not drawn");
    }
    let refused = (0..DRAWS).filter(|_| {
        turn.ask();
        turn.acquire().is_err()
    });
    assert_share(u32::try_from(refused.count()).unwrap(), 0.9);
}
