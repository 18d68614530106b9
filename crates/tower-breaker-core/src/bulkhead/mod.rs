//! A bulkhead: so many calls at once, so many more in a queue, and the rest refused.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    BulkheadFigures, BulkheadFull, Figure, Figures, InvalidConfig, Measure,
    sync::{AtomicU64, Ordering},
};

mod builder;
mod place;
mod places;

use self::places::{Entry, Places};
pub use self::{
    builder::BulkheadBuilder,
    place::{Admission, Place, Waiter},
};

const MAX_WAIT_OFF: u64 = u64::MAX;

/// A number of places, and a queue before them.
///
/// A slow dependency makes calls pile up until they have taken all there is of something: memory, sockets, patience. A
/// bulkhead bounds how many can wait for it at once. Clones are handles to the same places, which may be resized while
/// they are in use. The services of Tower wear it through the `BulkheadLayer` of the `tower-breaker` crate.
///
/// First come, first served: nobody overtakes the queue, and a place given back goes straight to its head.
///
/// ```
/// use tower_breaker_core::Bulkhead;
///
/// let reports = Bulkhead::new(1)?;
/// let place = reports.try_acquire();
/// assert!(place.is_ok());
/// assert!(reports.try_acquire().is_err());
/// drop(place);
/// assert!(reports.try_acquire().is_ok());
/// # Ok::<(), tower_breaker_core::InvalidConfig>(())
/// ```
#[derive(Clone)]
pub struct Bulkhead {
    shared: Arc<Shared>,
}

struct Shared {
    places: Places,
    /// Nanoseconds; `MAX_WAIT_OFF` for no bound.
    max_wait: AtomicU64,
    rejected: AtomicU64,
}

impl Bulkhead {
    /// `max_concurrent` places, and no queue.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if it is not in 1..=1,048,576.
    pub fn new(max_concurrent: u32) -> Result<Self, InvalidConfig> {
        Self::builder(max_concurrent).build()
    }

    /// Starts a bulkhead of `max_concurrent` places, 1..=1,048,576.
    pub const fn builder(max_concurrent: u32) -> BulkheadBuilder {
        BulkheadBuilder::new(max_concurrent)
    }

    /// A place now, or a turn in the queue.
    ///
    /// # Errors
    ///
    /// [`BulkheadFull`] if there is neither, counted.
    pub fn enter(&self) -> Result<Admission, BulkheadFull> {
        match self.shared.places.enter() {
            Entry::Taken => Ok(Admission::Admitted(Place::new(self.clone()))),
            Entry::Queued(number) => Ok(Admission::Queued(Waiter::new(self.clone(), number))),
            Entry::Full => Err(self.refused()),
        }
    }

    /// A place now. Never queues, and never overtakes those who do.
    ///
    /// # Errors
    ///
    /// [`BulkheadFull`] if there is none, counted.
    pub fn try_acquire(&self) -> Result<Place, BulkheadFull> {
        if self.shared.places.try_enter() { Ok(Place::new(self.clone())) } else { Err(self.refused()) }
    }

    fn refused(&self) -> BulkheadFull {
        self.count_rejected();
        BulkheadFull::default()
    }

    fn count_rejected(&self) {
        // Relaxed: a count, that nothing else is concluded from.
        self.shared.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// From now on this many places, 1..=1,048,576. New ones go to those who queue; where there are fewer, calls in their
    /// places stay, and places given back are gone until the number is right.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if it is out of range; nothing has changed then.
    pub fn set_max_concurrent(&self, max_concurrent: u32) -> Result<(), InvalidConfig> {
        builder::check_places(max_concurrent)?;
        self.shared.places.set_max_concurrent(max_concurrent);
        Ok(())
    }

    /// From now on at most this many in the queue, 0..=1,048,576. Those who queue already stay.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] if it is out of range; nothing has changed then.
    pub fn set_max_queue(&self, max_queue: u32) -> Result<(), InvalidConfig> {
        builder::check_queue(max_queue)?;
        self.shared.places.set_max_queue(max_queue);
        Ok(())
    }

    /// From now on newcomers queue at most this long; `None`: until it is their turn.
    pub fn set_max_wait(&self, max_wait: Option<Duration>) {
        // Relaxed: a value of its own.
        self.shared.max_wait.store(nanos(max_wait), Ordering::Relaxed);
    }

    /// How long a call may queue; `None`: until it is its turn. Whoever polls a [`Waiter`] sees to it.
    #[must_use]
    pub fn max_wait(&self) -> Option<Duration> {
        let nanos = self.shared.max_wait.load(Ordering::Relaxed);
        (nanos != MAX_WAIT_OFF).then(|| Duration::from_nanos(nanos))
    }

    /// How many places there are.
    #[must_use]
    pub fn max_concurrent(&self) -> u32 {
        count(self.shared.places.max_concurrent())
    }

    /// At most how many may queue.
    #[must_use]
    pub fn max_queue(&self) -> u32 {
        count(self.shared.places.max_queue())
    }

    /// Who is in it now.
    #[must_use]
    pub fn figures(&self) -> BulkheadFigures {
        self.shared.figures()
    }

    /// Lists it under `name` for exporters, as long as a handle to it lives.
    pub fn register(&self, figures: &Figures, name: impl Into<Arc<str>>) {
        figures.register(name, &self.shared);
    }
}

/// Whole nanoseconds, of which a `u64` holds 584 years; a longer wait is none that ends.
fn nanos(max_wait: Option<Duration>) -> u64 {
    max_wait.map_or(MAX_WAIT_OFF, |wait| u64::try_from(wait.as_nanos()).unwrap_or(MAX_WAIT_OFF))
}

/// What was set as a `u32`.
fn count(set: u64) -> u32 {
    u32::try_from(set).unwrap_or(u32::MAX)
}

impl Shared {
    fn figures(&self) -> BulkheadFigures {
        let (in_use, queued) = self.places.now();
        let rejected = self.rejected.load(Ordering::Relaxed);
        BulkheadFigures { in_use, queued, max_concurrent: self.places.max_concurrent(), rejected }
    }
}

impl Measure for Shared {
    fn measure(&self) -> Figure {
        Figure::Bulkhead(self.figures())
    }
}

impl fmt::Debug for Bulkhead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BulkheadFigures { in_use, queued, max_concurrent, rejected } = self.figures();
        f.debug_struct("Bulkhead")
            .field("in_use", &in_use)
            .field("max_concurrent", &max_concurrent)
            .field("queued", &queued)
            .field("max_queue", &self.max_queue())
            .field("max_wait", &self.max_wait())
            .field("rejected", &rejected)
            .finish()
    }
}
