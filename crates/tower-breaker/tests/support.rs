//! Circuits on tokio's time, and inner services that misbehave on purpose.

use std::{
    convert::Infallible,
    future::{Pending, Ready, pending, ready},
    task::{Context, Poll, Waker},
    time::Duration,
};

use ::tower::{Service, ServiceExt};
use tower_breaker::{Circuit, CircuitBreakerConfig, CircuitBreakerConfigBuilder, Outcome, TokioClock};

/// The wait of an open circuit in these tests.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// `failures` in a row open it, one success closes it, no jitter.
pub(crate) fn config(failures: u32) -> CircuitBreakerConfigBuilder {
    CircuitBreakerConfig::builder()
        .failure_threshold(failures)
        .failure_rate_threshold(None)
        .open_duration(WAIT)
        .open_duration_jitter(0.0)
        .success_threshold(1)
}

/// A circuit on tokio's time.
pub(crate) fn circuit(failures: u32) -> Circuit {
    built(config(failures))
}

pub(crate) fn built(config: CircuitBreakerConfigBuilder) -> Circuit {
    Circuit::builder("orders").config(config.build().unwrap()).clock(TokioClock::new()).build()
}

/// Opens a circuit by failures of calls made elsewhere.
pub(crate) fn trip(circuit: &Circuit) {
    while let Ok(permit) = circuit.try_acquire() {
        permit.record(Outcome::Failure);
    }
}

/// A `Context` nobody is woken through.
pub(crate) fn idle() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

pub(crate) fn is_ready<S: Service<Req>, Req>(service: &mut S) -> bool {
    match service.poll_ready(&mut idle()) {
        Poll::Ready(Ok(())) => true,
        Poll::Ready(Err(_)) => panic!("poll_ready failed"),
        Poll::Pending => false,
    }
}

/// A whole call: waits until the service is ready, and for the answer. An hour of test time is too long for that.
pub(crate) async fn ask<S: Service<Req>, Req>(service: &mut S, request: Req) -> Result<S::Response, S::Error> {
    let call = async { service.ready().await?.call(request).await };
    let hour = Duration::from_secs(3_600);
    tokio::time::timeout(hour, call).await.expect("an answer within an hour")
}

/// Answers what it is asked: `Ok` requests with a success, `Err` ones with an error.
#[derive(Clone, Debug)]
pub(crate) struct Echo;

impl<T, E> Service<Result<T, E>> for Echo {
    type Response = T;
    type Error = E;
    type Future = Ready<Result<T, E>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, answer: Result<T, E>) -> Self::Future {
        ready(answer)
    }
}

/// Answers an HTTP request with what it carries.
impl<T, E> Service<http::Request<Result<T, E>>> for Echo {
    type Response = T;
    type Error = E;
    type Future = Ready<Result<T, E>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), E>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Result<T, E>>) -> Self::Future {
        ready(request.into_body())
    }
}

/// Never ready.
#[derive(Clone, Debug)]
pub(crate) struct Stuck;

impl Service<()> for Stuck {
    type Response = ();
    type Error = Infallible;
    type Future = Pending<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        panic!("called though it was never ready")
    }
}

/// Takes every call and never answers.
#[derive(Clone, Debug)]
pub(crate) struct Hung;

impl Service<()> for Hung {
    type Response = ();
    type Error = Infallible;
    type Future = Pending<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        pending()
    }
}

/// Its `poll_ready` fails.
#[derive(Clone, Debug)]
pub(crate) struct Broken;

impl Service<()> for Broken {
    type Response = ();
    type Error = &'static str;
    type Future = Pending<Result<(), &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Err("connection lost"))
    }

    fn call(&mut self, (): ()) -> Self::Future {
        panic!("called though it was never ready")
    }
}
