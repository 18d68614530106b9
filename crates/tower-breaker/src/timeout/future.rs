use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_breaker_core::Interruption;
use tower_service::Service;

use super::{Deadline, Kind, Unsaid};
use crate::{expire::Expire, refuse::Refuse, timer::Timer, until::Until};

pin_project! {
    /// The call of a [`Timeout`](super::Timeout).
    ///
    /// The inner call is polled before the timer, so a result that is ready in the same poll as the deadline wins. When the
    /// time is over the inner call is dropped before the answer is given: what it held is free by then.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it drops the inner call, and nothing is counted.
    ///
    /// # Panics
    ///
    /// If polled after it has ended; and if it has to wait outside a tokio runtime with its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, K, R, U, D = Unsaid>
    where
        S: Service<Req>,
        K: Kind<S, Req, D>,
        U: Until<S::Response, Deadline>,
        R: Refuse<Req, U::Response, S::Error>,
    {
        #[pin]
        state: State<K::Future, R::State>,
        of: PhantomData<fn() -> (U, D)>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, R> {
        Calling {
            #[pin]
            call: F,
            deadline: Deadline,
            #[pin]
            timer: Timer,
            // Taken when the time is over. Without a limit there is none.
            refuse: Option<R>,
        },
        Done,
    }
}

impl<S, Req, K, R, U, D> ResponseFuture<S, Req, K, R, U, D>
where
    S: Service<Req>,
    K: Kind<S, Req, D>,
    U: Until<S::Response, Deadline>,
    R: Refuse<Req, U::Response, S::Error>,
{
    /// Makes the call, within `deadline`.
    pub(super) fn new(inner: &mut S, deadline: Deadline, refuse: &R, request: Req) -> Self {
        let refuse = Some(refuse.start(&request));
        Self::with(K::call(inner, request), deadline, refuse)
    }

    /// Makes the call of a timeout that is off.
    pub(super) fn unbounded(inner: &mut S, request: Req) -> Self {
        Self::with(K::pass(inner, request), Deadline::NEVER, None)
    }

    fn with(call: K::Future, deadline: Deadline, refuse: Option<R::State>) -> Self {
        Self { state: State::Calling { call, deadline, timer: Timer::default(), refuse }, of: PhantomData }
    }

    /// The time of a timeout further out is over.
    pub(super) fn expire(self: Pin<&mut Self>)
    where
        S: Expire<Req>,
    {
        if let StateProj::Calling { call, .. } = self.project().state.project() {
            K::expire(call);
        }
    }
}

impl<S, Req, K, R, U, D> Future for ResponseFuture<S, Req, K, R, U, D>
where
    S: Service<Req>,
    K: Kind<S, Req, D>,
    U: Until<S::Response, Deadline>,
    R: Refuse<Req, U::Response, S::Error>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        let StateProj::Calling { mut call, deadline, timer, refuse } = state.as_mut().project() else {
            panic!("`ResponseFuture` polled after it has ended");
        };
        let answer = match call.as_mut().poll(cx) {
            Poll::Ready(Ok(response)) => Ok(R::response(U::hold(response, deadline.take()))),
            Poll::Ready(Err(error)) => Err(R::error(error)),
            Poll::Pending => {
                ready!(timer.poll_over(deadline.at(), cx));
                if deadline.tells() {
                    K::over(call);
                }
                let (timed_out, refuse) = (deadline.take().timed_out(), refuse.take());
                // Before the answer: whoever gets it finds the connection and the places free that the call held.
                state.set(State::Done);
                let refuse = refuse.expect("a call with a limit has an answer for its end");
                return Poll::Ready(R::refuse(refuse, Interruption::TimedOut(timed_out)));
            }
        };
        state.set(State::Done);
        Poll::Ready(answer)
    }
}

impl<S, Req, K, R, U, D> fmt::Debug for ResponseFuture<S, Req, K, R, U, D>
where
    S: Service<Req>,
    K: Kind<S, Req, D>,
    U: Until<S::Response, Deadline>,
    R: Refuse<Req, U::Response, S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").field("kind", &K::KIND).finish_non_exhaustive()
    }
}
