//! A panic that passes through is a failure; a panic elsewhere is none.

use std::{
    future::{Future, poll_fn, ready},
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll},
};

use ::tower::{Service, ServiceExt, service_fn};
use tokio::time::advance;
use tokio_test::task;
use tower_breaker::{Circuit, CircuitBreaker, State};

use crate::support::{Hung, WAIT, ask, circuit, trip};

fn caught(f: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err());
}

#[tokio::test(start_paused = true)]
async fn in_call_is_a_failure() {
    let circuit = circuit(1);
    let inner = service_fn(|(): ()| -> std::future::Ready<Result<(), ()>> { panic!("in call") });
    let mut service = CircuitBreaker::new(inner, circuit.clone());
    service.ready().await.unwrap();
    caught(|| drop(service.call(())));
    assert_eq!(circuit.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn in_the_future_is_a_failure_once() {
    let circuit = circuit(2);
    let inner = service_fn(|(): ()| poll_fn(|_| -> Poll<Result<(), ()>> { panic!("in the future") }));
    let mut service = CircuitBreaker::new(inner, circuit.clone());
    let mut call = task::spawn(service.ready().await.unwrap().call(()));
    caught(|| drop(call.poll()));
    drop(call);
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.cancelled), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn in_readiness_is_a_failure() {
    struct Bomb;

    impl Service<()> for Bomb {
        type Response = ();
        type Error = ();
        type Future = std::future::Ready<Result<(), ()>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            panic!("in poll_ready")
        }

        fn call(&mut self, (): ()) -> Self::Future {
            ready(Ok(()))
        }
    }

    let circuit = circuit(1);
    let mut service = CircuitBreaker::new(Bomb, circuit.clone());
    caught(|| drop(task::spawn(service.ready()).poll()));
    assert_eq!(circuit.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn of_a_probe_opens_again_and_frees_its_place() {
    let circuit = circuit(1);
    let inner = service_fn(|panics: bool| async move {
        assert!(!panics);
        Ok::<_, ()>(())
    });
    let mut service = CircuitBreaker::new(inner, circuit.clone());
    trip(&circuit);
    advance(WAIT).await;
    let mut call = task::spawn(service.ready().await.unwrap().call(true));
    caught(|| drop(call.poll()));
    assert_eq!(circuit.state(), State::Open);
    advance(WAIT * 2).await;
    ask(&mut service, false).await.unwrap();
    assert_eq!(circuit.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn of_the_caller_is_no_failure_of_a_healthy_call() {
    fn panics_with_a_call_in_flight(circuit: &Circuit) {
        let mut service = CircuitBreaker::new(Hung, circuit.clone());
        let mut call = task::spawn(async move { ask(&mut service, ()).await });
        assert!(call.poll().is_pending());
        panic!("the caller's own");
    }

    let circuit = circuit(1);
    caught(|| panics_with_a_call_in_flight(&circuit));
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.cancelled), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn caught_further_in_is_what_the_inner_service_makes_of_it() {
    let circuit = circuit(1);
    let inner = service_fn(|(): ()| {
        let mut caught = Box::pin(async { panic!("further in") as Result<(), &str> });
        poll_fn(move |cx| {
            catch_unwind(AssertUnwindSafe(|| caught.as_mut().poll(cx))).unwrap_or(Poll::Ready(Err("panicked")))
        })
    });
    let mut service = CircuitBreaker::new(inner, circuit.clone());
    assert!(ask(&mut service, ()).await.is_err());
    assert_eq!(circuit.state(), State::Open);
    assert_eq!(circuit.snapshot().totals.failures, 1);
}
