use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{
    breaker::{self, CircuitBreaker},
    classify::{Classify, Unjudged},
    expire::Expire,
    refuse::Refuse,
};

/// A service with a circuit breaker around it, or without one where a stack has none.
#[derive(Debug, Clone)]
pub struct Guard<S, C, R>(Held<S, C, R>);

#[derive(Debug, Clone)]
enum Held<S, C, R> {
    On(CircuitBreaker<S, C, R>),
    Off(S),
}

impl<S, C, R> Guard<S, C, R> {
    /// With one.
    #[must_use]
    pub const fn on(breaker: CircuitBreaker<S, C, R>) -> Self {
        Self(Held::On(breaker))
    }

    /// Without.
    #[must_use]
    pub const fn off(inner: S) -> Self {
        Self(Held::Off(inner))
    }
}

impl<S, C, R, Req> Service<Req> for Guard<S, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error, Response: Unjudged<S::Response>>,
    R: Refuse<Req, C::Response, S::Error>,
{
    type Response = R::Response;
    type Error = R::Error;
    type Future = ResponseFuture<S, Req, C, R>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), R::Error>> {
        match &mut self.0 {
            Held::On(breaker) => breaker.poll_ready(cx),
            Held::Off(inner) => inner.poll_ready(cx).map_err(R::error),
        }
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let kind = match &mut self.0 {
            Held::On(breaker) => Kind::On { call: breaker.call(request) },
            Held::Off(inner) => Kind::Off { call: inner.call(request) },
        };
        ResponseFuture { kind }
    }
}

/// Where there is no breaker, there is nobody to tell.
impl<S, C, R, Req> Expire<Req> for Guard<S, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error, Response: Unjudged<S::Response>>,
    R: Refuse<Req, C::Response, S::Error>,
{
    fn expire_ready(&mut self, request: Option<&Req>) {
        if let Held::On(breaker) = &mut self.0 {
            breaker.expire_ready(request);
        }
    }

    fn expire_call(call: Pin<&mut Self::Future>) {
        if let Projected::On { call } = call.project().kind.project() {
            <CircuitBreaker<S, C, R> as Expire<Req>>::expire_call(call);
        }
    }
}

pin_project! {
    /// The call of a [`Guard`].
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, C, R>
    where
        S: Service<Req>,
        C: Classify<Req, S::Response, S::Error>,
        R: Refuse<Req, C::Response, S::Error>,
    {
        #[pin]
        kind: Kind<breaker::ResponseFuture<S, Req, C, R>, S::Future>,
    }
}

pin_project! {
    #[project = Projected]
    enum Kind<A, B> {
        On { #[pin] call: A },
        Off { #[pin] call: B },
    }
}

impl<S, Req, C, R> Future for ResponseFuture<S, Req, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error, Response: Unjudged<S::Response>>,
    R: Refuse<Req, C::Response, S::Error>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            Projected::On { call } => call.poll(cx),
            Projected::Off { call } => Poll::Ready(match ready!(call.poll(cx)) {
                Ok(response) => Ok(R::response(C::Response::unjudged(response))),
                Err(error) => Err(R::error(error)),
            }),
        }
    }
}

impl<S, Req, C, R> fmt::Debug for ResponseFuture<S, Req, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error>,
    R: Refuse<Req, C::Response, S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guarded = matches!(self.kind, Kind::On { .. });
        f.debug_struct("ResponseFuture").field("guarded", &guarded).finish_non_exhaustive()
    }
}
