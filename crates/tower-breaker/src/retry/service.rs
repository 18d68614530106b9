use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tower_breaker_core::RetryFigures;
use tower_service::Service;

use super::{
    Ask, CloneRequest, Nobody, Repeat, RetryErrors, RetryPolicy, call::Call, future::ResponseFuture, shared::Shared,
};

use crate::expire::Expire;

/// A service whose failed calls are tried again.
///
/// Made by [`RetryLayer`](super::RetryLayer).
// Holds no readiness of its own, so `Clone` is derived.
#[derive(Clone)]
pub struct Retry<S, P = RetryErrors, K = CloneRequest, A = Nobody> {
    inner: S,
    shared: Arc<Shared>,
    policy: P,
    repeat: K,
    ask: A,
}

impl<S, P, K, A> Retry<S, P, K, A> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>, policy: P, repeat: K, ask: A) -> Self {
        Self { inner, shared, policy, repeat, ask }
    }

    /// What became of the calls of all services of its layer.
    #[must_use]
    pub fn measure(&self) -> RetryFigures {
        self.shared.meter.figures()
    }

    /// The inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Calls made here are not retried.
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
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        if self.shared.config.attempts == 1 {
            return ResponseFuture::new(self.inner.call(self.repeat.pass(request)), None);
        }
        let (policy, ask) = (self.policy.start(&request), self.ask.start(&request));
        let (request, kept) = self.repeat.keep(request);
        // The ready service takes the first attempt, and the clone, which has no readiness yet, the others.
        let call = Call::new(self.inner.clone(), Arc::clone(&self.shared), policy, ask, kept);
        ResponseFuture::new(self.inner.call(request), Some(call))
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
        f.debug_struct("Retry").field("inner", &self.inner).field("config", &self.shared.config).finish_non_exhaustive()
    }
}
