//! What becomes of an inner `poll_ready` that fails or panics.

use std::mem;

use tower_breaker_core::{Outcome, Permit, Turn};

/// Runs `poll`, the inner `poll_ready`; if it panics, that is a failure as an error of it would be.
pub(super) fn readiness<T>(turn: &mut Turn, poll: impl FnOnce() -> T) -> T {
    struct Guard<'a>(&'a mut Turn);

    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            if let Some(permit) = unready(self.0) {
                permit.record(Outcome::Failure);
            }
        }
    }

    let guard = Guard(turn);
    let result = poll();
    mem::forget(guard);
    result
}

/// A permit for a failure of readiness, where one can be had. There was no call, so nothing is refused either.
pub(super) fn unready(turn: &mut Turn) -> Option<Permit> {
    // An answer all the same: the lease to wait for it ends, and the next may ask.
    turn.answered();
    turn.acquire_quietly()
}
