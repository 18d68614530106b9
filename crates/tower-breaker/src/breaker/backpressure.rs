use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Sleep, sleep};
use tower_breaker_core::{Readiness, Turn};

/// What a waiting service clone keeps: the timer for the end of the wait. Transitions wake it through its turn.
#[derive(Debug, Default)]
pub(super) struct Backpressure {
    // Boxed, because a `Sleep` must stay where it is and the service must be free to move; only a clone that really waits
    // ever has one, so a call that passes pays nothing for it.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Backpressure {
    /// Pending while the circuit refuses.
    pub(super) fn poll_pass(&mut self, turn: &mut Turn, cx: &mut Context<'_>) -> Poll<Readiness> {
        loop {
            let after = match turn.wait(cx.waker()) {
                Readiness::Wait { look_again: Some(after), .. } => after,
                Readiness::Wait { look_again: None, .. } => {
                    self.sleep = None;
                    return Poll::Pending;
                }
                ready => {
                    self.sleep = None;
                    return Poll::Ready(ready);
                }
            };
            // At least one tick of tokio's timer: a circuit on another clock may be a little behind it, and must not be
            // asked in a loop until it has caught up.
            let end = sleep(after.max(Duration::from_millis(1)));
            let timer = match &mut self.sleep {
                Some(timer) => {
                    timer.set(end);
                    timer
                }
                none => none.insert(Box::pin(end)),
            };
            ready!(timer.as_mut().poll(cx));
        }
    }
}
