use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use super::Deadline;
use crate::{
    expire::let_go,
    refuse::BoxError,
    timer::Timer,
    until::{EndOfBody, Until},
};

pin_project! {
    /// A body that must be at its end within the time of its call.
    ///
    /// When the time is over and no frame is ready, it ends in an error, behind which
    /// [`TimedOut::find`](crate::TimedOut::find) finds the limit; the inner body is dropped, and knows why if the timeout is
    /// `expiring`. Its size, its trailers and
    /// its end are the inner body's.
    ///
    /// # Panics
    ///
    /// If it has to wait outside a tokio runtime with its timer on.
    pub struct TimeoutBody<B> {
        // `None` once the time is over.
        #[pin]
        inner: Option<B>,
        deadline: Deadline,
        #[pin]
        timer: Timer,
    }
}

impl<B> TimeoutBody<B> {
    fn new(inner: B, deadline: Deadline) -> Self {
        Self { inner: Some(inner), deadline, timer: Timer::default() }
    }
}

impl<B> Until<Response<B>, Deadline> for EndOfBody {
    type Response = Response<TimeoutBody<B>>;

    fn hold(response: Response<B>, deadline: Deadline) -> Self::Response {
        response.map(|body| TimeoutBody::new(body, deadline))
    }
}

// What a refusal is answered with has no limit.
impl<B: From<&'static str>> From<&'static str> for TimeoutBody<B> {
    fn from(text: &'static str) -> Self {
        Self::new(text.into(), Deadline::NEVER)
    }
}

impl<B> Body for TimeoutBody<B>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = inner.poll_frame(cx) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        ready!(this.timer.poll_over(this.deadline.at(), cx));
        if this.deadline.tells() {
            let_go(|| this.inner.set(None));
        }
        this.inner.set(None);
        Poll::Ready(Some(Err(this.deadline.take().timed_out().into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B> fmt::Debug for TimeoutBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeoutBody").field("over", &self.inner.is_none()).finish_non_exhaustive()
    }
}
