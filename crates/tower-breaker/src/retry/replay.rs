use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, SizeHint};

use super::tape::{Polled, Reader, Tape, poll_body};
use crate::refuse::BoxError;

/// The body of a request that may be sent again: byte for byte the caller's, trailers included.
///
/// The first attempt's passes on what it reads, as it reads it, and keeps a copy (of `Bytes`, another handle). A later
/// attempt's begins with the copy and goes on with the rest. Its errors are the body's own, boxed; one more says that
/// another attempt has begun meanwhile.
pub struct ReplayBody<B> {
    kind: Kind<B>,
}

enum Kind<B> {
    /// Not kept.
    Plain(B),
    /// Of another attempt at a call without a body.
    Empty,
    Reader(Reader<B>),
}

impl<B> ReplayBody<B> {
    pub(super) const fn plain(body: B) -> Self {
        Self { kind: Kind::Plain(body) }
    }

    pub(super) const fn empty() -> Self {
        Self { kind: Kind::Empty }
    }

    pub(super) const fn first(tape: Arc<Tape<B>>) -> Self {
        Self { kind: Kind::Reader(Reader::first(tape)) }
    }

    pub(super) fn rewound(tape: &Arc<Tape<B>>) -> Option<Self> {
        Reader::rewound(tape).map(|reader| Self { kind: Kind::Reader(reader) })
    }
}

impl<B> Body for ReplayBody<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        match &mut self.kind {
            Kind::Plain(body) => poll_body(body, cx),
            Kind::Empty => Poll::Ready(None),
            Kind::Reader(reader) => reader.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Plain(body) => body.is_end_stream(),
            Kind::Empty => true,
            Kind::Reader(reader) => reader.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Plain(body) => body.size_hint(),
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Reader(reader) => reader.size_hint(),
        }
    }
}

impl<B> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let again = matches!(&self.kind, Kind::Reader(reader) if !reader.is_first());
        f.debug_struct("ReplayBody").field("again", &again).finish_non_exhaustive()
    }
}
