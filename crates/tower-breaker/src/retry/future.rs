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
        stage: Stage<S, K::Request, S::Future>,
        // None where retry is off.
        call: Option<Call<S, Req, P, K, A>>,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<S, R, F> {
        Attempt { #[pin] inner: F },
        // Armed only when an attempt has failed.
        Waiting { #[pin] timer: Sleep, next: Option<R> },
        GettingReady { service: S, next: Option<R> },
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
        match self.project().stage.project() {
            StageProj::Attempt { inner } => S::expire_call(inner),
            StageProj::Waiting { .. } => {}
            StageProj::GettingReady { service, next } => service.expire_ready(next.as_ref()),
        }
    }
}

impl<S, Req, P, K, A> Future for ResponseFuture<S, Req, P, K, A>
where
    K: Repeat<Req>,
    S: Service<K::Request> + Clone,
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
                        Step::Wait(wait, next) => Stage::Waiting { timer: sleep(wait), next: Some(next) },
                    }
                }
                StageProj::Waiting { timer, next } => {
                    ready!(timer.poll(cx));
                    let call = this.call.as_ref().expect("only a call that is retried waits");
                    Stage::GettingReady { service: call.service(), next: next.take() }
                }
                StageProj::GettingReady { service, next } => {
                    if let Err(error) = ready!(service.poll_ready(cx)) {
                        let call = this.call.as_mut().expect("only a call that is retried waits");
                        return Poll::Ready(call.unready(error));
                    }
                    let request = next.take().expect("`ResponseFuture` polled after a panic");
                    Stage::Attempt { inner: service.call(request) }
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
