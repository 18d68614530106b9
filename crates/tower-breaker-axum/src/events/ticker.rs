use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

use super::{
    hub::{Hub, message},
    row::Rows,
};

/// Transitions that follow each other within this are told in one message, so that a thousand circuits that open at once
/// are not a thousand messages.
const GATHER: Duration = Duration::from_millis(50);

/// The task that serves; if it ends early, another may begin.
#[derive(Debug)]
pub(super) struct Serving {
    hub: Arc<Hub>,
    is_over: bool,
}

impl Serving {
    pub(super) const fn new(hub: Arc<Hub>) -> Self {
        Self { hub, is_over: false }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if !self.is_over {
            self.hub.is_served_no_more();
        }
    }
}

pub(super) async fn run(mut serving: Serving) {
    let hub = Arc::clone(&serving.hub);
    let mut rows = Rows::default();
    let mut told = hub.recent().last();
    let mut next = Instant::now();
    loop {
        let woken = timeout_at(next, hub.wake.notified()).await.is_ok();
        if woken {
            sleep(GATHER).await;
        }
        // Those who are new are told of these with all that came before.
        let happened = hub.recent().after(told);
        told = happened.last().map_or(told, |last| last.id);
        if let Some(message) = hub.transitions(happened) {
            hub.tell(&message);
        }
        if Instant::now() >= next {
            next = Instant::now() + hub.interval;
            let summary = rows.look(&hub.sets).await;
            hub.tell(&message("event: summary", &summary));
        }
        welcome(&hub, &mut rows, told).await;
        if hub.is_deserted() {
            // Another may serve by now.
            serving.is_over = true;
            return;
        }
    }
}

async fn welcome(hub: &Hub, rows: &mut Rows, told: u64) {
    if !hub.is_anybody_new() {
        return;
    }
    let whole = message("retry: 1000\nevent: circuits", &rows.whole(&hub.sets, hub.interval, hub.operator).await);
    // With those who came meanwhile. From here on nothing is waited for: what is told next comes after this.
    for listener in hub.welcome() {
        listener.push(&whole);
        let mut missed = hub.recent().after(listener.knows);
        missed.retain(|happened| happened.id <= told);
        if let Some(message) = hub.transitions(missed) {
            listener.push(&message);
        }
    }
}
