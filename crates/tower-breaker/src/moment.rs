//! One reading of the clock for all stages of a call.

use std::cell::Cell;

use tokio::time::Instant;

thread_local! {
    static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The time now, or that at which the call began which is being made on this thread.
pub(crate) fn now() -> Instant {
    NOW.get().unwrap_or_else(Instant::now)
}

/// Makes a call that begins now: the stages further in, whose calls are made within this one, need not read the clock again.
pub(crate) fn at<T>(now: Instant, call: impl FnOnce() -> T) -> T {
    struct Before(Option<Instant>);

    impl Drop for Before {
        fn drop(&mut self) {
            NOW.set(self.0);
        }
    }

    let _before = Before(NOW.replace(Some(now)));
    call()
}
