//! A service that does what it is told, and the classifier that judges what it answers.

use std::{
    cell::Cell,
    panic,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use tower::Service;
use tower_breaker::{Outcome, Permit, classify::Classify};

/// What becomes of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fate {
    /// Nothing yet.
    Waits,
    Ends(Answer),
    Panics,
    /// Before there is a future.
    PanicsAtOnce,
}

/// An answer tells how it is to be judged, and whether it took as long as the clock says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    pub(crate) took: Option<Duration>,
}

/// A request, whose fate is decided while it is out.
pub(crate) type Request = Rc<Cell<Fate>>;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Readiness {
    Ready,
    Fails,
    Panics,
}

#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) readiness: Rc<Cell<Readiness>>,
}

fn panic_quietly() -> ! {
    panic::resume_unwind(Box::new("as drawn"))
}

impl Service<Request> for Scripted {
    type Response = Answer;
    type Error = Answer;
    type Future = Running;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Answer>> {
        match self.readiness.get() {
            Readiness::Ready => Poll::Ready(Ok(())),
            Readiness::Fails => Poll::Ready(Err(Answer { outcome: Outcome::Failure, took: None })),
            Readiness::Panics => panic_quietly(),
        }
    }

    fn call(&mut self, request: Request) -> Running {
        if matches!(request.get(), Fate::PanicsAtOnce) {
            panic_quietly();
        }
        Running(request)
    }
}

pub(crate) struct Running(Request);

impl Future for Running {
    type Output = Result<Answer, Answer>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        match self.0.get() {
            Fate::Waits => Poll::Pending,
            Fate::Ends(answer) if answer.outcome.is_failure() => Poll::Ready(Err(answer)),
            Fate::Ends(answer) => Poll::Ready(Ok(answer)),
            Fate::Panics | Fate::PanicsAtOnce => panic_quietly(),
        }
    }
}

/// Judges as the answer says.
#[derive(Clone)]
pub(crate) struct AsTold;

impl Classify<Request, Answer, Answer> for AsTold {
    type State = ();
    type Response = Answer;

    fn start(&self, _: &Request) {}

    fn end((): (), result: Result<Answer, Answer>, permit: Permit) -> Result<Answer, Answer> {
        let (Ok(answer) | Err(answer)) = result;
        match answer.took {
            Some(took) => permit.record_after(answer.outcome, took),
            None => permit.record(answer.outcome),
        }
        result
    }
}
