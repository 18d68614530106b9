use std::{
    fmt,
    task::{Context, Poll, ready},
};

use tower_breaker_core::{Circuit, Readiness, Turn};
use tower_service::Service;

use super::{backpressure::Backpressure, future::ResponseFuture, guard};
use crate::{
    classify::{Classify, ErrorsAreFailures},
    refuse::{AsError, Refuse},
};

/// A service guarded by one circuit.
///
/// Made by [`CircuitBreakerLayer`](super::CircuitBreakerLayer).
pub struct CircuitBreaker<S, C = ErrorsAreFailures, R = AsError> {
    inner: S,
    pub(super) turn: Turn,
    classify: C,
    refuse: R,
    backpressure: Option<Backpressure>,
}

impl<S> CircuitBreaker<S> {
    /// Guards `inner` by `circuit`: errors are failures, and a refused call is an error.
    #[must_use]
    pub fn new(inner: S, circuit: Circuit) -> Self {
        Self::with(inner, circuit, ErrorsAreFailures, AsError, false)
    }
}

impl<S, C, R> CircuitBreaker<S, C, R> {
    pub(super) fn with(inner: S, circuit: Circuit, classify: C, refuse: R, backpressure: bool) -> Self {
        let backpressure = backpressure.then(Backpressure::default);
        Self { inner, turn: Turn::new(circuit), classify, refuse, backpressure }
    }

    /// What the circuit says, before the inner service is asked.
    fn poll_circuit(&mut self, cx: &mut Context<'_>) -> Poll<Readiness> {
        match &mut self.backpressure {
            None => Poll::Ready(self.turn.ask()),
            Some(backpressure) => backpressure.poll_pass(&mut self.turn, cx),
        }
    }

    /// The circuit that guards it.
    #[must_use]
    pub fn circuit(&self) -> &Circuit {
        self.turn.circuit()
    }

    /// The inner service.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. Calls made here go past the circuit.
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

impl<S, C, R, Req> Service<Req> for CircuitBreaker<S, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error>,
    R: Refuse<Req, C::Response, S::Error>,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = ResponseFuture<S, Req, C, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        if ready!(self.poll_circuit(cx)) == Readiness::Refuse {
            // The turn remembers: the next `call` refuses, so the inner service need not be ready for it.
            return Poll::Ready(Ok(()));
        }
        match guard::readiness(&mut self.turn, || self.inner.poll_ready(cx)) {
            Poll::Ready(Ok(())) => {
                self.turn.answered();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => {
                let permit = guard::unready(&mut self.turn);
                let judged = match permit {
                    Some(permit) => self.classify.ready_error(error, permit),
                    None => error,
                };
                Poll::Ready(Err(R::error(judged)))
            }
            Poll::Pending => {
                // An inner service pending for ever must not hold up those whom the circuit would refuse meanwhile.
                self.turn.watch(cx.waker());
                Poll::Pending
            }
        }
    }

    fn call(&mut self, request: Req) -> Self::Future {
        // The two usual ways first, so that neither needs room for the other.
        if let Some(permit) = self.turn.admit() {
            return ResponseFuture::called(permit, &mut self.inner, &self.classify, request);
        }
        if let Some(rejected) = self.turn.refuse() {
            return ResponseFuture::refused(rejected, &self.refuse, &request);
        }
        ResponseFuture::new(self.turn.acquire(), &mut self.inner, &self.classify, &self.refuse, request)
    }
}

// By hand: readiness belongs to one clone. A clone has a turn of its own, with no place in the queue, no lease, no refusal
// to repeat, and no timer.
impl<S: Clone, C: Clone, R: Clone> Clone for CircuitBreaker<S, C, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            turn: self.turn.clone(),
            classify: self.classify.clone(),
            refuse: self.refuse.clone(),
            backpressure: self.backpressure.as_ref().map(|_| Backpressure::default()),
        }
    }
}

// By hand: closures are not `Debug`.
impl<S: fmt::Debug, C, R> fmt::Debug for CircuitBreaker<S, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker")
            .field("inner", &self.inner)
            .field("circuit", self.circuit())
            .field("backpressure", &self.backpressure.is_some())
            .finish_non_exhaustive()
    }
}
