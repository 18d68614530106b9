use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tower_service::Service;

use super::{future::ResponseFuture, layer::Together, limiter::Limiter};
use crate::{
    expire::Expire,
    key::Key,
    refuse::{AsError, Refuse},
};

/// A service to which only so many calls go in a second.
///
/// Made by [`RateLimitLayer`](super::RateLimitLayer). Its readiness is the inner service's: whether a token is left is
/// known in `call`, so a clone that is ready and not called holds none.
// Holds no readiness of its own, so `Clone` is derived.
#[derive(Clone)]
pub struct RateLimit<S, K = Together, R = AsError> {
    inner: S,
    limiter: Option<Arc<Limiter>>,
    key: K,
    max_wait: Duration,
    refuse: R,
}

impl<S, K, R> RateLimit<S, K, R> {
    pub(super) const fn with(inner: S, limiter: Option<Arc<Limiter>>, key: K, max_wait: Duration, refuse: R) -> Self {
        Self { inner, limiter, key, max_wait, refuse }
    }

    /// The inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Calls made here take no token.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without a limit from here on.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, K, R, Req> Service<Req> for RateLimit<S, K, R>
where
    S: Service<Req> + Clone,
    K: Key<Req>,
    R: Refuse<Req, S::Response, S::Error>,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = ResponseFuture<S, Req, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        self.inner.poll_ready(cx).map_err(R::error)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let taken = match &self.limiter {
            None => Ok(None),
            Some(limiter) => limiter.take(&self.key, &request, self.max_wait),
        };
        match taken {
            Ok(None) => ResponseFuture::calling(self.inner.call(request)),
            Ok(Some(reservation)) => {
                // Neither the one that waits nor the one that stays keeps what the inner service has set aside for a call:
                // it is asked again once there is a token.
                let waiting = self.inner.clone();
                self.inner = waiting.clone();
                ResponseFuture::waiting(waiting, request, reservation)
            }
            Err(limited) => ResponseFuture::refused(limited, self.refuse.start(&request)),
        }
    }
}

/// Told by a timeout further out, it tells the service inside.
impl<S, K, R, Req> Expire<Req> for RateLimit<S, K, R>
where
    S: Expire<Req> + Clone,
    K: Key<Req>,
    R: Refuse<Req, S::Response, S::Error>,
{
    fn expire_ready(&mut self, request: Option<&Req>) {
        self.inner.expire_ready(request);
    }

    fn expire_call(call: Pin<&mut Self::Future>) {
        call.expire();
    }
}

// By hand: closures are not `Debug`.
impl<S: fmt::Debug, K, R> fmt::Debug for RateLimit<S, K, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimit")
            .field("inner", &self.inner)
            .field("limiter", &self.limiter)
            .field("max_wait", &self.max_wait)
            .finish_non_exhaustive()
    }
}
