//! A panic that passes through is a failure.

use std::mem;

use tower_breaker_core::{Outcome, Permit, Turn};

/// Runs `f`; if it panics, the permit in `held` records a failure on the way.
///
/// `thread::panicking()` in a `Drop` would not do: it is true for a healthy call of a caller that panics, and false where
/// the panic was caught further in.
pub(super) fn call<S, T>(held: &mut Option<(Permit, S)>, f: impl FnOnce() -> T) -> T {
    struct Guard<'a, S>(&'a mut Option<(Permit, S)>);

    impl<S> Drop for Guard<'_, S> {
        fn drop(&mut self) {
            if let Some((permit, _)) = self.0.take() {
                permit.record(Outcome::Failure);
            }
        }
    }

    let guard = Guard(held);
    let result = f();
    mem::forget(guard);
    result
}

/// Runs `f`, the inner `poll_ready`; if it panics, that is a failure as an error of it would be.
pub(super) fn readiness<T>(turn: &mut Turn, f: impl FnOnce() -> T) -> T {
    struct Guard<'a>(&'a mut Turn);

    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            if let Some(permit) = unready(self.0) {
                permit.record(Outcome::Failure);
            }
        }
    }

    let guard = Guard(turn);
    let result = f();
    mem::forget(guard);
    result
}

/// A permit for a failure of readiness, where one can be had: there was no call to admit, so nothing is refused either.
pub(super) fn unready(turn: &mut Turn) -> Option<Permit> {
    // First, or this turn's own lease would stand in the way.
    turn.answered();
    turn.circuit().try_acquire_quietly()
}
