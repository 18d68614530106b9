use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use tower_breaker_core::{Outcome, PanicGuard, Permit, Rejected, TimeoutKind};
use tower_service::Service;

use crate::{classify::Classify, refuse::Refuse};

pin_project! {
    /// The call of a [`CircuitBreaker`](super::CircuitBreaker), let through or refused.
    ///
    /// It holds the call's permit. It is at most 64 bytes larger than the inner service's future, plus what classifier and
    /// refuser keep for a call (nothing, for those without data).
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it gives back what it holds, and the call follows the circuit's `on_cancel`.
    ///
    /// # Panics
    ///
    /// If polled after it has ended.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, C, R>
    where
        S: Service<Req>,
        C: Classify<Req, S::Response, S::Error>,
        R: Refuse<Req, C::Response, S::Error>,
    {
        #[pin]
        kind: Kind<S::Future, C::State, R::State>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<F, C, R> {
        // Both are taken when the call ends; the permit by the guard when it panics.
        Called { #[pin] inner: F, permit: Option<Permit>, state: Option<C> },
        Refused { refusal: Option<(Rejected, R)> },
    }
}

impl<S, Req, C, R> ResponseFuture<S, Req, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error>,
    R: Refuse<Req, C::Response, S::Error>,
{
    /// Makes the call, or not, as the circuit has decided.
    pub(crate) fn new(
        admission: Result<Permit, Rejected>,
        inner: &mut S,
        classify: &C,
        refuse: &R,
        request: Req,
    ) -> Self {
        match admission {
            Ok(permit) => Self::called(permit, inner, classify, request),
            Err(rejected) => Self::refused(rejected, refuse, &request),
        }
    }

    /// Makes the call.
    #[inline(always)]
    pub(crate) fn called(permit: Permit, inner: &mut S, classify: &C, request: Req) -> Self {
        let calling = Calling(Some(permit));
        let state = Some(classify.start(&request));
        let inner = inner.call(request);
        Self { kind: Kind::Called { inner, permit: calling.permit(), state } }
    }

    /// Makes no call.
    #[inline(always)]
    pub(crate) fn refused(rejected: Rejected, refuse: &R, request: &Req) -> Self {
        Self { kind: Kind::Refused { refusal: Some((rejected, refuse.start(request))) } }
    }

    /// The time of the whole call is over, which the classifier judges.
    pub(crate) fn expire(self: Pin<&mut Self>) {
        if let KindProj::Called { permit, state, .. } = self.project().kind.project()
            && let Some((permit, state)) = permit.take().zip(state.take())
        {
            C::timed_out(state, TimeoutKind::Whole, permit);
        }
    }
}

/// Judges a panic of the inner `call` as a failure. It owns the permit, which so need not be in memory meanwhile.
struct Calling(Option<Permit>);

impl Calling {
    #[inline(always)]
    fn permit(mut self) -> Option<Permit> {
        self.0.take()
    }
}

impl Drop for Calling {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(permit) = self.0.take() {
            permit.record(Outcome::Failure);
        }
    }
}

impl<S, Req, C, R> Future for ResponseFuture<S, Req, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error>,
    R: Refuse<Req, C::Response, S::Error>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().kind.project() {
            KindProj::Called { inner, permit, state } => {
                let guard = PanicGuard::new(permit);
                let polled = inner.poll(cx);
                guard.disarm();
                let Poll::Ready(result) = polled else {
                    permit.iter_mut().for_each(Permit::start_waiting);
                    return Poll::Pending;
                };
                let (permit, state) =
                    permit.take().zip(state.take()).expect("`ResponseFuture` polled after it has ended");
                Poll::Ready(match C::end(state, result, permit) {
                    Ok(response) => Ok(R::response(response)),
                    Err(error) => Err(R::error(error)),
                })
            }
            KindProj::Refused { refusal } => {
                let (rejected, state) = refusal.take().expect("`ResponseFuture` polled after it has ended");
                Poll::Ready(R::circuit_open(state, rejected))
            }
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
        let refused = matches!(self.kind, Kind::Refused { .. });
        f.debug_struct("ResponseFuture").field("refused", &refused).finish_non_exhaustive()
    }
}
