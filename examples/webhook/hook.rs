//! The observer, its queue, and the task that posts what is queued.

use std::{
    collections::VecDeque,
    error::Error,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::body::Body;
use http::{Request, Response, Uri, header};
use serde::Serialize;
use tokio::sync::Notify;
use tower::{Service, ServiceExt};
use tower_breaker::{Condition, Observe, Transition};

/// What is posted. `version` is raised when a field changes its meaning or goes.
#[derive(Debug, Serialize)]
struct Message {
    version: u32,
    circuit: String,
    from: &'static str,
    to: &'static str,
    mode: &'static str,
    generation: u64,
    /// Where it opened, as are the rates.
    reason: Option<&'static str>,
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    /// Of an entry to open.
    wait_ms: Option<u128>,
}

impl From<&Transition> for Message {
    fn from(transition: &Transition) -> Self {
        Self {
            version: 1,
            circuit: transition.circuit.to_string(),
            from: transition.from.as_str(),
            to: transition.to.as_str(),
            mode: transition.mode.as_str(),
            generation: transition.generation,
            reason: transition.condition.map(Condition::as_str),
            failure_rate: transition.failure_rate,
            slow_call_rate: transition.slow_call_rate,
            wait_ms: transition.wait.map(|wait| wait.as_millis()),
        }
    }
}

/// An observer that queues transitions for [`deliver`]. A transition costs the call that causes it a short lock and no
/// waiting, whatever the receiver does.
#[derive(Debug, Clone)]
pub(crate) struct Webhook {
    queue: Arc<Queue>,
}

#[derive(Debug)]
struct Queue {
    most: usize,
    inner: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Message>,
    dropped: u64,
    is_closed: bool,
}

impl Webhook {
    /// At most so many wait to be posted.
    pub(crate) fn new(most: usize) -> Self {
        Self { queue: Arc::new(Queue { most, inner: Mutex::default(), changed: Notify::new() }) }
    }

    /// How many had to make room for newer ones.
    pub(crate) fn dropped(&self) -> u64 {
        self.queue.lock().dropped
    }

    /// No more are taken; those that wait are still posted.
    pub(crate) fn close(&self) {
        self.queue.lock().is_closed = true;
        self.queue.changed.notify_one();
    }
}

impl Observe for Webhook {
    fn on_transition(&self, transition: &Transition) {
        let mut waiting = self.queue.lock();
        if waiting.is_closed {
            return;
        }
        // The newest say how things are; the oldest are history.
        if waiting.messages.len() == self.queue.most {
            waiting.messages.pop_front();
            waiting.dropped += 1;
        }
        waiting.messages.push_back(transition.into());
        drop(waiting);
        self.queue.changed.notify_one();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The oldest that waits. `None`: closed and empty.
    async fn next(&self) -> Option<Message> {
        loop {
            {
                let mut waiting = self.lock();
                let message = waiting.messages.pop_front();
                if message.is_some() || waiting.is_closed {
                    return message;
                }
            }
            // With one task that waits, a notification that comes before it does is kept for it.
            self.changed.notified().await;
        }
    }
}

/// What became of the messages that were not dropped.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) sent: u32,
    pub(crate) given_up: u32,
}

/// Posts what is queued, one after the other, until the hook is closed and empty.
pub(crate) async fn deliver<S>(hook: Webhook, to: Uri, process: String, mut service: S) -> Delivered
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Error + 'static>,
{
    let mut delivered = Delivered::default();
    for number in 1_u64.. {
        let Some(message) = hook.queue.next().await else { break };
        // The same key for each attempt: so a POST may be repeated, and a receiver that has it already leaves it.
        let key = format!("{process}-{number}");
        match post(&mut service, &to, &key, &message).await {
            Ok(()) => delivered.sent += 1,
            Err(problem) => {
                delivered.given_up += 1;
                println!("        hook: gave up {} {} -> {}: {problem}", message.circuit, message.from, message.to);
            }
        }
    }
    delivered
}

async fn post<S>(service: &mut S, to: &Uri, key: &str, message: &Message) -> Result<(), Box<dyn Error>>
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Error + 'static>,
{
    let request = Request::post(to)
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key)
        .body(Body::from(serde_json::to_vec(message)?))?;
    let status = service.ready().await?.call(request).await?.status();
    if status.is_success() { Ok(()) } else { Err(format!("answered {status}").into()) }
}
