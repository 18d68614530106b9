use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tokio::time::{Sleep, sleep};
use tower_service::Service;

use super::{
    Ask, Repeat, RetryPolicy,
    call::{Call, Step},
};
use crate::expire::Expire;

pin_project! {
    /// The call of a [`Retry`](super::Retry): its attempts, one after the other, and the waits between them.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end, it drops the attempt under way; what was charged to the budget stays charged.
    ///
    /// # Panics
    ///
    /// If polled after it has ended, and when it has to wait outside a tokio runtime with its timer on.
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<S, Req, P, K, A>
    where
        K: Repeat<Req>,
        S: Service<K::Request>,
        P: RetryPolicy<Req, S::Response, S::Error>,
        A: Ask<Req>,
    {
        #[pin]
        stage: Stage<S::Future>,
        // None where retry is off.
        call: Option<Call<S, Req, P, K, A>>,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<F> {
        Attempt { #[pin] inner: F },
        // Armed only when an attempt has failed.
        Waiting { #[pin] timer: Sleep },
        GettingReady,
    }
}

impl<S, Req, P, K, A> ResponseFuture<S, Req, P, K, A>
where
    K: Repeat<Req>,
    S: Service<K::Request>,
    P: RetryPolicy<Req, S::Response, S::Error>,
    A: Ask<Req>,
{
    pub(super) const fn new(inner: S::Future, call: Option<Call<S, Req, P, K, A>>) -> Self {
        Self { stage: Stage::Attempt { inner }, call }
    }
}

impl<S, Req, P, K, A> ResponseFuture<S, Req, P, K, A>
where
    K: Repeat<Req>,
    S: Expire<K::Request>,
    P: RetryPolicy<Req, S::Response, S::Error>,
    A: Ask<Req>,
{
    /// The time of a timeout further out is over. Whoever waits between two attempts waits for nobody.
    pub(super) fn expire(self: Pin<&mut Self>) {
        let this = self.project();
        match (this.stage.project(), this.call) {
            (StageProj::Attempt { inner }, _) => S::expire_call(inner),
            (StageProj::GettingReady, Some(call)) => call.service.expire_ready(call.next.as_ref()),
            (StageProj::Waiting { .. } | StageProj::GettingReady, _) => {}
        }
    }
}

impl<S, Req, P, K, A> Future for ResponseFuture<S, Req, P, K, A>
where
    K: Repeat<Req>,
    S: Service<K::Request>,
    P: RetryPolicy<Req, S::Response, S::Error>,
    A: Ask<Req>,
{
    type Output = Result<S::Response, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.stage.as_mut().project() {
                StageProj::Attempt { inner } => {
                    let result = ready!(inner.poll(cx));
                    let Some(call) = this.call else { return Poll::Ready(result) };
                    match call.step(result) {
                        Step::Answer(answer) => return Poll::Ready(answer),
                        // The attempt's future goes with it, and whatever it held.
                        Step::Wait(wait) => Stage::Waiting { timer: sleep(wait) },
                    }
                }
                StageProj::Waiting { timer } => {
                    ready!(timer.poll(cx));
                    Stage::GettingReady
                }
                StageProj::GettingReady => {
                    let call = this.call.as_mut().expect("only a call that is retried waits");
                    if let Err(error) = ready!(call.service.poll_ready(cx)) {
                        return Poll::Ready(call.unready(error));
                    }
                    Stage::Attempt { inner: call.begin() }
                }
            };
            this.stage.set(next);
        }
    }
}

impl<S, Req, P, K, A> fmt::Debug for ResponseFuture<S, Req, P, K, A>
where
    K: Repeat<Req>,
    S: Service<K::Request>,
    P: RetryPolicy<Req, S::Response, S::Error>,
    A: Ask<Req>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = matches!(self.stage, Stage::Waiting { .. });
        f.debug_struct("ResponseFuture").field("waiting", &waiting).finish_non_exhaustive()
    }
}
