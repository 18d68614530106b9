//! The body of an upstream's answer, which breaks off once the upstream has been silent for too long.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

/// Only while a frame is asked for does time count: a caller who takes none is not held against the upstream.
#[derive(Debug)]
pub(crate) struct Reply {
    /// `None` once it broke off: its connection is let go at once.
    inner: Option<Incoming>,
    patience: Duration,
    /// Of the latest wait; only where there was one.
    timer: Option<Pin<Box<Sleep>>>,
    /// A frame was asked for in vain.
    waits: bool,
}

/// Why the rest of an answer does not come.
#[derive(Debug)]
pub(crate) enum CutOff {
    Broken(hyper::Error),
    Silent,
}

impl fmt::Display for CutOff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broken(_) => "the answer broke off",
            Self::Silent => "the answer did not go on in time",
        })
    }
}

impl Error for CutOff {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken(error) => Some(error),
            Self::Silent => None,
        }
    }
}

impl Reply {
    pub(crate) const fn new(inner: Incoming, patience: Duration) -> Self {
        Self { inner: Some(inner), patience, timer: None, waits: false }
    }

    fn poll_silent(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !std::mem::replace(&mut self.waits, true) {
            let end = Instant::now() + self.patience;
            self.timer.get_or_insert_with(|| Box::pin(sleep_until(end))).as_mut().reset(end);
        }
        self.timer.as_mut().map_or(Poll::Pending, |timer| timer.as_mut().poll(context))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        if let Poll::Ready(frame) = Pin::new(inner).poll_frame(context) {
            this.waits = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(CutOff::Broken)));
        }
        ready!(this.poll_silent(context));
        this.inner = None;
        Poll::Ready(Some(Err(CutOff::Silent)))
    }

    /// What broke off has not ended.
    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_some_and(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}
