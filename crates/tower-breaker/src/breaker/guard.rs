//! What becomes of an inner `poll_ready` that fails or panics.

use std::mem;

use tower_breaker_core::{Outcome, Permit, Turn};

/// Runs `poll`, the inner `poll_ready`; if it panics, that is a failure as an error of it would be.
pub(super) fn readiness<T>(turn: &mut Turn, may_reserve: bool, poll: impl FnOnce() -> T) -> T {
    struct Guard<'a>(&'a mut Turn, bool);

    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            if let Some(permit) = unready(self.0, self.1) {
                permit.record(Outcome::Failure);
            }
        }
    }

    let guard = Guard(turn, may_reserve);
    let result = poll();
    mem::forget(guard);
    result
}

/// A permit for a failure of readiness, where one can be had. There was no call, so nothing is refused either.
pub(super) fn unready(turn: &mut Turn, may_reserve: bool) -> Option<Permit> {
    // An answer all the same: the lease to wait for it ends, and the next may ask.
    turn.answered();
    let permit = turn.circuit().try_acquire_quietly();
    match permit {
        // A place reserved under backpressure is this turn's own, and only `acquire` uses it.
        None if may_reserve => turn.acquire().ok(),
        permit => permit,
    }
}
