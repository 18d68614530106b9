use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

pin_project! {
    /// The body of a response that is either the inner service's or a refusal's.
    pub struct RefusalBody<B> {
        #[pin]
        kind: Kind<B>,
    }
}

pin_project! {
    #[project = KindProj]
    enum Kind<B> {
        Inner { #[pin] body: B },
        Refusal { text: Option<&'static str> },
    }
}

impl<B> RefusalBody<B> {
    /// Around a body of the service's own type: for a fallback that answers in place of the service. One made of text comes
    /// by `From<&'static str>`.
    #[must_use]
    pub const fn new(body: B) -> Self {
        Self { kind: Kind::Inner { body } }
    }

    pub(super) fn refusal(text: &'static str) -> Self {
        // No text is the end at once: a gRPC answer without a body has to end with its head.
        Self { kind: Kind::Refusal { text: Some(text).filter(|text| !text.is_empty()) } }
    }
}

// So that the stages of a stack around the first one answer with the same body.
impl<B> From<&'static str> for RefusalBody<B> {
    fn from(text: &'static str) -> Self {
        Self::refusal(text)
    }
}

impl<B> Body for RefusalBody<B>
where
    B: Body,
    B::Data: From<&'static str>,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        match self.project().kind.project() {
            KindProj::Inner { body } => body.poll_frame(cx),
            KindProj::Refusal { text } => Poll::Ready(text.take().map(|text| Ok(Frame::data(text.into())))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Inner { body } => body.is_end_stream(),
            Kind::Refusal { text } => text.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Inner { body } => body.size_hint(),
            Kind::Refusal { text } => SizeHint::with_exact(text.map_or(0, str::len) as u64),
        }
    }
}

impl<B> fmt::Debug for RefusalBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusalBody").field("refused", &matches!(self.kind, Kind::Refusal { .. })).finish()
    }
}
