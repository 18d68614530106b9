use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_breaker_core::{Outcome, PanicGuard, Permit, TimeoutKind};

use super::JudgeResponse;
use crate::expire::time_is_over;

pin_project! {
    /// The body of a response that is judged where it ends.
    ///
    /// It ends in one of seven ways, and this is the one place that knows them:
    ///
    /// | it ends | the call was |
    /// |---|---|
    /// | without trailers | what the judge says |
    /// | with trailers | what the judge says of them |
    /// | as it says itself after its last data (`is_end_stream`) | what the judge says |
    /// | with an error: the server cut it off | a failure |
    /// | dropped by the caller | a success after its first frame, ignored while it was waited for |
    /// | dropped by the caller before it was polled | what the judge says of that: of a status a success |
    /// | dropped by a timeout for the whole call that tells of it (`TimeoutLayer::expiring`) | what the judge says of that: a failure |
    ///
    /// A probe that answered a good head and one frame has succeeded: an endless stream can close a circuit. Size hint, end
    /// and trailers are those of the inner body.
    pub struct JudgedBody<B, J: JudgeResponse> {
        #[pin]
        inner: B,
        pending: Pending<J>,
    }
}

/// A verdict that is not yet given. Its own type, because the body is pinned and a verdict has a `Drop`.
struct Pending<J: JudgeResponse> {
    permit: Option<Permit>,
    judge: Option<J>,
    read: Read,
}

/// How far anybody got with it.
#[derive(PartialEq, Eq)]
enum Read {
    Nobody,
    Waiting,
    Begun,
}

impl<B, J: JudgeResponse> JudgedBody<B, J> {
    pub(super) fn new(inner: B, permit: Permit, judge: J) -> Self
    where
        B: Body,
    {
        let ended = inner.is_end_stream();
        let mut pending = Pending { permit: Some(permit), judge: Some(judge), read: Read::Nobody };
        if ended {
            pending.end(None);
        }
        Self { inner, pending }
    }

    /// A body whose head has decided.
    pub(super) const fn unjudged(inner: B) -> Self {
        Self { inner, pending: Pending { permit: None, judge: None, read: Read::Nobody } }
    }
}

impl<J: JudgeResponse> Pending<J> {
    fn end(&mut self, trailers: Option<&http::HeaderMap>) {
        if let Some((permit, judge)) = self.permit.take().zip(self.judge.take()) {
            permit.record(judge.end(trailers));
        }
    }

    fn record(&mut self, outcome: Outcome) {
        if let Some(permit) = self.permit.take() {
            permit.record(outcome);
        }
    }

    fn frame(&mut self) {
        self.read = Read::Begun;
        if self.permit.as_ref().is_some_and(Permit::is_probe) {
            self.record(Outcome::Success);
        }
    }
}

impl<J: JudgeResponse> Drop for Pending<J> {
    fn drop(&mut self) {
        let Some(judge) = &self.judge else { return };
        self.record(match self.read {
            _ if time_is_over() => judge.timed_out(TimeoutKind::Whole),
            Read::Nobody => judge.unread(),
            Read::Waiting => Outcome::Ignored,
            Read::Begun => Outcome::Success,
        });
    }
}

impl<B, J> Body for JudgedBody<B, J>
where
    B: Body,
    J: JudgeResponse,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        if this.pending.read == Read::Nobody {
            this.pending.read = Read::Waiting;
        }
        let guard = PanicGuard::new(&mut this.pending.permit);
        let polled = this.inner.as_mut().poll_frame(cx);
        guard.disarm();
        let frame = ready!(polled);
        match &frame {
            None => this.pending.end(None),
            Some(Err(_)) => this.pending.record(Outcome::Failure),
            Some(Ok(frame)) => match frame.trailers_ref() {
                Some(trailers) => this.pending.end(Some(trailers)),
                None => {
                    if this.inner.is_end_stream() {
                        this.pending.end(None);
                    }
                    this.pending.frame();
                }
            },
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: From<&'static str>, J: JudgeResponse> From<&'static str> for JudgedBody<B, J> {
    fn from(text: &'static str) -> Self {
        Self::unjudged(text.into())
    }
}

impl<B: Default, J: JudgeResponse> Default for JudgedBody<B, J> {
    fn default() -> Self {
        Self::unjudged(B::default())
    }
}

impl<B: fmt::Debug, J: JudgeResponse> fmt::Debug for JudgedBody<B, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pending = self.pending.permit.is_some();
        f.debug_struct("JudgedBody").field("inner", &self.inner).field("pending", &pending).finish()
    }
}
