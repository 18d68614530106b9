use std::{
    fmt,
    task::{Context, Poll},
};

use super::Bulkhead;

/// One of the places of a [`Bulkhead`], given back when dropped.
#[must_use = "a place dropped at once guards nothing"]
pub struct Place {
    bulkhead: Bulkhead,
}

impl Place {
    pub(super) const fn new(bulkhead: Bulkhead) -> Self {
        Self { bulkhead }
    }

    /// The bulkhead it belongs to.
    #[must_use]
    pub const fn bulkhead(&self) -> &Bulkhead {
        &self.bulkhead
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bulkhead.shared.places.give_back();
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("bulkhead", &self.bulkhead).finish()
    }
}

/// What a [`Bulkhead`] answers who asks to come in.
#[derive(Debug)]
#[must_use = "a place dropped at once guards nothing"]
pub enum Admission {
    /// A place.
    Admitted(Place),
    /// A turn in the queue.
    Queued(Waiter),
}

/// A turn in the queue of a [`Bulkhead`]. Dropped, it leaves the queue; a place that it had already got goes to the next.
#[must_use = "dropped, it leaves the queue"]
pub struct Waiter {
    number: u64,
    // `None` once the place is had.
    bulkhead: Option<Bulkhead>,
}

impl Waiter {
    pub(super) const fn new(bulkhead: Bulkhead, number: u64) -> Self {
        Self { number, bulkhead: Some(bulkhead) }
    }

    /// The place, once it is this waiter's turn. Until then the waker of the last poll is woken when it comes.
    ///
    /// # Panics
    ///
    /// If polled after it has had its place.
    pub fn poll_place(&mut self, cx: &mut Context<'_>) -> Poll<Place> {
        let bulkhead = self.bulkhead.as_ref().expect("`Waiter` polled after it has had its place");
        if !bulkhead.shared.places.has_place(self.number, cx.waker()) {
            return Poll::Pending;
        }
        self.bulkhead.take().map_or(Poll::Pending, |bulkhead| Poll::Ready(Place { bulkhead }))
    }

    /// Leaves the queue because it took too long, which is counted as a refusal.
    pub fn give_up(self) {
        if let Some(bulkhead) = &self.bulkhead {
            bulkhead.count_rejected();
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(bulkhead) = self.bulkhead.take()
            && !bulkhead.shared.places.leave(self.number)
        {
            bulkhead.shared.places.give_back();
        }
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").field("bulkhead", &self.bulkhead).finish_non_exhaustive()
    }
}
