use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_breaker_core::RateLimited;
use tower_service::Service;

use super::limiter::Reservation;
use crate::{expire::Expire, oneshot::Oneshot, refuse::Refuse, timer::Timer};

pin_project! {
    /// The call of a [`RateLimit`](super::RateLimit): let through, waiting for its token, or refused.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it has not called. Its token goes back if nobody queued behind it, and is lost
    /// otherwise: the waiters' times stand, and the rate is never exceeded.
    ///
    /// # Panics
    ///
    /// If polled after it has ended; where it has to wait, if polled outside a tokio runtime with its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, R>
    where
        S: Service<Req>,
        R: Refuse<Req, S::Response, S::Error>,
    {
        #[pin]
        kind: Kind<S, Req, Oneshot<S, Req>, R::State>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<S, Req, F, R> {
        Called { #[pin] inner: F },
        // The timer is armed by the first poll: only then is there a runtime for certain.
        Waiting { #[pin] timer: Timer, call: Option<(S, Req, Reservation)> },
        Refused { refusal: Option<(RateLimited, R)> },
    }
}

impl<S, Req, R> ResponseFuture<S, Req, R>
where
    S: Service<Req>,
    R: Refuse<Req, S::Response, S::Error>,
{
    pub(super) const fn calling(inner: S::Future) -> Self {
        Self { kind: Kind::Called { inner: Oneshot::called(inner) } }
    }

    pub(super) fn waiting(service: S, request: Req, reservation: Reservation) -> Self {
        Self { kind: Kind::Waiting { timer: Timer::default(), call: Some((service, request, reservation)) } }
    }

    /// The time of a timeout further out is over. Whoever waits for a token has not called.
    pub(super) fn expire(self: Pin<&mut Self>)
    where
        S: Expire<Req>,
    {
        if let KindProj::Called { inner } = self.project().kind.project() {
            inner.expire();
        }
    }

    pub(super) const fn refused(limited: RateLimited, state: R::State) -> Self {
        Self { kind: Kind::Refused { refusal: Some((limited, state)) } }
    }
}

impl<S, Req, R> Future for ResponseFuture<S, Req, R>
where
    S: Service<Req>,
    R: Refuse<Req, S::Response, S::Error>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut kind = self.project().kind;
        loop {
            match kind.as_mut().project() {
                KindProj::Called { inner } => {
                    return Poll::Ready(ready!(inner.poll(cx)).map(R::response).map_err(R::error));
                }
                KindProj::Waiting { timer, call } => {
                    let (_, _, reservation) = call.as_ref().expect("`ResponseFuture` polled after it has ended");
                    ready!(timer.poll_over(Some(reservation.at()), cx));
                    let (service, request, reservation) = call.take().expect("it was there");
                    reservation.spend();
                    kind.set(Kind::Called { inner: Oneshot::new(service, request) });
                }
                KindProj::Refused { refusal } => {
                    let (limited, state) = refusal.take().expect("`ResponseFuture` polled after it has ended");
                    return Poll::Ready(R::refuse(state, limited.into()));
                }
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
        let is = match self.kind {
            Kind::Called { .. } => "called",
            Kind::Waiting { .. } => "waiting",
            Kind::Refused { .. } => "refused",
        };
        f.debug_tuple("ResponseFuture").field(&is).finish()
    }
}
