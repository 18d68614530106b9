use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_breaker_core::{BulkheadFull, Place};
use tower_service::Service;

use super::wait::Wait;
use crate::{expire::Expire, oneshot::Oneshot, refuse::Refuse, until::Until};

pin_project! {
    /// The call of a [`BulkheadService`](super::BulkheadService): in the queue, in its place, or refused.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it leaves the queue or gives its place back, after the inner call is dropped.
    ///
    /// # Panics
    ///
    /// If polled after it has ended; and if it has to queue, with a `max_wait`, outside a tokio runtime with its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, R, U>
    where
        S: Service<Req>,
        U: Until<S::Response, Option<Place>>,
        R: Refuse<Req, U::Response, S::Error>,
    {
        #[pin]
        state: State<S, Req, Oneshot<S, Req>, R::State>,
        until: PhantomData<fn() -> U>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F, R> {
        Queued {
            #[pin]
            wait: Wait,
            // Taken at the end of the wait: the first for the call, or the second for the refusal.
            call: Option<(S, Req)>,
            refuse: Option<R>,
        },
        // In this order, so that the place is free only when the call is gone.
        Called {
            #[pin]
            call: F,
            // None where the bulkhead is off.
            place: Option<Place>,
        },
        Full { refusal: Option<(BulkheadFull, R)> },
        Done,
    }
}

impl<S, Req, R, U> ResponseFuture<S, Req, R, U>
where
    S: Service<Req>,
    U: Until<S::Response, Option<Place>>,
    R: Refuse<Req, U::Response, S::Error>,
{
    const fn with(state: State<S, Req, Oneshot<S, Req>, R::State>) -> Self {
        Self { state, until: PhantomData }
    }

    pub(super) const fn called(call: Oneshot<S, Req>, place: Option<Place>) -> Self {
        Self::with(State::Called { call, place })
    }

    pub(super) const fn queued(wait: Wait, service: S, request: Req, refuse: R::State) -> Self {
        Self::with(State::Queued { wait, call: Some((service, request)), refuse: Some(refuse) })
    }

    pub(super) const fn full(full: BulkheadFull, refuse: R::State) -> Self {
        Self::with(State::Full { refusal: Some((full, refuse)) })
    }

    /// The time of a timeout further out is over. Whoever queues waits for other calls, and not for the inner service.
    pub(super) fn expire(self: Pin<&mut Self>)
    where
        S: Expire<Req>,
    {
        if let StateProj::Called { call, .. } = self.project().state.project() {
            call.expire();
        }
    }
}

impl<S, Req, R, U> Future for ResponseFuture<S, Req, R, U>
where
    S: Service<Req>,
    U: Until<S::Response, Option<Place>>,
    R: Refuse<Req, U::Response, S::Error>,
{
    type Output = Result<R::Response, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const ENDED: &str = "`ResponseFuture` polled after it has ended";

        let mut state = self.project().state;
        loop {
            let next = match state.as_mut().project() {
                StateProj::Queued { wait, call, refuse } => match ready!(wait.poll(cx)) {
                    Ok(place) => {
                        let (service, request) = call.take().expect(ENDED);
                        State::Called { call: Oneshot::new(service, request), place: Some(place) }
                    }
                    Err(full) => State::Full { refusal: Some((full, refuse.take().expect(ENDED))) },
                },
                StateProj::Called { call, place } => {
                    let answer = match ready!(call.poll(cx)) {
                        Ok(response) => Ok(R::response(U::hold(response, place.take()))),
                        Err(error) => Err(R::error(error)),
                    };
                    state.set(State::Done);
                    return Poll::Ready(answer);
                }
                StateProj::Full { refusal } => {
                    let (full, refuse) = refusal.take().expect(ENDED);
                    return Poll::Ready(R::refuse(refuse, full.into()));
                }
                StateProj::Done => panic!("{ENDED}"),
            };
            state.set(next);
        }
    }
}

impl<S, Req, R, U> fmt::Debug for ResponseFuture<S, Req, R, U>
where
    S: Service<Req>,
    U: Until<S::Response, Option<Place>>,
    R: Refuse<Req, U::Response, S::Error>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Queued { .. } => "queued",
            State::Called { .. } => "called",
            State::Full { .. } => "refused",
            State::Done => "done",
        };
        f.debug_struct("ResponseFuture").field("state", &state).finish_non_exhaustive()
    }
}
