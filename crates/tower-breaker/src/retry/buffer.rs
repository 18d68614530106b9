use std::{fmt, sync::Arc};

use http::{Request, request::Parts};
use http_body::Body;

use super::{Repeat, ReplayBody, tape::Tape};
use crate::refuse::BoxError;

/// Keeps the body of an HTTP request while the first attempt sends it, up to a cap.
///
/// The first attempt goes out as it would without: nothing is read ahead. What was not yet read when another attempt begins
/// is read by that one. A body that is, or turns out to be, larger than the cap (64 KiB unless set) is let go, and the call
/// has one attempt. So has one whose body failed. Head and extensions are cloned for each attempt.
///
/// Costs one allocation for a call with a body, and the memory of that body until the call has ended.
#[derive(Clone, Copy)]
pub struct BufferBody<M = Unmapped> {
    cap: u64,
    map: M,
}

impl BufferBody {
    /// With a cap of 64 KiB.
    #[must_use]
    pub const fn new() -> Self {
        Self { cap: 64 * 1024, map: Unmapped }
    }
}

impl<M> BufferBody<M> {
    /// Keeps bodies up to so many bytes, in at most 1,024 frames. Zero: only calls without a body are repeated.
    #[must_use]
    pub const fn cap(mut self, bytes: u64) -> Self {
        self.cap = bytes;
        self
    }

    /// Makes of the [`ReplayBody`] what the inner service takes.
    #[must_use]
    pub fn map_body<N>(self, map: N) -> BufferBody<N> {
        BufferBody { cap: self.cap, map }
    }
}

/// What the inner service gets for a body: a [`ReplayBody`], or what a closure makes of one.
pub trait MapBody<B> {
    /// The body type of the inner service.
    type Body;

    /// Makes it.
    fn map(&self, body: ReplayBody<B>) -> Self::Body;
}

/// The [`ReplayBody`] as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unmapped;

impl<B> MapBody<B> for Unmapped {
    type Body = ReplayBody<B>;

    fn map(&self, body: ReplayBody<B>) -> ReplayBody<B> {
        body
    }
}

impl<F, B, C> MapBody<B> for F
where
    F: Fn(ReplayBody<B>) -> C,
{
    type Body = C;

    fn map(&self, body: ReplayBody<B>) -> C {
        self(body)
    }
}

/// What is kept of an HTTP request.
pub struct KeptRequest<B, M> {
    parts: Parts,
    // None: it has no body.
    tape: Option<Arc<Tape<B>>>,
    map: M,
}

impl<M, B> Repeat<Request<B>> for BufferBody<M>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
    M: MapBody<B> + Clone,
{
    type Request = Request<M::Body>;
    type Kept = KeptRequest<B, M>;

    fn pass(&self, request: Request<B>) -> Self::Request {
        request.map(|body| self.map.map(ReplayBody::plain(body)))
    }

    fn keep(&self, request: Request<B>) -> (Self::Request, Option<Self::Kept>) {
        if request.body().size_hint().lower() > self.cap {
            return (self.pass(request), None);
        }
        let (parts, body) = request.into_parts();
        let (body, tape) = match body.is_end_stream() {
            true => (ReplayBody::plain(body), None),
            false => {
                let tape = Tape::new(body, self.cap);
                (ReplayBody::first(Arc::clone(&tape)), Some(tape))
            }
        };
        let kept = KeptRequest { parts: parts.clone(), tape, map: self.map.clone() };
        (Request::from_parts(parts, self.map.map(body)), Some(kept))
    }

    fn can(kept: &Self::Kept) -> bool {
        kept.tape.as_ref().is_none_or(|tape| tape.is_whole())
    }

    fn again(kept: Self::Kept, last: bool) -> Option<(Self::Request, Option<Self::Kept>)> {
        let KeptRequest { parts, tape, map } = kept;
        let body = match &tape {
            None => ReplayBody::empty(),
            Some(tape) => ReplayBody::rewound(tape)?,
        };
        let body = map.map(body);
        Some(if last {
            (Request::from_parts(parts, body), None)
        } else {
            (Request::from_parts(parts.clone(), body), Some(KeptRequest { parts, tape, map }))
        })
    }
}

impl Default for BufferBody {
    fn default() -> Self {
        Self::new()
    }
}

impl<M> fmt::Debug for BufferBody<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferBody").field("cap", &self.cap).finish_non_exhaustive()
    }
}

impl<B, M> fmt::Debug for KeptRequest<B, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptRequest").finish_non_exhaustive()
    }
}
