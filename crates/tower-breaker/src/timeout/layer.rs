use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use tower_breaker_core::{Figures, TimeoutKind};
use tower_layer::Layer;

#[cfg(feature = "http")]
use super::GrpcTimeout;
use super::{Attempt, Marker, Timeout, Unsaid, Whole, WholeExpiring, deadline::Counter};
#[cfg(feature = "http")]
use crate::until::EndOfBody;
use crate::{refuse::AsError, until::Head};

/// Gives the calls of a service so much time.
///
/// Any duration is accepted. Zero leaves time for what is ready at once; what is beyond the end of time, as `Duration::MAX`
/// is, never ends. `None` is off: it costs nothing and changes nothing, so that a configuration can leave the stage out
/// without changing the type of the stack.
///
/// ```
/// use std::time::Duration;
/// use tower::ServiceBuilder;
/// use tower_breaker::{Circuit, CircuitBreakerLayer, TimeoutLayer, refuse::AsSameError};
///
/// // An attempt that takes longer than 2 s is a failure to the circuit around it. Both end in the one `Error`.
/// let layers = ServiceBuilder::new()
///     .layer(CircuitBreakerLayer::new(Circuit::new("orders", Default::default())).refuse(AsSameError))
///     .layer(TimeoutLayer::attempt(Duration::from_secs(2)));
/// # let _ = layers;
/// ```
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct TimeoutLayer<K = Whole, R = AsError, U = Head, D = Unsaid> {
    limit: Option<Duration>,
    refuse: R,
    kind: TimeoutKind,
    counter: Option<Arc<Counter>>,
    of: Marker<K, U, D>,
}

impl TimeoutLayer<Whole> {
    /// Bounds the whole call, with the time until the inner service is ready: retries, waits and queues in it included.
    ///
    /// `poll_ready` is always ready; the inner service is asked in the future, and must be `Clone` to be taken along.
    pub fn whole(limit: impl Into<Option<Duration>>) -> Self {
        Self::with(limit.into(), AsError, TimeoutKind::Whole, None)
    }
}

impl TimeoutLayer<Attempt> {
    /// Bounds one attempt, from `call` to the response. Readiness is the inner service's own, and nothing is asked of it.
    pub fn attempt(limit: impl Into<Option<Duration>>) -> Self {
        Self::with(limit.into(), AsError, TimeoutKind::Attempt, None)
    }
}

impl<R, U, D> TimeoutLayer<Whole, R, U, D> {
    /// Tells a breaker inside when the time is over: it records a failure of the attempt under way, or of the one that
    /// still waited for the service to be ready.
    ///
    /// Without this the call is only dropped, and the breaker follows its `on_cancel`. Everything from here to the breaker
    /// must be [`Expire`](crate::Expire).
    pub fn expiring(self) -> TimeoutLayer<WholeExpiring, R, U, D> {
        TimeoutLayer::with(self.limit, self.refuse, self.kind, self.counter)
    }
}

impl<K, R, U, D> TimeoutLayer<K, R, U, D> {
    const fn with(limit: Option<Duration>, refuse: R, kind: TimeoutKind, counter: Option<Arc<Counter>>) -> Self {
        Self { limit, refuse, kind, counter, of: PhantomData }
    }

    /// The same, to the head or the end of the body, and listening to callers or not, as the stack was told.
    #[cfg(feature = "resilience")]
    pub(crate) fn within<V, G>(self) -> TimeoutLayer<K, R, V, G> {
        TimeoutLayer::with(self.limit, self.refuse, self.kind, self.counter)
    }

    /// Answers calls whose time is over by `refuse` instead: one of [`refuse`](crate::refuse), or a closure
    /// `|why: Interruption| -> Result<Res, E>`.
    pub fn refuse<Q>(self, refuse: Q) -> TimeoutLayer<K, Q, U, D> {
        TimeoutLayer::with(self.limit, refuse, self.kind, self.counter)
    }

    /// Lists how many calls ran out of time in `figures` under `name`, for exporters, as long as this layer or what it made
    /// lives.
    pub fn register(mut self, figures: &Figures, name: impl Into<Arc<str>>) -> Self {
        let kind = self.kind;
        let counter = self.counter.get_or_insert_with(|| Arc::new(Counter::new(kind)));
        figures.register(name, counter);
        self
    }

    /// The limit; `None`: off.
    #[must_use]
    pub const fn limit(&self) -> Option<Duration> {
        self.limit
    }
}

#[cfg(feature = "http")]
impl<K, R, U> TimeoutLayer<K, R, U, Unsaid> {
    /// Listens to `grpc-timeout` of gRPC requests (gRPC over HTTP/2, "Requests"): of it and the limit the smaller bounds the
    /// call. When the request goes out the service inside is told what is left, and a tenth of a second more: whoever keeps
    /// that deadline too must not be first, for it cannot tell whose time was over. A layer that is off bounds by the caller's
    /// time alone. What cannot be read is ignored.
    ///
    /// The caller's time is no failure of anybody ([`TimeoutKind::Caller`]): the call is dropped untold, a breaker follows its
    /// `on_cancel`, and it is not counted among the figures. A stranger who allows one nanosecond must not open a circuit.
    ///
    /// Costs a gRPC request that is bounded an extension and a header: three allocations.
    pub fn grpc_timeout(self) -> TimeoutLayer<K, R, U, GrpcTimeout> {
        TimeoutLayer::with(self.limit, self.refuse, self.kind, self.counter)
    }
}

#[cfg(feature = "http")]
impl<K, R, D> TimeoutLayer<K, R, Head, D> {
    /// Bounds the response's body as well: the time goes on until its end, and a body that is not at its end by then ends
    /// in an error ([`TimeoutBody`](super::TimeoutBody)).
    ///
    /// Not for bodies that are meant to go on: downloads of any size, event streams.
    pub fn until_end_of_body(self) -> TimeoutLayer<K, R, EndOfBody, D> {
        TimeoutLayer::with(self.limit, self.refuse, self.kind, self.counter)
    }
}

impl<S, K, R: Clone, U, D> Layer<S> for TimeoutLayer<K, R, U, D> {
    type Service = Timeout<S, K, R, U, D>;

    fn layer(&self, inner: S) -> Self::Service {
        Timeout::with(inner, self.limit, self.refuse.clone(), self.counter.clone())
    }
}

// By hand: a derive would ask the same of `K`, `U` and `D`, which are only names here.
impl<K, R: Clone, U, D> Clone for TimeoutLayer<K, R, U, D> {
    fn clone(&self) -> Self {
        Self::with(self.limit, self.refuse.clone(), self.kind, self.counter.clone())
    }
}

// By hand: closures are not `Debug`.
impl<K, R, U, D> fmt::Debug for TimeoutLayer<K, R, U, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutLayer").field("kind", &self.kind).field("limit", &self.limit).finish_non_exhaustive()
    }
}
