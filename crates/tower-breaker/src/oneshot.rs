use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::expire::Expire;

pin_project! {
    /// A whole call: waits until the service is ready, then for its answer.
    ///
    /// A stage that waits before the call takes the service along into its future.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the service that waited or the call it made.
    #[must_use = "futures do nothing unless polled"]
    pub struct Oneshot<S, Req>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S, Req, S::Future>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F> {
        // The request is taken when the call is made.
        Waiting { service: S, request: Option<Req> },
        Calling { #[pin] call: F },
        Done,
    }
}

impl<S: Service<Req>, Req> Oneshot<S, Req> {
    pub(crate) const fn new(service: S, request: Req) -> Self {
        Self { state: State::Waiting { service, request: Some(request) } }
    }

    /// Around a call that was made already.
    pub(crate) const fn called(call: S::Future) -> Self {
        Self { state: State::Calling { call } }
    }

    /// Tells what it waits for that the time is over.
    pub(crate) fn expire(self: Pin<&mut Self>)
    where
        S: Expire<Req>,
    {
        match self.project().state.project() {
            StateProj::Waiting { service, request: Some(request) } => service.expire_ready(Some(request)),
            StateProj::Calling { call } => S::expire_call(call),
            StateProj::Waiting { request: None, .. } | StateProj::Done => {}
        }
    }
}

impl<S: Service<Req>, Req> Future for Oneshot<S, Req> {
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProj::Waiting { service, request } => {
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        state.set(State::Done);
                        return Poll::Ready(Err(error));
                    }
                    let request = request.take().expect("`Oneshot` polled after a panic");
                    let call = service.call(request);
                    state.set(State::Calling { call });
                }
                StateProj::Calling { call } => {
                    let result = ready!(call.poll(cx));
                    state.set(State::Done);
                    return Poll::Ready(result);
                }
                StateProj::Done => panic!("`Oneshot` polled after it has ended"),
            }
        }
    }
}

impl<S: Service<Req>, Req> fmt::Debug for Oneshot<S, Req> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = matches!(self.state, State::Waiting { .. });
        f.debug_struct("Oneshot").field("waiting", &waiting).finish_non_exhaustive()
    }
}
