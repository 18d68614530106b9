//! The two ways a trace's calls are made: with permits, and through the layer.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use tower::{Layer, Service};
use tower_breaker::{Circuit, CircuitBreaker, CircuitBreakerLayer, Error, Outcome, Permit, Rejected};

use crate::scripted::{Answer, AsTold, Fate, Readiness, Request, Scripted};

pub(crate) trait Way {
    /// A call that was let through.
    type Call;

    fn new(circuit: &Circuit) -> Self;

    fn ask(&mut self) -> Result<Self::Call, Rejected>;

    /// Ends a call, after `took` where the duration is not the clock's.
    fn end(&mut self, call: Self::Call, outcome: Outcome, took: Option<Duration>);
}

pub(crate) struct Permits(Circuit);

impl Way for Permits {
    type Call = Permit;

    fn new(circuit: &Circuit) -> Self {
        Self(circuit.clone())
    }

    fn ask(&mut self) -> Result<Permit, Rejected> {
        self.0.try_acquire()
    }

    fn end(&mut self, permit: Permit, outcome: Outcome, took: Option<Duration>) {
        match took {
            Some(took) => permit.record_after(outcome, took),
            None => permit.record(outcome),
        }
    }
}

type Guarded = CircuitBreaker<Scripted, AsTold>;

/// Around a service whose calls wait until a step ends them.
pub(crate) struct Layered(Guarded);

pub(crate) struct Call {
    response: Pin<Box<<Guarded as Service<Request>>::Future>>,
    request: Request,
}

impl Call {
    fn poll(&mut self) -> Poll<Result<Answer, Error<Answer>>> {
        self.response.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }
}

impl Way for Layered {
    type Call = Call;

    fn new(circuit: &Circuit) -> Self {
        let readiness = Rc::new(Cell::new(Readiness::Ready));
        Self(CircuitBreakerLayer::new(circuit.clone()).classify(AsTold).layer(Scripted { readiness }))
    }

    /// Each call from a clone of the service, as servers make them.
    fn ask(&mut self) -> Result<Call, Rejected> {
        let mut service = self.0.clone();
        let ready = service.poll_ready(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(ready, Poll::Ready(Ok(()))), "a refusal is no error, and the inner service is ready");
        let request = Rc::new(Cell::new(Fate::Waits));
        let mut call = Call { response: Box::pin(service.call(Rc::clone(&request))), request };
        match call.poll() {
            Poll::Pending => Ok(call),
            Poll::Ready(Err(Error::CircuitOpen(rejected))) => Err(rejected),
            Poll::Ready(other) => panic!("a call that waits ended in {other:?}"),
        }
    }

    fn end(&mut self, mut call: Call, outcome: Outcome, took: Option<Duration>) {
        call.request.set(Fate::Ends(Answer { outcome, took }));
        assert!(call.poll().is_ready(), "the service has answered");
    }
}
