//! What a permit and a circuit answer when they are asked, without changing anything.

use tower_breaker_core::{Mode, Outcome};

use super::{admitted, plain, ready, refused, secs, succeed};

#[test]
fn a_permit_knows_whether_it_is_a_probe() {
    let (circuit, clock) = super::circuit(plain().half_open_max_concurrent(1));
    let healthy = admitted(&circuit);
    assert!(!healthy.is_probe());
    healthy.record(Outcome::Success);
    super::fail(&circuit, 3);
    clock.advance(secs(1));
    let probe = admitted(&circuit);
    assert!(probe.is_probe() && !probe.is_bypass());
    circuit.set_mode(Mode::Observe);
    let bypass = admitted(&circuit);
    assert!(bypass.is_bypass() && !bypass.is_probe());
    probe.record(Outcome::Success);
    drop(bypass);
    succeed(&circuit, 1);
    assert!(!admitted(&circuit).is_probe(), "closed again");
}

#[test]
fn would_refuse_says_what_a_call_would_meet_and_counts_nothing() {
    let (circuit, clock) = super::circuit(plain());
    assert!(!circuit.would_refuse(), "closed");
    super::fail(&circuit, 2);
    assert!(!circuit.would_refuse(), "closed, with failures");
    super::fail(&circuit, 1);
    assert!(circuit.would_refuse(), "open");
    clock.advance(secs(1));
    assert!(!circuit.would_refuse(), "ready for a probe");
    let probe = admitted(&circuit);
    assert!(circuit.would_refuse(), "its place is taken");
    circuit.set_mode(Mode::Observe);
    assert!(!circuit.would_refuse(), "observed only");
    circuit.set_mode(Mode::Enforce);
    drop(probe);
    assert!(!circuit.would_refuse(), "its place is free");
    circuit.force_open();
    assert!(circuit.would_refuse(), "forced open");
    circuit.force_closed();
    assert!(!circuit.would_refuse(), "forced closed");
    assert_eq!(circuit.snapshot().refusals.detected(), 0);
}

#[test]
fn what_would_be_refused_is() {
    let (circuit, _clock) = ready(plain());
    for _ in 0..2 {
        assert_eq!(circuit.would_refuse(), circuit.check().is_err());
        let permit = circuit.try_acquire();
        assert_eq!(circuit.would_refuse(), circuit.check().is_err());
        assert_eq!(circuit.would_refuse(), refused(&circuit).is_some());
        drop(permit);
    }
}
