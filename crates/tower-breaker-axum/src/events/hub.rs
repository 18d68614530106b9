use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use tokio::sync::Notify;
use tower_breaker_core::Transition;

use super::{
    listener::{Events, Listener},
    recent::{Happened, Recent, Told},
    row::now,
    ticker,
};
use crate::{problem::Problem, sets::Sets};

const FULL: Problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many listen already; try again later");

/// What the listeners of one router share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(super) sets: Sets,
    pub(super) interval: Duration,
    /// Whether commands are taken.
    pub(super) operator: bool,
    most: usize,
    /// Tells the numbers of this run of the program from those of another.
    born: u64,
    recent: Mutex<Recent>,
    listeners: Mutex<Listeners>,
    pub(super) wake: Notify,
}

#[derive(Debug, Default)]
struct Listeners {
    /// Those who have been told how all circuits are.
    told: Vec<Arc<Listener>>,
    /// Those who have not.
    new: Vec<Arc<Listener>>,
    /// There is a task that tells them.
    served: bool,
}

impl Hub {
    pub(crate) fn new(sets: Sets, interval: Duration, most: usize, operator: bool) -> Arc<Self> {
        let (recent, listeners) = (Mutex::default(), Mutex::default());
        let hub =
            Arc::new(Self { sets, interval, operator, most, born: now(), recent, listeners, wake: Notify::new() });
        for set in hub.sets.iter() {
            let label = Arc::clone(&set.label);
            // An observer cannot be taken back: it keeps nothing alive once the router is gone.
            let hub = Arc::downgrade(&hub);
            set.observe(move |transition: &Transition| {
                if let Some(hub) = hub.upgrade() {
                    hub.recent().push(now(), Arc::clone(&label), transition.clone());
                    hub.wake.notify_one();
                }
            });
        }
        hub
    }

    /// Begins to listen. `last_event_id` is what the listener was told last, before its connection broke.
    pub(crate) fn listen(self: &Arc<Self>, last_event_id: Option<&str>) -> Result<Events, Problem> {
        let knows = last_event_id.and_then(|id| {
            let (born, id) = id.split_once('-')?;
            id.parse().ok().filter(|_| born == self.born.to_string())
        });
        let listener = Arc::new(Listener::new(knows.unwrap_or(0)));
        let mut listeners = self.listeners();
        if listeners.told.len() + listeners.new.len() >= self.most {
            return Err(FULL);
        }
        listeners.new.push(Arc::clone(&listener));
        let is_served = std::mem::replace(&mut listeners.served, true);
        drop(listeners);
        if is_served {
            self.wake.notify_one();
        } else {
            tokio::spawn(ticker::run(ticker::Serving::new(Arc::clone(self))));
        }
        Ok(Events { listener, hub: Arc::clone(self) })
    }

    pub(super) fn leave(&self, listener: &Arc<Listener>) {
        let mut listeners = self.listeners();
        let listeners = &mut *listeners;
        for list in [&mut listeners.told, &mut listeners.new] {
            list.retain(|other| !Arc::ptr_eq(other, listener));
        }
    }

    pub(super) fn is_anybody_new(&self) -> bool {
        !self.listeners().new.is_empty()
    }

    /// Those who are new, who are so no longer.
    pub(super) fn welcome(&self) -> Vec<Arc<Listener>> {
        let mut listeners = self.listeners();
        let new = std::mem::take(&mut listeners.new);
        listeners.told.extend(new.iter().cloned());
        new
    }

    /// Whether nobody listens any more; then the task that asks is released.
    pub(super) fn is_deserted(&self) -> bool {
        let mut listeners = self.listeners();
        let is_deserted = listeners.told.is_empty() && listeners.new.is_empty();
        listeners.served = !is_deserted;
        is_deserted
    }

    /// The task has ended before its time.
    pub(super) fn is_served_no_more(&self) {
        self.listeners().served = false;
    }

    /// To all who are no longer new.
    pub(super) fn tell(&self, message: &Bytes) {
        let told = self.listeners().told.clone();
        for listener in told.iter().filter(|listener| !listener.push(message)) {
            self.leave(listener);
        }
    }

    pub(super) fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listeners(&self) -> MutexGuard<'_, Listeners> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Transitions as one message.
    pub(super) fn transitions(&self, happened: Vec<Happened>) -> Option<Bytes> {
        let last = happened.last()?.id;
        let told: Vec<Told> = happened.into_iter().map(Told::from).collect();
        Some(message(&format!("id: {}-{last}\nevent: transitions", self.born), &told))
    }
}

/// A message with these fields. JSON has no line breaks outside its texts, and there they are escaped.
pub(super) fn message(fields: &str, data: &impl Serialize) -> Bytes {
    let mut text = String::new();
    let data = serde_json::to_string(data).unwrap_or_default();
    let _ = write!(text, "{fields}\ndata: {data}\n\n");
    text.into()
}
