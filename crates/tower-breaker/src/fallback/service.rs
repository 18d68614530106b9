use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tower_breaker_core::Circuit;
use tower_service::Service;

use super::{Answer, Interruptions, Mark, ResponseFuture, Trigger, Unmarked};
use crate::refuse::{AsSameError, Refuse};

/// What a call needs only when it has fallen back.
#[derive(Debug, Clone)]
pub(super) struct Settings<M> {
    pub(super) mark: M,
    pub(super) circuit: Option<Circuit>,
    pub(super) timeout: Duration,
}

/// A service with a fallback.
///
/// Made by [`FallbackLayer`](super::FallbackLayer). Its readiness is the inner service's, and so are errors of
/// `poll_ready`: there is no request yet that a fallback could answer.
// Holds no readiness of its own, so `Clone` is derived.
#[derive(Clone)]
pub struct Fallback<S, A, T = Interruptions, M = Unmarked, R = AsSameError> {
    inner: S,
    answer: A,
    trigger: T,
    refuse: R,
    /// `None`: switched off. Behind an `Arc`, so that a call takes it along for one count.
    settings: Option<Arc<Settings<M>>>,
}

impl<S, A, T, M, R> Fallback<S, A, T, M, R> {
    pub(super) const fn with(inner: S, answer: A, trigger: T, refuse: R, settings: Option<Arc<Settings<M>>>) -> Self {
        Self { inner, answer, trigger, refuse, settings }
    }

    /// The inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Calls made here have no fallback.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without a fallback from here on.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, A, T, M, R, Req> Service<Req> for Fallback<S, A, T, M, R>
where
    S: Service<Req>,
    A: Answer<Req, S::Response, S::Error>,
    T: Trigger<S::Response, S::Error> + Clone,
    M: Mark<S::Response>,
    R: Refuse<Req, S::Response, S::Error>,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = ResponseFuture<S, Req, A, T, M, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        self.inner.poll_ready(cx).map_err(R::error)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let kept = self.settings.as_ref().map(|settings| {
            let (kept, late) = (self.answer.keep(&request), self.refuse.start(&request));
            (Arc::clone(settings), self.trigger.clone(), kept, late)
        });
        ResponseFuture::new(self.inner.call(request), kept)
    }
}

// By hand: closures are not `Debug`, and an answer may be as private as a request.
impl<S: fmt::Debug, A, T, M, R> fmt::Debug for Fallback<S, A, T, M, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fallback")
            .field("inner", &self.inner)
            .field("on", &self.settings.is_some())
            .finish_non_exhaustive()
    }
}
