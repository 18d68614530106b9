//! One caller's connection: what goes on on it, and how slowly its caller may take what it asked for.
//!
//! A connection on which nothing is under way costs a place and a descriptor, whether its caller drips a head byte by byte,
//! says nothing at all, or has streams of HTTP/2 that it takes nothing of. How long that has gone on is known here; who
//! has waited long enough ends the connection (`connections`). Of one who takes what was written too slowly, a write fails
//! (`wire`).

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// What goes on on a connection.
#[derive(Debug)]
pub(crate) struct Caller(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Requests, from the end of their heads to the end of their answers.
    under_way: usize,
    /// Those of them whose answer goes no further until the caller takes more.
    stalled: usize,
    /// When either last changed, or the caller took something that had waited for it.
    changed: Instant,
}

impl Caller {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { under_way: 0, stalled: 0, changed: Instant::now() })))
    }

    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.change(|state| state.under_way += 1);
        UnderWay { caller: Arc::clone(self), stalled: false }
    }

    /// Waits until nothing has gone on for so long.
    pub(crate) async fn silent_for(&self, most: Duration) {
        loop {
            match self.silent_since() {
                Some(since) if since.elapsed() >= most => return,
                Some(since) => sleep_until(since + most).await,
                // What ends meanwhile is seen after it, and counted from when it ended.
                None => sleep(most).await,
            }
        }
    }

    /// The caller took something that had waited for it, be it the rest of an answer that has ended here.
    pub(crate) fn takes(&self) {
        self.change(|_| {});
    }

    fn silent_since(&self) -> Option<Instant> {
        let state = self.state();
        (state.stalled == state.under_way).then_some(state.changed)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        state.changed = Instant::now();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request whose answer has not ended.
#[derive(Debug)]
pub(crate) struct UnderWay {
    caller: Arc<Caller>,
    stalled: bool,
}

impl UnderWay {
    fn stalled(&mut self, stalled: bool) {
        if self.stalled != stalled {
            self.stalled = stalled;
            self.caller.change(|state| if stalled { state.stalled += 1 } else { state.stalled -= 1 });
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.stalled(false);
        self.caller.change(|state| state.under_way -= 1);
    }
}

/// How long what there is of an answer that breaks off has to go out. It takes a turn of its connection's task and no more,
/// but there is no telling when that was.
const GO_OUT_WITHIN: Duration = Duration::from_millis(100);

/// The body of an answer.
///
/// Where it breaks off, the server would drop what it has not yet written, be it the head of the answer: its caller would
/// see a connection that ends, and not an answer that does. So an error waits for a moment.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Body,
    under_way: UnderWay,
    broken: Option<(axum::Error, Pin<Box<Sleep>>)>,
}

impl Answer {
    pub(crate) const fn new(body: Body, under_way: UnderWay) -> Self {
        Self { body, under_way, broken: None }
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        this.under_way.stalled(false);
        if this.broken.is_none() {
            match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Err(error)) => this.broken = Some((error, Box::pin(sleep(GO_OUT_WITHIN)))),
                frame => {
                    // Until more is asked for.
                    this.under_way.stalled(true);
                    return Poll::Ready(frame);
                }
            }
        }
        if let Some((_, wait)) = &mut this.broken {
            ready!(wait.as_mut().poll(cx));
        }
        Poll::Ready(this.broken.take().map(|(error, _)| Err(error)))
    }

    fn is_end_stream(&self) -> bool {
        self.broken.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
