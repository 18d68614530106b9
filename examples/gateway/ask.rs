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
    Circuit, Expire, Interruption, Refusal,
    refuse::{AsResponse, Refuse},
};

use crate::forward::Failure;

/// A service that is not called where the circuit further in would refuse.
#[derive(Debug, Clone)]
pub(crate) struct Ask<S> {
    inner: S,
    circuit: Circuit,
}

impl<S> Ask<S> {
    pub(crate) const fn new(inner: S, circuit: Circuit) -> Self {
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
        match self.circuit.check() {
            Ok(()) => Asked::Called(Box::pin(self.inner.call(request))),
            Err(refused) => {
                let dialect = <AsResponse as Refuse<_, Response<Body>, Failure>>::start(&AsResponse, &request);
                let why = Interruption::Refused(Refusal::CircuitOpen(refused));
                let answer = <AsResponse as Refuse<Request<Body>, Response<Body>, Failure>>::refuse(dialect, why);
                Asked::Refused(Some(answer))
            }
        }
    }
}

impl<S> Expire<Request<Body>> for Ask<S>
where
    S: Expire<Request<Body>, Response = Response<Body>, Error = Failure>,
{
    fn expire_ready(&mut self, request: Option<&Request<Body>>) {
        self.inner.expire_ready(request);
    }

    fn expire_call(call: Pin<&mut Self::Future>) {
        if let Asked::Called(call) = call.get_mut() {
            S::expire_call(call.as_mut());
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
