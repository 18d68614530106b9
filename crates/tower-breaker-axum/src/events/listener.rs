use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http_body::{Body, Frame};

use super::hub::Hub;

/// A listener that is further behind is let go of.
const MOST_MESSAGES: usize = 64;
/// Likewise, but for one message that is larger by itself.
const MOST_BYTES: usize = 4 << 20;

/// One who listens: what was not sent yet.
#[derive(Debug)]
pub(super) struct Listener {
    queue: Mutex<Queue>,
    /// The last transition it knows.
    pub(super) knows: u64,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Bytes>,
    bytes: usize,
    waker: Option<Waker>,
    ended: bool,
}

impl Listener {
    pub(super) fn new(knows: u64) -> Self {
        Self { queue: Mutex::default(), knows }
    }

    /// Queues a message; `false` if that was too much.
    pub(super) fn push(&self, message: &Bytes) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let is_behind = !queue.messages.is_empty()
            && (queue.messages.len() >= MOST_MESSAGES || queue.bytes + message.len() > MOST_BYTES);
        if is_behind {
            let waker = queue.waker.take();
            *queue = Queue { ended: true, ..Queue::default() };
            drop(queue);
            waker.into_iter().for_each(Waker::wake);
            return false;
        }
        queue.bytes += message.len();
        queue.messages.push_back(message.clone());
        let waker = queue.waker.take();
        drop(queue);
        waker.into_iter().for_each(Waker::wake);
        true
    }
}

/// The body of an answer: the messages of one listener, until it goes or was too slow.
pub(crate) struct Events {
    pub(super) listener: Arc<Listener>,
    pub(super) hub: Arc<Hub>,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut queue = self.listener.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(message) = queue.messages.pop_front() {
            queue.bytes -= message.len();
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if queue.ended {
            return Poll::Ready(None);
        }
        queue.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.hub.leave(&self.listener);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
