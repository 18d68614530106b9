//! Calls through the layer, around a service that does what it is told.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tower::{Layer, Service};
use tower_breaker::{Circuit, CircuitBreaker, CircuitBreakerLayer, Error, Outcome, Permit};

use crate::{
    model::way::{Refusal, Way, panics},
    scripted::{Answer, AsTold, Fate, Readiness, Request, Scripted},
};

type Guarded = CircuitBreaker<Scripted, AsTold>;
type Response = <Guarded as Service<Request>>::Future;
type Ended = Result<Answer, Error<Answer>>;

pub(crate) struct Layered {
    service: Guarded,
    readiness: Rc<Cell<Readiness>>,
    /// Was ready, and is not called: it may hold nothing.
    idle: Option<Guarded>,
    calls: usize,
}

/// A call that waits for its answer; or a permit that was asked for past the layer.
pub(crate) enum Call {
    Waiting { response: Pin<Box<Response>>, request: Request },
    Quiet(Permit),
}

fn cx() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

fn called(service: &mut Guarded, request: &Request) -> Pin<Box<Response>> {
    assert!(matches!(service.poll_ready(&mut cx()), Poll::Ready(Ok(()))), "the inner service is ready, or not asked");
    Box::pin(service.call(Rc::clone(request)))
}

fn refusal(ended: Ended) -> Option<Refusal> {
    match ended {
        Err(Error::CircuitOpen(rejected)) => Some((rejected.reason(), rejected.remaining())),
        _ => None,
    }
}

impl Layered {
    /// Calls and polls once, now the service itself and now a clone. `Pending` is let through.
    fn begin(&mut self, request: &Request) -> (Pin<Box<Response>>, Poll<Ended>) {
        self.calls += 1;
        let mut response = match self.calls % 3 {
            0 => called(&mut self.service, request),
            1 => called(&mut self.service.clone(), request),
            _ => {
                let mut idle = self.service.clone();
                assert!(idle.poll_ready(&mut cx()).is_ready());
                self.idle = Some(idle);
                called(&mut self.service.clone(), request)
            }
        };
        let polled = response.as_mut().poll(&mut cx());
        (response, polled)
    }
}

impl Way for Layered {
    type Call = Call;

    fn new(circuit: &Circuit) -> Self {
        let readiness = Rc::new(Cell::new(Readiness::Ready));
        let layer = CircuitBreakerLayer::new(circuit.clone()).classify(AsTold);
        let service = layer.layer(Scripted { readiness: Rc::clone(&readiness) });
        Self { service, readiness, idle: None, calls: 0 }
    }

    fn enter(&mut self) -> Result<Call, Refusal> {
        let request = Rc::new(Cell::new(Fate::Waits));
        match self.begin(&request) {
            (response, Poll::Pending) => Ok(Call::Waiting { response, request }),
            (_, Poll::Ready(ended)) => Err(refusal(ended).expect("nothing else ends what waits")),
        }
    }

    fn end(&mut self, call: Call, outcome: Outcome, took: Option<Duration>) {
        match call {
            Call::Waiting { mut response, request } => {
                request.set(Fate::Ends(Answer { outcome, took }));
                assert!(response.as_mut().poll(&mut cx()).is_ready());
            }
            Call::Quiet(permit) => match took {
                Some(took) => permit.record_after(outcome, took),
                None => permit.record(outcome),
            },
        }
    }

    fn panic(&mut self, call: Call) {
        match call {
            Call::Waiting { mut response, request } => {
                request.set(Fate::Panics);
                panics(|| response.as_mut().poll(&mut cx()));
            }
            Call::Quiet(permit) => permit.record(Outcome::Failure),
        }
    }

    fn run(&mut self, outcome: Option<Outcome>) -> Result<(), Refusal> {
        let fate = match outcome {
            Some(outcome) => Fate::Ends(Answer { outcome, took: None }),
            None if self.calls.is_multiple_of(2) => Fate::Panics,
            None => Fate::PanicsAtOnce,
        };
        let request = Rc::new(Cell::new(fate));
        let ended = panic::catch_unwind(AssertUnwindSafe(|| self.begin(&request).1));
        match (ended, outcome) {
            (Ok(Poll::Ready(ended)), _) => refusal(ended).map_or(Ok(()), Err),
            (Err(_), None) => Ok(()),
            _ => unreachable!("what is told to end ends"),
        }
    }

    fn enter_quietly(&mut self) -> Option<Call> {
        self.service.circuit().try_acquire_quietly().map(Call::Quiet)
    }

    fn fail_unready(&mut self) {
        self.calls += 1;
        // Where it would refuse it is ready, without asking the inner service.
        let refuses = self.service.circuit().would_refuse();
        let mut service = self.service.clone();
        let panics = self.calls.is_multiple_of(2);
        self.readiness.set(if panics { Readiness::Panics } else { Readiness::Fails });
        let polled = panic::catch_unwind(AssertUnwindSafe(|| service.poll_ready(&mut cx())));
        self.readiness.set(Readiness::Ready);
        match polled {
            Ok(Poll::Ready(Ok(()))) => assert!(refuses, "the inner service was not asked"),
            Ok(Poll::Ready(Err(_))) => assert!(!refuses && !panics, "the inner service was asked"),
            Ok(Poll::Pending) => panic!("nothing here is pending"),
            Err(_) => assert!(!refuses && panics, "the inner service was asked"),
        }
    }

    /// The layer does not tell.
    fn is_bypass(_: &Call) -> Option<bool> {
        None
    }
}
