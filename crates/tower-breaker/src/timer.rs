use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

pin_project! {
    /// A timer that is armed when it is first polled, so that what is ready at once needs none, nor a runtime that has one.
    #[derive(Debug, Default)]
    pub(crate) struct Timer {
        #[pin]
        sleep: Option<Sleep>,
    }
}

impl Timer {
    /// Ready once `deadline` is over. It must be the same each time.
    pub(crate) fn poll_over(self: Pin<&mut Self>, deadline: Option<Instant>, cx: &mut Context<'_>) -> Poll<()> {
        let mut sleep = self.project().sleep;
        let Some(deadline) = deadline else { return Poll::Pending };
        if sleep.is_none() {
            sleep.set(Some(sleep_until(deadline)));
        }
        let rung = sleep.as_pin_mut().is_some_and(|sleep| sleep.poll(cx).is_ready());
        // The clock is asked too: a future that uses up its task's budget at every poll leaves none for the `Sleep`, which
        // then never says that it is over.
        if rung || Instant::now() >= deadline { Poll::Ready(()) } else { Poll::Pending }
    }
}
