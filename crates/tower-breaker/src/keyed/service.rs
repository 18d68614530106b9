use std::{
    fmt,
    task::{Context, Poll},
};

use tower_breaker_core::Circuits;
use tower_service::Service;

use crate::{
    breaker::ResponseFuture,
    classify::{Classify, ErrorsAreFailures},
    key::Key,
    refuse::{AsError, Refuse},
};

/// A service guarded by one circuit for each key of the request.
///
/// Made by [`KeyedCircuitBreakerLayer`](super::KeyedCircuitBreakerLayer).
// Holds no readiness of its own, so `Clone` is derived.
#[derive(Clone)]
pub struct KeyedCircuitBreaker<S, K, C = ErrorsAreFailures, R = AsError> {
    inner: S,
    circuits: Circuits,
    pub(super) key: K,
    classify: C,
    refuse: R,
}

impl<S, K> KeyedCircuitBreaker<S, K> {
    /// Guards `inner`: errors are failures, and a refused call is an error.
    #[must_use]
    pub const fn new(inner: S, circuits: Circuits, key: K) -> Self {
        Self::with(inner, circuits, key, ErrorsAreFailures, AsError)
    }
}

impl<S, K, C, R> KeyedCircuitBreaker<S, K, C, R> {
    pub(super) const fn with(inner: S, circuits: Circuits, key: K, classify: C, refuse: R) -> Self {
        Self { inner, circuits, key, classify, refuse }
    }

    /// The circuits that guard it.
    #[must_use]
    pub const fn circuits(&self) -> &Circuits {
        &self.circuits
    }

    /// The inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Calls made here go past the circuits.
    #[must_use]
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, unguarded from here on.
    #[must_use]
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, K, C, R, Req> Service<Req> for KeyedCircuitBreaker<S, K, C, R>
where
    S: Service<Req>,
    K: Key<Req>,
    C: Classify<Req, S::Response, S::Error>,
    R: Refuse<Req, C::Response, S::Error>,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = ResponseFuture<S, Req, C, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        self.inner.poll_ready(cx).map_err(R::error)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let circuit = self.key.with(&request, |name| self.circuits.get_or_create(name));
        // The handle moves into the permit: one count up for the look-up, one down when the call ends.
        ResponseFuture::new(circuit.try_acquire_unstarted(), &mut self.inner, &self.classify, &self.refuse, request)
    }
}

// By hand: closures are not `Debug`.
impl<S: fmt::Debug, K, C, R> fmt::Debug for KeyedCircuitBreaker<S, K, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreaker")
            .field("inner", &self.inner)
            .field("circuits", &self.circuits)
            .finish_non_exhaustive()
    }
}
