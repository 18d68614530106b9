use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::Instant;
use tower_breaker_core::{BulkheadFull, Place, Waiter};

use crate::timer::Timer;

pin_project! {
    /// Waits for a place, for so long at most. A place that is there in the same poll as the deadline is taken.
    pub(super) struct Wait {
        // Taken at the end of the wait.
        waiter: Option<Waiter>,
        since: Instant,
        deadline: Option<Instant>,
        #[pin]
        timer: Timer,
    }
}

impl Wait {
    pub(super) fn new(waiter: Waiter, at_most: Option<Duration>) -> Self {
        let since = Instant::now();
        // What is beyond the end of time never ends.
        let deadline = at_most.and_then(|wait| since.checked_add(wait));
        Self { waiter: Some(waiter), since, deadline, timer: Timer::default() }
    }
}

impl Future for Wait {
    type Output = Result<Place, BulkheadFull>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let waiter = this.waiter.as_mut().expect("`Wait` polled after it has ended");
        if let Poll::Ready(place) = waiter.poll_place(cx) {
            return Poll::Ready(Ok(place));
        }
        ready!(this.timer.poll_over(*this.deadline, cx));
        if let Some(waiter) = this.waiter.take() {
            waiter.give_up();
        }
        Poll::Ready(Err(BulkheadFull::new(this.since.elapsed())))
    }
}
