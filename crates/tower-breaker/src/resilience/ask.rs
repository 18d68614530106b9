use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_breaker_core::{Circuit, Rejected};
use tower_service::Service;

use crate::{expire::Expire, refuse::Refuse};

/// Asks the breaker further in before anything is spent on a call: `would you refuse this?`
///
/// An open circuit then refuses at once, even when a bulkhead between the two is full of hung calls, and no token of a rate
/// limit is spent. The call is admitted only where the breaker stands.
#[derive(Debug, Clone)]
pub struct AskFirst<S, R> {
    inner: S,
    circuit: Option<Circuit>,
    refuse: R,
}

impl<S, R> AskFirst<S, R> {
    /// Asks `circuit` before `inner` is called, and answers its refusals by `refuse`; `None`: asks nobody. For an order built
    /// by hand.
    #[must_use]
    pub const fn new(inner: S, circuit: Option<Circuit>, refuse: R) -> Self {
        Self { inner, circuit, refuse }
    }
}

impl<S, R, Req> Service<Req> for AskFirst<S, R>
where
    S: Service<Req>,
    R: Refuse<Req, S::Response, S::Error>,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = ResponseFuture<S, Req, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        self.inner.poll_ready(cx).map_err(R::error)
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let asked = self.circuit.as_ref().map_or(Ok(()), Circuit::check);
        let kind = match asked {
            Ok(()) => Kind::Called { inner: self.inner.call(request) },
            Err(rejected) => Kind::Refused { refusal: Some((rejected, self.refuse.start(&request))) },
        };
        ResponseFuture { kind }
    }
}

impl<S, R, Req> Expire<Req> for AskFirst<S, R>
where
    S: Expire<Req>,
    R: Refuse<Req, S::Response, S::Error>,
{
    fn expire_ready(&mut self, request: Option<&Req>) {
        self.inner.expire_ready(request);
    }

    fn expire_call(call: Pin<&mut Self::Future>) {
        if let KindProj::Called { inner } = call.project().kind.project() {
            S::expire_call(inner);
        }
    }
}

pin_project! {
    /// The call of an [`AskFirst`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, R>
    where
        S: Service<Req>,
        R: Refuse<Req, S::Response, S::Error>,
    {
        #[pin]
        kind: Kind<S::Future, R::State>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F, T> {
        Called { #[pin] inner: F },
        Refused { refusal: Option<(Rejected, T)> },
    }
}

impl<S, Req, R> Future for ResponseFuture<S, Req, R>
where
    S: Service<Req>,
    R: Refuse<Req, S::Response, S::Error>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Called { inner } => Poll::Ready(ready!(inner.poll(cx)).map(R::response).map_err(R::error)),
            KindProj::Refused { refusal } => {
                let (rejected, state) = refusal.take().expect("`ResponseFuture` polled after it has ended");
                Poll::Ready(R::refuse(state, rejected.into()))
            }
        }
    }
}

impl<S, Req, R> fmt::Debug for ResponseFuture<S, Req, R>
where
    S: Service<Req>,
    R: Refuse<Req, S::Response, S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = matches!(self.kind, Kind::Refused { .. });
        f.debug_struct("ResponseFuture").field("refused", &refused).finish_non_exhaustive()
    }
}
