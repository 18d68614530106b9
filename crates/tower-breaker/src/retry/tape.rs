//! What was read of a request's body, and the rest of it, shared by the attempts of a call.
//!
//! The attempts read one [`Tape`], and whoever reads last goes on with the body. Each attempt has a turn. A newer one ends
//! the older: a connection may hold an abandoned body for a while, and must neither take what the newer attempt needs nor
//! take its end for the body's.
//!
//! The body is polled without the lock: it is taken off the tape for the poll and put back. Only a newer attempt that
//! comes at that very moment finds it gone, and is woken when it is back.

use std::{
    error::Error,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use crate::refuse::BoxError;

/// Frames are kept apart; a body in crumbs would cost more than its bytes.
const MAX_FRAMES: usize = 1024;

/// What of a body was read, and the rest of it.
pub(super) struct Tape<B> {
    cap: u64,
    reel: Mutex<Reel<B>>,
}

struct Reel<B> {
    /// None while it is polled.
    body: Option<B>,
    /// The attempt that may read.
    turn: u64,
    frames: Vec<Bytes>,
    length: u64,
    trailers: Option<HeaderMap>,
    /// Frames and trailers are all that was read.
    whole: bool,
    /// The body has nothing more.
    ended: bool,
    failed: bool,
    /// What the body said of its rest when it was last seen.
    rest: SizeHint,
    waiting: Option<Waker>,
}

impl<B: Body> Tape<B> {
    pub(super) fn new(body: B, cap: u64) -> Arc<Self> {
        let rest = body.size_hint();
        let reel = Reel {
            body: Some(body),
            turn: 0,
            frames: Vec::new(),
            length: 0,
            trailers: None,
            whole: true,
            ended: false,
            failed: false,
            rest,
            waiting: None,
        };
        Arc::new(Self { cap, reel: Mutex::new(reel) })
    }
}

impl<B> Tape<B> {
    /// Whether the body can be sent again.
    pub(super) fn is_whole(&self) -> bool {
        self.lock().whole
    }

    fn lock(&self) -> MutexGuard<'_, Reel<B>> {
        // The body's code does not run under it.
        self.reel.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<B> Reel<B> {
    /// Nobody will send it again from the start.
    fn forget(&mut self) {
        self.whole = false;
        self.frames = Vec::new();
        self.trailers = None;
    }

    /// Keeps what was read, as long as there is room; whatever there is, without a cap.
    fn record(&mut self, frame: &Frame<Bytes>, cap: Option<u64>) {
        if let Some(data) = frame.data_ref() {
            self.length = self.length.saturating_add(data.len() as u64);
            if cap.is_some_and(|cap| self.length > cap || self.frames.len() >= MAX_FRAMES) {
                self.forget();
            } else if !data.is_empty() {
                self.frames.push(data.clone());
            }
        } else if let Some(trailers) = frame.trailers_ref() {
            self.trailers = Some(trailers.clone());
        }
    }
}

/// Where an attempt is on the tape.
pub(super) struct Reader<B> {
    tape: Arc<Tape<B>>,
    turn: u64,
    next: usize,
    trailers_sent: bool,
}

impl<B> Reader<B> {
    /// Of the first attempt.
    pub(super) const fn first(tape: Arc<Tape<B>>) -> Self {
        Self { tape, turn: 0, next: 0, trailers_sent: false }
    }

    /// At the start, for another attempt; the one before may read no more. `None` if the start is not kept.
    pub(super) fn rewound(tape: &Arc<Tape<B>>) -> Option<Self> {
        let mut reel = tape.lock();
        if !reel.whole {
            return None;
        }
        reel.turn += 1;
        let (turn, older) = (reel.turn, reel.waiting.take());
        drop(reel);
        // It learns that it is over.
        if let Some(older) = older {
            older.wake();
        }
        Some(Self { tape: Arc::clone(tape), turn, next: 0, trailers_sent: false })
    }

    pub(super) const fn is_first(&self) -> bool {
        self.turn == 0
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let reel = self.tape.lock();
        let played = self.next >= reel.frames.len() && (self.trailers_sent || reel.trailers.is_none());
        reel.turn == self.turn && reel.ended && !reel.failed && played
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let reel = self.tape.lock();
        let kept: u64 = reel.frames.iter().skip(self.next).map(|data| data.len() as u64).sum();
        let rest = if reel.ended { SizeHint::with_exact(0) } else { reel.rest };
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(kept));
        if let Some(upper) = rest.upper().and_then(|upper| upper.checked_add(kept)) {
            hint.set_upper(upper);
        }
        hint
    }
}

impl<B> Reader<B>
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Polled {
        let mut reel = self.tape.lock();
        if reel.turn != self.turn {
            return Poll::Ready(Some(Err(Superseded.into())));
        }
        if let Some(data) = reel.frames.get(self.next) {
            self.next += 1;
            return Poll::Ready(Some(Ok(Frame::data(data.clone()))));
        }
        if reel.failed {
            return Poll::Ready(Some(Err(Superseded.into())));
        }
        if let (Some(trailers), false) = (&reel.trailers, self.trailers_sent) {
            self.trailers_sent = true;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers.clone()))));
        }
        if reel.ended {
            return Poll::Ready(None);
        }
        let Some(body) = reel.body.take() else {
            reel.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        };
        drop(reel);

        let mut loan = Loan { tape: &self.tape, body: Some(body) };
        let body = loan.body.as_mut().expect("just lent");
        let polled = poll_body(body, cx);
        let (rest, at_end) = (body.size_hint(), body.is_end_stream());

        let mut reel = self.tape.lock();
        reel.rest = rest;
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => reel.ended = true,
            Poll::Ready(Some(Err(_))) => {
                reel.forget();
                (reel.ended, reel.failed) = (true, true);
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.trailers_sent = frame.is_trailers();
                reel.ended = at_end || self.trailers_sent;
                // A newer attempt that began during the poll has to find the frame on the tape, whatever the cap.
                let overtaken = reel.turn != self.turn;
                if !overtaken && Arc::strong_count(&self.tape) == 1 {
                    reel.forget();
                } else if reel.whole {
                    reel.record(frame, (!overtaken).then_some(self.tape.cap));
                }
                self.next = reel.frames.len();
            }
        }
        drop(reel);
        drop(loan);
        polled
    }
}

pub(super) type Polled = Poll<Option<Result<Frame<Bytes>, BoxError>>>;

/// A poll of a body, in the types of a [`ReplayBody`](super::ReplayBody).
pub(super) fn poll_body<B>(body: &mut B, cx: &mut Context<'_>) -> Polled
where
    B: Body + Unpin,
    B::Error: Into<BoxError>,
{
    let polled = Pin::new(body).poll_frame(cx);
    polled.map(|frame| frame.map(|frame| frame.map(|frame| frame.map_data(to_bytes)).map_err(Into::into)))
}

fn to_bytes<D: Buf>(mut data: D) -> Bytes {
    // No copy where the data are `Bytes` already.
    data.copy_to_bytes(data.remaining())
}

/// The body while it is polled. Goes back on the tape however that ends.
struct Loan<'a, B> {
    tape: &'a Tape<B>,
    body: Option<B>,
}

impl<B> Drop for Loan<'_, B> {
    fn drop(&mut self) {
        let mut reel = self.tape.lock();
        reel.body = self.body.take();
        let waiting = reel.waiting.take();
        drop(reel);
        if let Some(waiting) = waiting {
            waiting.wake();
        }
    }
}

/// The error of a body that is no longer its attempt's.
#[derive(Debug)]
struct Superseded;

impl fmt::Display for Superseded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request body is no longer this attempt's to read")
    }
}

impl Error for Superseded {}
