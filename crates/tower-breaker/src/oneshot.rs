//! A whole call as one future, for the stages that wait before they call: bulkhead, rate limit, timeout of the whole call.
//!
//! Public because their futures name it. To make one of your own, take `tower::util::Oneshot`.

use std::{
    fmt,
    future::Future,
    marker::PhantomData,
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
    pub struct Oneshot<S, Req, N = AsItIs>
    where
        S: Service<Req>,
    {
        #[pin]
        state: State<S, Req, S::Future, S::Error>,
        sending: PhantomData<fn() -> N>,
    }
}

/// What is done to a request when the service is ready for it: [`AsItIs`], or `timeout::PassOn` (feature `timeout`).
pub trait Sending<Req>: sealed::Sealed {
    /// It goes out.
    fn sending(request: &mut Req);
}

/// Nothing.
#[derive(Debug)]
pub enum AsItIs {}

impl<Req> Sending<Req> for AsItIs {
    fn sending(_: &mut Req) {}
}

// A call says nothing else to a request than what it must.
mod sealed {
    pub trait Sealed {}

    impl Sealed for super::AsItIs {}
    #[cfg(feature = "timeout")]
    impl<D> Sealed for crate::timeout::PassOn<D> {}
}

pin_project! {
    #[project = StateProj]
    enum State<S, Req, F, E> {
        // The request is taken when the call is made.
        Waiting { service: S, request: Option<Req> },
        Calling { #[pin] call: F },
        // The service was found broken, which the caller has not heard of yet.
        Unready { error: Option<E> },
        Done,
    }
}

impl<S: Service<Req>, Req, N> Oneshot<S, Req, N> {
    pub(crate) const fn new(service: S, request: Req) -> Self {
        Self { state: State::Waiting { service, request: Some(request) }, sending: PhantomData }
    }

    /// The whole call of a service of which one clone stays behind.
    ///
    /// A service that is ready makes the call as it stands, and no clone is needed. One that is not goes into the future with
    /// what it may have done to become ready, and is asked again there, where there is somebody to wake.
    #[cfg(any(feature = "bulkhead", feature = "timeout"))]
    pub(crate) fn begin(service: &mut S, mut request: Req) -> Self
    where
        S: Clone,
        N: Sending<Req>,
    {
        match service.poll_ready(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(Ok(())) => {
                N::sending(&mut request);
                Self::called(service.call(request))
            }
            Poll::Ready(Err(error)) => Self { state: State::Unready { error: Some(error) }, sending: PhantomData },
            Poll::Pending => {
                let clone = service.clone();
                Self::new(std::mem::replace(service, clone), request)
            }
        }
    }

    /// Around a call that was made already.
    pub(crate) const fn called(call: S::Future) -> Self {
        Self { state: State::Calling { call }, sending: PhantomData }
    }

    /// Tells what it waits for that the time is over.
    pub(crate) fn expire(self: Pin<&mut Self>)
    where
        S: Expire<Req>,
    {
        match self.project().state.project() {
            StateProj::Waiting { service, request: Some(request) } => service.expire_ready(Some(request)),
            StateProj::Calling { call } => S::expire_call(call),
            StateProj::Waiting { request: None, .. } | StateProj::Unready { .. } | StateProj::Done => {}
        }
    }
}

impl<S: Service<Req>, Req, N: Sending<Req>> Future for Oneshot<S, Req, N> {
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
                    let mut request = request.take().expect("`Oneshot` polled after a panic");
                    N::sending(&mut request);
                    let call = service.call(request);
                    state.set(State::Calling { call });
                }
                StateProj::Calling { call } => {
                    let result = ready!(call.poll(cx));
                    state.set(State::Done);
                    return Poll::Ready(result);
                }
                StateProj::Unready { error } => {
                    return Poll::Ready(Err(error.take().expect("`Oneshot` polled after it has ended")));
                }
                StateProj::Done => panic!("`Oneshot` polled after it has ended"),
            }
        }
    }
}

impl<S: Service<Req>, Req, N> fmt::Debug for Oneshot<S, Req, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = matches!(self.state, State::Waiting { .. });
        f.debug_struct("Oneshot").field("waiting", &waiting).finish_non_exhaustive()
    }
}
