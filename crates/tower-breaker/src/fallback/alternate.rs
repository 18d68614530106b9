use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    Answer, Cause, FallbackKind,
    keep::{CloneRequest, Keep},
};

/// Another service; made by [`service`].
#[derive(Clone)]
pub struct Alternate<S, K = CloneRequest> {
    service: S,
    keep: K,
}

/// Sends the request to `service` instead: another region, a read replica. It has `fallback_timeout` to become ready
/// and answer; the call's own result is dropped before. Its error must be `Into` the error of the call: around a stack,
/// whose error is an [`Error`](crate::Error), give the other service `.map_err(Error::Inner)`.
///
/// It is cloned for every call, as a handle to a connection pool is. Give it a circuit of its own, or callers wait for
/// it when it is down too.
pub const fn service<S>(service: S) -> Alternate<S> {
    Alternate { service, keep: CloneRequest }
}

impl<S, K> Alternate<S, K> {
    /// Sends `keep(&request)` instead of a clone of the request: for one that is not `Clone` (a body that streams), or
    /// that the other service wants to be different.
    pub fn keep<J>(self, keep: J) -> Alternate<S, J> {
        Alternate { service: self.service, keep }
    }
}

impl<S, K, Req, E> Answer<Req, S::Response, E> for Alternate<S, K>
where
    K: Keep<Req>,
    S: Service<K::Kept, Error: Into<E>> + Clone,
{
    type Kept = (S, K::Kept);
    type Future = AlternateFuture<S, K::Kept, E>;

    const KIND: FallbackKind = FallbackKind::Service;

    fn keep(&self, request: &Req) -> Self::Kept {
        (self.service.clone(), self.keep.keep(request))
    }

    fn answer(
        kept: Self::Kept,
        _: &Cause,
        own: Result<S::Response, E>,
    ) -> Result<Self::Future, Result<S::Response, E>> {
        // Its connection is free while the other service is asked.
        drop(own);
        Ok(AlternateFuture { stage: Stage::Waiting { call: Some(kept) }, error: std::marker::PhantomData })
    }
}

// By hand: not every service is `Debug`.
impl<S, K> fmt::Debug for Alternate<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alternate").finish_non_exhaustive()
    }
}

pin_project! {
    /// The call of an [`Alternate`]: waits until it is ready, then for its answer.
    #[must_use = "futures do nothing unless polled"]
    pub struct AlternateFuture<S: Service<Req>, Req, E> {
        #[pin]
        stage: Stage<S, Req, S::Future>,
        error: std::marker::PhantomData<fn() -> E>,
    }
}

pin_project! {
    #[project = StageProj]
    enum Stage<S, Req, F> {
        Waiting { call: Option<(S, Req)> },
        Called { #[pin] inner: F },
    }
}

impl<S, Req, E> Future for AlternateFuture<S, Req, E>
where
    S: Service<Req>,
    S::Error: Into<E>,
{
    type Output = Result<S::Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut stage = self.project().stage;
        loop {
            let inner = match stage.as_mut().project() {
                StageProj::Called { inner } => return inner.poll(cx).map_err(Into::into),
                StageProj::Waiting { call } => {
                    let (service, _) = call.as_mut().expect("`AlternateFuture` polled after it has ended");
                    ready!(service.poll_ready(cx)).map_err(Into::into)?;
                    let (mut service, request) = call.take().expect("it was there");
                    service.call(request)
                }
            };
            stage.set(Stage::Called { inner });
        }
    }
}

impl<S: Service<Req>, Req, E> fmt::Debug for AlternateFuture<S, Req, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let called = matches!(self.stage, Stage::Called { .. });
        f.debug_struct("AlternateFuture").field("called", &called).finish_non_exhaustive()
    }
}
