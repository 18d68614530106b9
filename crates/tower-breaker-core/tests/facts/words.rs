//! What people and programs read: the words of states and reasons, the texts of errors, what an error says it is.

use std::error::Error as _;

use tower_breaker_core::{
    ActiveMode, BulkheadFull, Condition, Error, Exhausted, Interruption, RateLimited, Reason, Refusal, Rejected, State,
    TimedOut, TimeoutKind,
};

use super::{circuit, ms, opened, plain, ready, secs, succeed};

#[test]
fn logs_and_metrics_have_one_stable_word_for_each_state_mode_and_reason() {
    let states = [State::Closed, State::Open, State::HalfOpen].map(State::as_str);
    assert_eq!(states, ["closed", "open", "half_open"]);
    let modes = [ActiveMode::Enforce, ActiveMode::Observe, ActiveMode::ForcedOpen, ActiveMode::ForcedClosed];
    assert_eq!(modes.map(ActiveMode::as_str), ["enforce", "observe", "forced_open", "forced_closed"]);
    let conditions = [
        (Condition::FailureRate, "failure_rate"),
        (Condition::SlowCallRate, "slow_call_rate"),
        (Condition::FailuresInRow, "failures_in_row"),
        (Condition::ProbeFailed, "probe_failed"),
        (Condition::ProbeSlow, "probe_slow"),
        (Condition::HalfOpenTimeout, "half_open_timeout"),
        (Condition::Remote, "remote"),
        (Condition::Forced, "forced"),
        (Condition::Restored, "restored"),
    ];
    conditions.iter().for_each(|(condition, word)| assert_eq!(condition.as_str(), *word));
    let reasons = ["open", "half_open", "forced_open", "recovering", "throttled"];
    assert!(Reason::ALL.iter().map(|reason| reason.as_str()).eq(reasons));
    let timeouts = [TimeoutKind::Whole, TimeoutKind::Attempt, TimeoutKind::Fallback, TimeoutKind::Caller];
    assert_eq!(timeouts.map(TimeoutKind::as_str), ["whole", "attempt", "fallback", "caller"]);
}

/// The refusal of a circuit that is in the middle of it.
fn rejected(reason: Reason) -> Rejected {
    let circuit = match reason {
        Reason::Open => opened(plain()).0,
        Reason::HalfOpen => {
            let circuit = ready(plain()).0;
            std::mem::forget(circuit.try_acquire());
            circuit
        }
        Reason::ForcedOpen => {
            let circuit = circuit(plain()).0;
            circuit.force_open();
            circuit
        }
        Reason::Recovering => {
            let circuit = ready(plain().success_threshold(1).recovery_ramp(secs(1_000))).0;
            succeed(&circuit, 1);
            circuit
        }
        Reason::Throttled => {
            let circuit = circuit(plain().failure_threshold(1_000).throttle(1.1)).0;
            (0..100).for_each(|_| drop(circuit.call(|| Err::<(), _>(()))));
            circuit
        }
        other => panic!("{other:?} has no circuit here"),
    };
    let mut tries = 0..1_000;
    tries.find_map(|_| circuit.try_acquire().err()).expect("most calls are refused")
}

#[test]
fn a_refusal_names_its_circuit_and_says_why() {
    let texts = [
        (Reason::Open, "circuit `under test` is open for another 1.0 s"),
        (Reason::HalfOpen, "circuit `under test` is half-open and has no place free for a probe"),
        (Reason::ForcedOpen, "circuit `under test` is forced open"),
        (Reason::Recovering, "circuit `under test` is recovering and lets only a share of the calls through"),
        (Reason::Throttled, "circuit `under test` is throttled: too few of its calls succeed"),
    ];
    for (reason, text) in texts {
        let rejected = rejected(reason);
        assert_eq!((rejected.reason(), rejected.to_string().as_str()), (reason, text));
        assert_eq!(rejected.name(), "under test");
    }
}

#[test]
fn refusals_are_equal_where_name_reason_and_time_are() {
    let (one, clock) = opened(plain());
    let refuse = || one.try_acquire().expect_err("it is open");
    assert_eq!(refuse(), refuse());
    let before = refuse();
    clock.advance(ms(1));
    assert_ne!(before, refuse(), "another remaining time");
    let other = tower_breaker_core::Circuit::builder("another").config(plain().build().unwrap()).build();
    one.force_open();
    other.force_open();
    assert_ne!(refuse(), other.try_acquire().expect_err("it is forced open"), "another name");
}

#[test]
fn an_error_says_what_became_of_the_call_as_what_it_holds_does() {
    let rejected = rejected(Reason::ForcedOpen);
    let (full, limited) = (BulkheadFull::default(), RateLimited::new(ms(20)));
    let late = TimedOut::new(TimeoutKind::Whole, secs(2));
    let own = std::fmt::Error;
    let errors: [(Error<std::fmt::Error>, Option<Refusal>, String); 5] = [
        (rejected.clone().into(), Some(rejected.clone().into()), rejected.to_string()),
        (
            Refusal::from(full.clone()).into(),
            Some(full.clone().into()),
            "the bulkhead and its queue are full".to_owned(),
        ),
        (
            Refusal::from(limited.clone()).into(),
            Some(limited.into()),
            "the rate limit is reached for another 20ms".to_owned(),
        ),
        (late.into(), None, "the call took longer than 2s".to_owned()),
        (Error::Inner(own), None, own.to_string()),
    ];
    for (error, refusal, text) in errors {
        assert_eq!((error.refusal(), error.to_string()), (refusal.clone(), text.clone()));
        assert_eq!(error.source().map(ToString::to_string), Some(text.clone()));
        assert_eq!(error.rejected(), matches!(error, Error::CircuitOpen(_)).then_some(&rejected));
        let interruption = match refusal {
            Some(refusal) => {
                assert_eq!(refusal.to_string(), text);
                Some(Interruption::Refused(refusal))
            }
            None => matches!(error, Error::TimedOut(_)).then_some(Interruption::TimedOut(late)),
        };
        assert_eq!(Interruption::find(&Error::Inner(error.clone())), interruption);
        assert_eq!(interruption.map(|it| it.to_string()), (error != Error::Inner(own)).then_some(text));
        assert_eq!(error.clone().into_inner(), (error == Error::Inner(own)).then_some(own));
    }
}

#[test]
fn timeouts_and_full_bulkheads_say_whose_time_it_was() {
    let late = |kind| TimedOut::new(kind, ms(500)).to_string();
    assert_eq!(late(TimeoutKind::Attempt), "the attempt took longer than 500ms");
    assert_eq!(late(TimeoutKind::Fallback), "the fallback took longer than 500ms");
    assert_eq!(late(TimeoutKind::Caller), "the call took longer than the 500ms that its caller gave it");
    let queued = BulkheadFull::new(ms(30)).to_string();
    assert_eq!(queued, "the bulkhead is full, and had no place free for 30ms");
    assert_eq!(Exhausted::new(3).attempts(), 3);
}
