//! The service that has the incident: a queue before a few workers. A caller that goes away is not noticed: the work it
//! asked for is done all the same, for nobody.

use std::{
    collections::VecDeque,
    error::Error as StdError,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep, sleep_until},
};
use tower_service::Service;

use crate::incident::{Answers, BEFORE, Plan, SERVICE};

/// What it takes to say no.
const NO: Duration = Duration::from_millis(1);

#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed")
    }
}

impl StdError for Failed {}

/// Attempts that reached it during the incident.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Attempts {
    pub(crate) sent: u64,
    /// Answered well, while somebody still waited for it.
    pub(crate) useful: u64,
}

#[derive(Debug)]
struct State {
    busy: usize,
    queue: VecDeque<Job>,
    chance: fastrand::Rng,
    during: Attempts,
}

#[derive(Debug)]
struct Job {
    answer: oneshot::Sender<()>,
    came_during: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Backend {
    plan: Plan,
    started: Instant,
    state: Arc<Mutex<State>>,
}

impl Backend {
    pub(crate) fn new(plan: Plan) -> Self {
        let chance = fastrand::Rng::with_seed(plan.seed.wrapping_add(7));
        let state = State { busy: 0, queue: VecDeque::new(), chance, during: Attempts::default() };
        let backend = Self { plan, started: Instant::now(), state: Arc::new(Mutex::new(state)) };
        // Workers that come back find what queues.
        let returning = backend.clone();
        tokio::spawn(async move {
            sleep_until(returning.started + returning.plan.end()).await;
            returning.work();
        });
        debug_assert!(plan.end() > BEFORE);
        backend
    }

    pub(crate) fn attempts(&self) -> Attempts {
        self.state.lock().expect("no panic").during
    }

    fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Gives idle workers what queues.
    fn work(&self) {
        let condition = self.plan.condition(self.age());
        let mut state = self.state.lock().expect("no panic");
        while state.busy < condition.workers
            && let Some(job) = state.queue.pop_front()
        {
            state.busy += 1;
            // Between a half and three halves of the mean.
            let takes = SERVICE.mul_f64(0.5 + state.chance.f64()) * condition.slower;
            let backend = self.clone();
            tokio::spawn(async move {
                sleep(takes).await;
                backend.done(job);
            });
        }
    }

    fn done(&self, job: Job) {
        let heard = job.answer.send(()).is_ok();
        {
            let mut state = self.state.lock().expect("no panic");
            state.busy -= 1;
            state.during.useful += u64::from(heard && job.came_during);
        }
        self.work();
    }

    fn take(&self) -> Taken {
        let (age, came_during) = (self.age(), self.plan.is_under_way(self.age()));
        let mut state = self.state.lock().expect("no panic");
        state.during.sent += u64::from(came_during);
        match self.plan.condition(age).answers {
            Answers::Never => Taken::Hangs,
            Answers::AtOnceWithAnError => Taken::No,
            Answers::Well if state.queue.len() >= self.plan.incident.longest_queue() => Taken::No,
            Answers::Well => {
                let (answer, answered) = oneshot::channel();
                state.queue.push_back(Job { answer, came_during });
                drop(state);
                self.work();
                Taken::Queued(answered)
            }
        }
    }
}

enum Taken {
    Hangs,
    No,
    Queued(oneshot::Receiver<()>),
}

impl Service<u64> for Backend {
    type Response = ();
    type Error = Failed;
    type Future = Pin<Box<dyn Future<Output = Result<(), Failed>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failed>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: u64) -> Self::Future {
        let backend = self.clone();
        Box::pin(async move {
            match backend.take() {
                Taken::Hangs => std::future::pending().await,
                Taken::No => {
                    sleep(NO).await;
                    Err(Failed)
                }
                Taken::Queued(answered) => answered.await.map_err(|_| Failed),
            }
        })
    }
}
