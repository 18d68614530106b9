use std::{fmt, marker::PhantomData};

use tower_breaker_core::Bulkhead;
use tower_layer::Layer;

use super::BulkheadService;
#[cfg(feature = "http")]
use crate::until::EndOfBody;
use crate::{refuse::AsError, until::Head};

/// Bounds how many calls of services are under way at once.
///
/// All services it makes share the bulkhead, and so do clones of the layer.
///
/// ```
/// use std::time::Duration;
/// use tower_breaker::{Bulkhead, BulkheadLayer};
///
/// // 64 calls at once; 128 more may wait for a place, each for 100 ms.
/// let places = Bulkhead::builder(64).max_queue(128).max_wait(Duration::from_millis(100)).build()?;
/// let layer = BulkheadLayer::new(places.clone());
/// # let _ = layer;
/// # Ok::<(), tower_breaker::InvalidConfig>(())
/// ```
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct BulkheadLayer<R = AsError, U = Head> {
    bulkhead: Option<Bulkhead>,
    refuse: R,
    until: PhantomData<fn() -> U>,
}

impl BulkheadLayer {
    /// Bounds calls by `bulkhead`; a call that it does not let in ends in
    /// [`Error::BulkheadFull`](crate::Error::BulkheadFull).
    ///
    /// `None` is off: it costs nothing and changes nothing, so that a configuration can leave the stage out without changing
    /// the type of the stack.
    pub fn new(bulkhead: impl Into<Option<Bulkhead>>) -> Self {
        Self::with(bulkhead.into(), AsError)
    }
}

impl<R, U> BulkheadLayer<R, U> {
    const fn with(bulkhead: Option<Bulkhead>, refuse: R) -> Self {
        Self { bulkhead, refuse, until: PhantomData }
    }

    /// The same, to the head or the end of the body as the stack was told.
    #[cfg(feature = "resilience")]
    pub(crate) fn until<V>(self) -> BulkheadLayer<R, V> {
        BulkheadLayer::with(self.bulkhead, self.refuse)
    }

    /// Answers refused calls by `refuse` instead: one of [`refuse`](crate::refuse), or a closure
    /// `|why: Interruption| -> Result<Res, E>`.
    pub fn refuse<Q>(self, refuse: Q) -> BulkheadLayer<Q, U> {
        BulkheadLayer::with(self.bulkhead, refuse)
    }

    /// The bulkhead; `None`: off.
    #[must_use]
    pub const fn bulkhead(&self) -> Option<&Bulkhead> {
        self.bulkhead.as_ref()
    }
}

#[cfg(feature = "http")]
impl<R> BulkheadLayer<R, Head> {
    /// Holds the place until the end of the response's body ([`BulkheadBody`](super::BulkheadBody)), instead of its head.
    ///
    /// For bodies that keep the dependency busy. A caller who reads slowly then keeps the place as long as they read.
    pub fn until_end_of_body(self) -> BulkheadLayer<R, EndOfBody> {
        BulkheadLayer::with(self.bulkhead, self.refuse)
    }
}

impl<S, R: Clone, U> Layer<S> for BulkheadLayer<R, U> {
    type Service = BulkheadService<S, R, U>;

    fn layer(&self, inner: S) -> Self::Service {
        BulkheadService::with(inner, self.bulkhead.clone(), self.refuse.clone())
    }
}

// By hand: a derive would ask the same of `U`, which is only a name here.
impl<R: Clone, U> Clone for BulkheadLayer<R, U> {
    fn clone(&self) -> Self {
        Self::with(self.bulkhead.clone(), self.refuse.clone())
    }
}

// By hand: closures are not `Debug`.
impl<R, U> fmt::Debug for BulkheadLayer<R, U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadLayer").field("bulkhead", &self.bulkhead).finish_non_exhaustive()
    }
}
