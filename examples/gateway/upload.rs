//! The body of a request on its way to the upstream, frame by frame.
//!
//! It notes how far it has come, so that a caller who sends slowly, or breaks off, is not held against the upstream. And
//! where the answer comes before the body has been read, it reads on for a moment: a connection (in HTTP/2: a stream)
//! closed on a caller that is still sending may take the answer down with it.

use std::{
    error::Error,
    fmt,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout};

use crate::pace::Pace;

/// How long, and how much, is read of a body that nobody wants any more.
const DRAIN_WITHIN: Duration = Duration::from_secs(2);
const DRAIN_AT_MOST: usize = 16 << 20;

/// How an upload is getting on.
#[derive(Debug)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug, Clone, Copy)]
pub(crate) struct State {
    /// When a frame was last passed on; at first, when the request came.
    pub(crate) moved: Instant,
    /// The upstream would take more, and the caller sends nothing.
    pub(crate) waits_for_caller: bool,
    /// The caller broke off.
    pub(crate) broken: bool,
    /// The caller was waited for for too long.
    pub(crate) slow: bool,
}

impl Progress {
    pub(crate) fn state(&self) -> State {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// A request's body.
#[derive(Debug)]
pub(crate) struct Upload {
    /// `None` after its end.
    inner: Option<Incoming>,
    progress: Arc<Progress>,
    /// The caller waits to be told to send: nothing is to be read away before it was.
    held_back: bool,
    pace: Pace,
}

/// Why the rest of an upload does not come.
#[derive(Debug)]
pub(crate) enum Missing {
    Broken(hyper::Error),
    Slow,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request did not come to its end")
    }
}

impl Error for Missing {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Broken(error) => Some(error),
            Self::Slow => None,
        }
    }
}

impl Upload {
    pub(crate) fn new(inner: Incoming, held_back: bool, patience: Duration) -> Self {
        let state = State { moved: Instant::now(), waits_for_caller: false, broken: false, slow: false };
        let progress = Arc::new(Progress(Mutex::new(state)));
        Self { inner: Some(inner), progress, held_back, pace: Pace::new(patience) }
    }

    pub(crate) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Missing;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Missing>>> {
        let this = &mut *self;
        this.held_back = false;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        let polled = pin!(inner).poll_frame(context);
        this.progress.set(|state| state.waits_for_caller = polled.is_pending());
        if polled.is_pending() {
            ready!(this.pace.poll_over(context));
            this.progress.set(|state| state.slow = true);
            return Poll::Ready(Some(Err(Missing::Slow)));
        }
        let frame = ready!(polled);
        match &frame {
            Some(Ok(frame)) => {
                this.pace.moved(frame.data_ref().map_or(0, Bytes::len));
                this.progress.set(|state| state.moved = Instant::now());
            }
            Some(Err(_)) => this.progress.set(|state| state.broken = true),
            None => {}
        }
        if !matches!(frame, Some(Ok(_))) {
            this.inner = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Missing::Broken)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Upload {
    /// Nobody wants the rest: for a moment it is read all the same.
    fn drop(&mut self) {
        let rest = self.inner.take().filter(|rest| !self.held_back && !rest.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, tokio::runtime::Handle::try_current()) {
            runtime.spawn(timeout(DRAIN_WITHIN, read_away(rest)));
        }
    }
}

async fn read_away(mut rest: Incoming) {
    let mut read = 0;
    while let Some(Ok(frame)) = rest.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > DRAIN_AT_MOST {
            break;
        }
    }
}
