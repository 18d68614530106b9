use std::{
    fmt, mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::Instant;
use tower_breaker_core::RetryFigures;
use tower_service::Service;

use super::{
    Ask, CloneRequest, Nobody, Repeat, RetryErrors, RetryPolicy,
    call::Call,
    future::ResponseFuture,
    shared::{Common, Shared},
};
use crate::{expire::Expire, moment};

/// A service whose failed calls are tried again.
///
/// Made by [`RetryLayer`](super::RetryLayer).
pub struct Retry<S, P = RetryErrors, K = CloneRequest, A = Nobody> {
    inner: S,
    common: Arc<Common<S, A>>,
    policy: P,
    repeat: K,
    /// Since when the call to come waits for the service.
    since: Option<Instant>,
    /// How long it did, which a total timeout includes: the time between ready and called counts for nothing.
    waited: Duration,
}

// By hand: a clone waits for itself.
impl<S: Clone, P: Clone, K: Clone, A> Clone for Retry<S, P, K, A> {
    fn clone(&self) -> Self {
        let Self { inner, common, policy, repeat, .. } = self;
        let (inner, common, policy, repeat) = (inner.clone(), Arc::clone(common), policy.clone(), repeat.clone());
        Self { inner, common, policy, repeat, since: None, waited: Duration::ZERO }
    }
}

impl<S, P, K, A> Retry<S, P, K, A> {
    pub(super) fn new(inner: S, shared: Arc<Shared>, policy: P, repeat: K, ask: A) -> Self
    where
        S: Clone,
    {
        let common = Arc::new(Common::new(shared, ask, inner.clone()));
        Self { inner, common, policy, repeat, since: None, waited: Duration::ZERO }
    }

    /// What became of the calls of all services of its layer.
    #[must_use]
    pub fn figures(&self) -> RetryFigures {
        self.common.layer.meter.figures()
    }

    /// The inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service, which makes first attempts; others are made by clones of what the layer was given. Calls made here
    /// are not retried.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without retries from here on.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, P, K, A, Req> Service<Req> for Retry<S, P, K, A>
where
    K: Repeat<Req>,
    S: Service<K::Request> + Clone,
    P: RetryPolicy<Req, S::Response, S::Error>,
    A: Ask<Req>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<S, Req, P, K, A>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        let polled = self.inner.poll_ready(cx);
        if polled.is_pending() {
            if self.since.is_none() && self.common.layer.config.total_timeout.is_some() {
                self.since = Some(Instant::now());
            }
        } else if let Some(since) = self.since.take() {
            self.waited = since.elapsed();
        }
        polled
    }

    fn call(&mut self, request: Req) -> Self::Future {
        if self.common.layer.config.attempts == 1 {
            return ResponseFuture::new(self.inner.call(self.repeat.pass(request)), None);
        }
        let now = moment::now();
        let mut started = now;
        if !self.waited.is_zero() {
            started = now.checked_sub(mem::take(&mut self.waited)).unwrap_or(now);
        }
        let (policy, ask) = (self.policy.start(&request), self.common.ask.start(&request));
        let (request, kept) = self.repeat.keep(request);
        let call = Call::new(Arc::clone(&self.common), policy, ask, kept, started);
        // The ready service takes the first attempt.
        ResponseFuture::new(moment::at(now, || self.inner.call(request)), Some(call))
    }
}

/// Told by a timeout further out, it tells what the attempt under way waits for.
impl<S, P, K, A, Req> Expire<Req> for Retry<S, P, K, A>
where
    K: Repeat<Req>,
    S: Expire<K::Request> + Clone,
    P: RetryPolicy<Req, S::Response, S::Error>,
    A: Ask<Req>,
{
    fn expire_ready(&mut self, _: Option<&Req>) {
        // The request becomes what the inner service takes only with the call.
        self.inner.expire_ready(None);
    }

    fn expire_call(call: Pin<&mut Self::Future>) {
        call.expire();
    }
}

// By hand: closures are not `Debug`.
impl<S: fmt::Debug, P, K, A> fmt::Debug for Retry<S, P, K, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("inner", &self.inner)
            .field("config", &self.common.layer.config)
            .finish_non_exhaustive()
    }
}
