use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::{breaker::CircuitBreaker, classify::Classify, expire::Expire, refuse::Refuse};

/// A service with a circuit breaker around it, or without one where a stack has none.
#[derive(Debug, Clone)]
pub enum Guard<S, C, R> {
    /// With one.
    On(CircuitBreaker<S, C, R>),
    /// Without.
    Off(S),
}

impl<S, C, R, Req> Service<Req> for Guard<S, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error, Response = S::Response>,
    R: Refuse<Req, S::Response, S::Error, Response = S::Response, Error = S::Error>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ResponseFuture<<CircuitBreaker<S, C, R> as Service<Req>>::Future, S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        match self {
            Self::On(breaker) => breaker.poll_ready(cx),
            Self::Off(inner) => inner.poll_ready(cx),
        }
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let kind = match self {
            Self::On(breaker) => Kind::On { call: breaker.call(request) },
            Self::Off(inner) => Kind::Off { call: inner.call(request) },
        };
        ResponseFuture { kind }
    }
}

/// Where there is no breaker, there is nobody to tell.
impl<S, C, R, Req> Expire<Req> for Guard<S, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error, Response = S::Response>,
    R: Refuse<Req, S::Response, S::Error, Response = S::Response, Error = S::Error>,
{
    fn expire_ready(&mut self, request: Option<&Req>) {
        if let Self::On(breaker) = self {
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
    pub struct ResponseFuture<A, B> {
        #[pin]
        kind: Kind<A, B>,
    }
}

pin_project! {
    #[project = Projected]
    enum Kind<A, B> {
        On { #[pin] call: A },
        Off { #[pin] call: B },
    }
}

impl<A, B> Future for ResponseFuture<A, B>
where
    A: Future,
    B: Future<Output = A::Output>,
{
    type Output = A::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<A::Output> {
        match self.project().kind.project() {
            Projected::On { call } => call.poll(cx),
            Projected::Off { call } => call.poll(cx),
        }
    }
}

impl<A, B> fmt::Debug for ResponseFuture<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let guarded = matches!(self.kind, Kind::On { .. });
        f.debug_struct("ResponseFuture").field("guarded", &guarded).finish_non_exhaustive()
    }
}
