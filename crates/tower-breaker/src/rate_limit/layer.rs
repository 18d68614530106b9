use std::{borrow::Cow, fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use tower_breaker_core::{Figures, InvalidConfig, RateLimitFigures};
use tower_layer::Layer;

use super::{RateLimit, limiter::Limiter, quota::quota};
#[cfg(feature = "http")]
use crate::refuse::AsResponse;
use crate::{
    key::{self, Key},
    refuse::AsError,
};

const MAX_KEYS: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

/// Limits how many calls go out in a second.
///
/// All services it makes share the tokens, and so do clones of the layer.
///
/// | setting | default | accepted |
/// |---|---|---|
/// | `per_second` | | more than 0, up to 1,000,000; kept in whole nanoseconds between calls |
/// | `burst` | | 1..=1,000,000, at most what `per_second` refills within a year |
/// | [`max_wait`](Self::max_wait) | zero: refuse at once | any |
/// | [`max_keys`](Self::max_keys), with [`per_key`](Self::per_key) | 10,000 | 1.. |
#[derive(Clone)]
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct RateLimitLayer<K = Together, R = AsError> {
    limiter: Option<Arc<Limiter>>,
    key: K,
    max_wait: Duration,
    refuse: R,
}

/// All calls share the tokens of one limit, whatever they ask. The default.
#[derive(Debug, Clone, Copy, Default)]
pub struct Together;

impl<Req> Key<Req> for Together {
    fn of<'a>(&self, _: &'a Req) -> Cow<'a, str> {
        key::MISSING.into()
    }
}

impl RateLimitLayer {
    /// Lets `burst` calls through at once and `per_second` in the long run; others end in
    /// [`Error::RateLimited`](crate::Error::RateLimited). A fraction is a longer period: 0.1 is one call in ten
    /// seconds.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`], naming `per_second` or `burst`, where one is out of the range above.
    pub fn new(per_second: f64, burst: u32) -> Result<Self, InvalidConfig> {
        Self::with(per_second, burst, AsError)
    }

    /// Limits nothing: its services pass every call on, reading neither a clock nor a shared number.
    pub const fn off() -> Self {
        Self { limiter: None, key: Together, max_wait: Duration::ZERO, refuse: AsError }
    }
}

#[cfg(feature = "http")]
impl RateLimitLayer<Together, AsResponse> {
    /// For services that answer HTTP responses: a call over the limit is answered 429 with `Retry-After`
    /// ([`AsResponse`]), and the service keeps its error type.
    ///
    /// ```
    /// use axum::{Router, http::HeaderName, routing::get};
    /// use tower_breaker::{RateLimitLayer, key};
    ///
    /// // Each tenant has 5 calls a second, and 20 after a pause of four seconds.
    /// let limit = RateLimitLayer::http(5.0, 20)?.per_key(key::header(HeaderName::from_static("x-tenant")));
    /// let app: Router = Router::new().route("/search", get(|| async { "found" }).layer(limit));
    /// # Ok::<_, tower_breaker::InvalidConfig>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](RateLimitLayer::new).
    pub fn http(per_second: f64, burst: u32) -> Result<Self, InvalidConfig> {
        Self::with(per_second, burst, AsResponse)
    }
}

impl<R> RateLimitLayer<Together, R> {
    fn with(per_second: f64, burst: u32, refuse: R) -> Result<Self, InvalidConfig> {
        let limiter = Some(Arc::new(Limiter::new(quota(per_second, burst)?, None)));
        Ok(Self { limiter, key: Together, max_wait: Duration::ZERO, refuse })
    }

    /// Gives each key of the requests a limit of its own, each with the whole rate and burst. No allocation for a known
    /// key that is a slice of the request.
    ///
    /// At most [`max_keys`](RateLimitLayer::max_keys) keys are remembered, in about 100 bytes each, those that are
    /// asked for often before others; a forgotten one that comes back has its whole burst. A stranger who may choose
    /// the key can choose a new one for each call, and is not limited by it: take what they cannot choose.
    ///
    /// The layer does not share tokens with clones made before.
    pub fn per_key<K>(self, key: K) -> RateLimitLayer<K, R> {
        let Self { limiter, max_wait, refuse, .. } = self;
        RateLimitLayer { limiter, key, max_wait, refuse }.max_keys(MAX_KEYS)
    }
}

impl<K, R> RateLimitLayer<K, R> {
    /// Remembers at most so many keys. Default: 10,000. Set it before the layer is cloned or registered.
    pub fn max_keys(self, most: NonZeroUsize) -> Self {
        let limiter = self.limiter.map(|limiter| Arc::new(Limiter::new(limiter.quota(), Some(most))));
        Self { limiter, ..self }
    }

    /// Lets a call wait for a token that is due within `max_wait`, instead of refusing it at once. Default: zero.
    ///
    /// At most `max_wait * per_second` calls wait at a time. A call is refused as soon as it is clear that its token
    /// would come too late, and not after the wait. Waiters go in the order in which they came.
    ///
    /// # Panics
    ///
    /// The futures panic when they have to wait outside a tokio runtime with its timer on.
    pub const fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Answers calls over the limit by `refuse` instead: one of [`refuse`](crate::refuse), or a closure
    /// `|why: Interruption| -> Result<Res, E>`.
    pub fn refuse<Q>(self, refuse: Q) -> RateLimitLayer<K, Q> {
        let Self { limiter, key, max_wait, .. } = self;
        RateLimitLayer { limiter, key, max_wait, refuse }
    }

    /// The same limit, whatever it is asked by.
    #[cfg(feature = "resilience")]
    pub(crate) fn limit(&self) -> RateLimitLayer {
        RateLimitLayer { limiter: self.limiter.clone(), ..RateLimitLayer::off() }
    }

    /// What it has refused so far.
    #[must_use]
    pub fn figures(&self) -> RateLimitFigures {
        self.limiter.as_ref().map_or_else(RateLimitFigures::default, |limiter| limiter.figures())
    }

    /// Lists its figures in `figures` under `name`, as long as the layer or a service of it lives. A layer that is off
    /// lists nothing.
    pub fn register(self, figures: &Figures, name: impl Into<Arc<str>>) -> Self {
        if let Some(limiter) = &self.limiter {
            figures.register(name, limiter);
        }
        self
    }
}

impl<S, K: Clone, R: Clone> Layer<S> for RateLimitLayer<K, R> {
    type Service = RateLimit<S, K, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { limiter, key, max_wait, refuse } = self.clone();
        RateLimit::with(inner, limiter, key, max_wait, refuse)
    }
}

// By hand: closures are not `Debug`.
impl<K, R> fmt::Debug for RateLimitLayer<K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("limiter", &self.limiter)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}
