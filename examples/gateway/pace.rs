//! How long somebody who sends or takes slowly is waited for.
//!
//! At first there is a stock of time. Waiting uses it up, and every [`LEAST`] bytes bring a second of it back, never more
//! than there was at first. So no wait is longer than the stock, and whoever goes on below that rate, be it a byte every
//! now and then, has used it up soon. Only time in which the other side is really waited for counts: a slow upstream is not
//! held against its caller.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// Bytes a second: what the slowest line still in use can do.
pub(crate) const LEAST: u32 = 500;

#[derive(Debug)]
pub(crate) struct Pace {
    most: Duration,
    left: Duration,
    /// Waited for since then.
    since: Option<Instant>,
    /// Only where there was something to wait for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(crate) const fn new(most: Duration) -> Self {
        Self { most, left: most, since: None, timer: None }
    }

    /// They are waited for: ready once that was too long.
    pub(crate) fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let end = since + self.left;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if timer.deadline() != end {
            timer.as_mut().reset(end);
        }
        timer.as_mut().poll(context)
    }

    /// Whether they are waited for.
    pub(crate) const fn waits(&self) -> bool {
        self.since.is_some()
    }

    /// So many bytes have come, or gone.
    pub(crate) fn moved(&mut self, bytes: usize) {
        if let Some(since) = self.since.take() {
            self.left = self.left.saturating_sub(since.elapsed());
        }
        let earned = Duration::from_secs(u64::try_from(bytes).unwrap_or(u64::MAX)) / LEAST;
        self.left = self.left.saturating_add(earned).min(self.most);
    }
}
