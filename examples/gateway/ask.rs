//! Asks the circuit before a token of the rate limit is spent or a place in the bulkhead waited for: one that is open refuses
//! at once, however many calls hang in the bulkhead.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Body;
use http::{Request, Response};
use tower::Service;
use tower_breaker::{
    Circuit, Interruption, Refusal,
    refuse::{AsResponse, Refuse},
};

use crate::forward::Failure;

/// A service that is not called where the circuit further in would refuse.
#[derive(Debug, Clone)]
pub(crate) struct Ask<S> {
    inner: S,
    circuit: Option<Circuit>,
}

impl<S> Ask<S> {
    pub(crate) const fn new(inner: S, circuit: Option<Circuit>) -> Self {
        Self { inner, circuit }
    }
}

impl<S> Service<Request<Body>> for Ask<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Failure>,
{
    type Response = Response<Body>;
    type Error = Failure;
    type Future = Asked<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.circuit.as_ref().map(Circuit::check) {
            Some(Err(refused)) => {
                let dialect = <AsResponse as Refuse<_, Response<Body>, Failure>>::start(&AsResponse, &request);
                let why = Interruption::Refused(Refusal::CircuitOpen(refused));
                let answer = <AsResponse as Refuse<Request<Body>, Response<Body>, Failure>>::refuse(dialect, why);
                Asked::Refused(Some(answer))
            }
            _ => Asked::Called(Box::pin(self.inner.call(request))),
        }
    }
}

/// The call of an [`Ask`].
#[derive(Debug)]
pub(crate) enum Asked<F> {
    Refused(Option<Result<Response<Body>, Failure>>),
    Called(Pin<Box<F>>),
}

impl<F: Future<Output = Result<Response<Body>, Failure>>> Future for Asked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.get_mut() {
            Self::Refused(answer) => answer.take().map_or(Poll::Pending, Poll::Ready),
            Self::Called(call) => call.as_mut().poll(context),
        }
    }
}
