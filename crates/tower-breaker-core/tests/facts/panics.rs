//! Panics: of the call, and of the caller.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::{Context, Waker},
};

use tower_breaker_core::{Circuit, Outcome, Reason, State};

use super::{admitted, circuit, plain, ready, refused};

/// A call that panics, with the panic caught outside.
fn panicking_call(circuit: &Circuit) {
    let called = catch_unwind(AssertUnwindSafe(|| circuit.call(|| -> Result<(), ()> { panic!("on purpose") })));
    assert!(called.is_err());
}

fn poll_once<F: Future>(future: F) {
    let mut future = pin!(future);
    let _ = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
}

#[test]
fn a_panic_while_closed_is_a_failure_and_goes_on() {
    let (circuit, _) = circuit(plain());
    (0..3).for_each(|_| panicking_call(&circuit));
    assert_eq!((circuit.state(), circuit.snapshot().totals.failures), (State::Open, 3));
}

#[test]
fn a_panic_in_a_future_is_a_failure() {
    let (circuit, _) = circuit(plain());
    for _ in 0..3 {
        let future = circuit.call_async(async {
            if true {
                panic!("on purpose");
            }
            Ok::<(), ()>(())
        });
        assert!(catch_unwind(AssertUnwindSafe(|| poll_once(future))).is_err());
    }
    assert_eq!((circuit.state(), circuit.snapshot().totals.failures), (State::Open, 3));
}

#[test]
fn a_probe_that_panics_frees_its_place_and_is_a_failure() {
    let (circuit, clock) = ready(plain());
    panicking_call(&circuit);
    assert_eq!((circuit.state(), circuit.snapshot().totals.failures), (State::Open, 4));
    clock.advance(circuit.snapshot().open_remaining.unwrap());
    let _probe = admitted(&circuit);
    assert_eq!((circuit.state(), refused(&circuit)), (State::HalfOpen, Some(Reason::HalfOpen)));
}

#[test]
fn a_panic_caught_further_in_is_what_the_call_makes_of_it() {
    let (circuit, _) = circuit(plain());
    let inner = || catch_unwind(|| panic!("on purpose")).map_err(|_| "caught");
    assert!(circuit.call(inner).is_err());
    let forgiven = circuit.call(|| Ok::<_, ()>(catch_unwind(|| panic!("on purpose")).is_err()));
    assert_eq!(forgiven, Ok(true));
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.successes), (1, 1));
}

#[test]
fn a_panic_of_the_caller_is_no_failure_of_its_calls_in_flight() {
    let (circuit, _) = circuit(plain());
    let caller = || {
        let _held = admitted(&circuit);
        let pending = circuit.call_async(std::future::pending::<Result<(), ()>>());
        let mut pending = pin!(pending);
        assert!(pending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        panic!("on purpose");
    };
    assert!(catch_unwind(AssertUnwindSafe(caller)).is_err());
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.cancelled), (0, 2));
}

#[test]
fn a_call_made_while_its_caller_unwinds_is_judged_as_any_other() {
    struct CallsInDrop<'a>(&'a Circuit);
    impl Drop for CallsInDrop<'_> {
        fn drop(&mut self) {
            let _ = self.0.call(|| Ok::<_, ()>(()));
            admitted(self.0).record(Outcome::Success);
        }
    }
    let (circuit, _) = circuit(plain());
    let caller = || {
        let _last_words = CallsInDrop(&circuit);
        panic!("on purpose");
    };
    assert!(catch_unwind(AssertUnwindSafe(caller)).is_err());
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.successes), (0, 2));
}

#[test]
fn a_panicking_judge_leaves_no_place_taken() {
    let (circuit, _) = ready(plain());
    let judged = catch_unwind(AssertUnwindSafe(|| circuit.call_with(|| Ok::<(), ()>(()), |_| panic!("on purpose"))));
    assert!(judged.is_err());
    let _probe = admitted(&circuit);
    assert_eq!(circuit.state(), State::HalfOpen);
}
