use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_breaker_core::Place;

use crate::until::{EndOfBody, Until};

pin_project! {
    /// A body that holds a place of a bulkhead until its end.
    ///
    /// Whoever reads it need not ask again after the last frame: the place is given back with the trailers, with the frame
    /// after which the body says that it is at its end, with an error, or when the body is dropped.
    pub struct BulkheadBody<B> {
        // In this order, so that the place is free only when the body is gone.
        #[pin]
        inner: B,
        place: Option<Place>,
    }
}

impl<B: Body> Until<Response<B>, Option<Place>> for EndOfBody {
    type Response = Response<BulkheadBody<B>>;

    fn hold(response: Response<B>, place: Option<Place>) -> Self::Response {
        // Nobody polls a body that is at its end from the start.
        response.map(|inner| BulkheadBody { place: place.filter(|_| !inner.is_end_stream()), inner })
    }
}

// What a refusal is answered with holds no place.
impl<B: From<&'static str>> From<&'static str> for BulkheadBody<B> {
    fn from(text: &'static str) -> Self {
        Self { inner: text.into(), place: None }
    }
}

impl<B: Body> Body for BulkheadBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(cx));
        let more = match &frame {
            Some(Ok(frame)) => !frame.is_trailers() && !this.inner.is_end_stream(),
            Some(Err(_)) | None => false,
        };
        if !more {
            drop(this.place.take());
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

impl<B> fmt::Debug for BulkheadBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkheadBody").field("holds_a_place", &self.place.is_some()).finish_non_exhaustive()
    }
}
