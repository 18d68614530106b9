use std::{
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tower_service::Service;

use super::{CallerLimit, Deadline, Kind, Marker, ResponseFuture, Unsaid, Whole, deadline::Counter};
use crate::{
    expire::Expire,
    moment,
    refuse::{AsError, Refuse},
    until::{Head, Until},
};

/// A service whose calls have so much time.
///
/// Made by [`TimeoutLayer`](super::TimeoutLayer).
// Holds no readiness of its own, so a clone is as good as the original.
pub struct Timeout<S, K = Whole, R = AsError, U = Head, D = Unsaid> {
    inner: S,
    limit: Option<Duration>,
    refuse: R,
    counter: Option<Arc<Counter>>,
    of: Marker<K, U, D>,
}

impl<S, K, R, U, D> Timeout<S, K, R, U, D> {
    pub(super) const fn with(inner: S, limit: Option<Duration>, refuse: R, counter: Option<Arc<Counter>>) -> Self {
        Self { inner, limit, refuse, counter, of: PhantomData }
    }

    /// The limit; `None`: off.
    #[must_use]
    pub const fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// The inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Calls made here have no limit.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the limit.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, K, R, U, D, Req> Service<Req> for Timeout<S, K, R, U, D>
where
    S: Service<Req>,
    K: Kind<S, Req, D>,
    D: CallerLimit<Req>,
    U: Until<S::Response, Deadline>,
    R: Refuse<Req, U::Response, S::Error>,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = ResponseFuture<S, Req, K, R, U, D>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        let may_be_on = self.limit.is_some() || D::HEARD;
        let polled = if may_be_on { K::poll_ready(&mut self.inner, cx) } else { self.inner.poll_ready(cx) };
        polled.map_err(R::error)
    }

    fn call(&mut self, mut request: Req) -> Self::Future {
        let brought = D::of(&request);
        if self.limit.is_none() && !D::HEARD {
            return ResponseFuture::unbounded(&mut self.inner, request);
        }
        // The time begins here, and not when the future is first polled; and so does that of the stages further in.
        let now = moment::now();
        let deadline = match (self.limit, brought) {
            (own, Some(limit)) if own.is_none_or(|own| limit < own) => Deadline::of_caller(now, limit),
            (Some(limit), _) => Deadline::after(now, limit, K::KIND, K::TELLS, self.counter.as_ref()),
            (None, _) => Deadline::NEVER,
        };
        D::note(&mut request, deadline.at());
        moment::at(now, || ResponseFuture::new(&mut self.inner, deadline, &self.refuse, request))
    }
}

/// Told by a timeout further out, it tells the service inside. Its own limit has nothing to do with it.
impl<S, K, R, U, D, Req> Expire<Req> for Timeout<S, K, R, U, D>
where
    S: Expire<Req>,
    K: Kind<S, Req, D>,
    D: CallerLimit<Req>,
    U: Until<S::Response, Deadline>,
    R: Refuse<Req, U::Response, S::Error>,
{
    fn expire_ready(&mut self, request: Option<&Req>) {
        self.inner.expire_ready(request);
    }

    fn expire_call(call: Pin<&mut Self::Future>) {
        call.expire();
    }
}

// By hand: a derive would ask the same of `K`, `U` and `D`, which are only names here.
impl<S: Clone, K, R: Clone, U, D> Clone for Timeout<S, K, R, U, D> {
    fn clone(&self) -> Self {
        Self::with(self.inner.clone(), self.limit, self.refuse.clone(), self.counter.clone())
    }
}

// By hand: closures are not `Debug`.
impl<S: fmt::Debug, K, R, U, D> fmt::Debug for Timeout<S, K, R, U, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("inner", &self.inner).field("limit", &self.limit).finish_non_exhaustive()
    }
}
