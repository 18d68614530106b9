//! Callers that come whatever became of those before, and what became of each.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

use crate::{
    backend::{Attempts, Backend},
    incident::Plan,
    stacks::Stack,
};

/// Nobody waits longer for an answer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Answered,
    Failed,
    /// By the stack itself: the backend was not asked, or not once more.
    Refused,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) came: Duration,
    pub(crate) took: Duration,
    pub(crate) ending: Ending,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) calls: Vec<Call>,
    pub(crate) during: Attempts,
}

/// Plays a plan against a stack, on a thread and a time of its own.
pub(crate) fn play(plan: &Plan, stack: Stack) -> Run {
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let (run, in_step) = runtime.expect("a runtime").block_on(play_once(*plan, stack));
        // A run in which a peer's clock got ahead of this one's says nothing.
        if in_step {
            return run;
        }
    }
}

async fn play_once(plan: Plan, stack: Stack) -> (Run, bool) {
    let started = Instant::now();
    let backend = Backend::new(plan);
    let mut built = stack.build(&backend, plan.seed);
    let calls = Arc::new(Mutex::new(Vec::new()));
    for (number, came) in (0..).zip(plan.arrivals()) {
        sleep_until(started + came).await;
        let (call, calls) = ((built.call)(number), Arc::clone(&calls));
        tokio::spawn(async move {
            let came = started.elapsed();
            let ending = call.await;
            let took = started.elapsed() - came;
            // A timer is a millisecond wide.
            let ending = if took > DEADLINE + Duration::from_millis(2) { Ending::Failed } else { ending };
            calls.lock().expect("no panic").push(Call { came, took, ending });
        });
    }
    sleep_until(Instant::now() + 2 * DEADLINE).await;
    let calls = std::mem::take(&mut *calls.lock().expect("no panic"));
    (Run { calls, during: backend.attempts() }, (built.in_step)())
}
