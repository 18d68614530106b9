//! When the service is ready, and what a refusal looks like from outside.

use std::{
    convert::Infallible,
    future::Pending,
    pin::pin,
    task::{Context, Poll},
    time::Duration,
};

use ::tower::{Layer, Service, ServiceExt};
use tokio::time::advance;
use tokio_test::{assert_pending, assert_ready, assert_ready_err, task};
use tower_breaker::{Circuit, CircuitBreaker, CircuitBreakerLayer, Error, OnCancel, Outcome, Reason, State};

use crate::support::{Broken, Echo, Hung, Stuck, WAIT, ask, built, circuit, config, is_ready, trip};

#[tokio::test(start_paused = true)]
async fn one_layer_on_two_services_is_one_state() {
    let layer = CircuitBreakerLayer::new(circuit(1));
    let (mut orders, mut invoices) = (layer.layer(Echo), layer.clone().layer(Echo));

    assert_eq!(ask(&mut orders, Err::<(), _>("down")).await, Err(Error::Inner("down")));

    let refused = ask(&mut invoices, Ok::<_, &str>(())).await;
    assert!(matches!(refused, Err(Error::CircuitOpen(_))));
}

#[tokio::test(start_paused = true)]
async fn the_refusal_carries_name_reason_and_remaining_wait() {
    let circuit = circuit(1);
    let mut service = CircuitBreaker::new(Echo, circuit.clone());
    trip(&circuit);
    advance(Duration::from_secs(4)).await;

    let refused = ask(&mut service, Ok::<(), &str>(())).await.unwrap_err();
    let refused = refused.rejected().unwrap();
    assert_eq!((refused.name(), refused.reason()), ("orders", Reason::Open));
    assert_eq!(refused.remaining(), Duration::from_secs(6));
}

#[tokio::test(start_paused = true)]
async fn refusing_is_ready_though_the_inner_service_is_pending_for_ever() {
    let circuit = circuit(1);
    let mut service = CircuitBreaker::new(Stuck, circuit.clone());
    assert!(!is_ready(&mut service));
    trip(&circuit);
    assert!(is_ready(&mut service));
    assert!(matches!(service.call(()).await, Err(Error::CircuitOpen(_))));
}

#[tokio::test(start_paused = true)]
async fn a_trip_wakes_those_who_wait_for_the_inner_service() {
    let circuit = circuit(1);
    let mut service = CircuitBreaker::new(Stuck, circuit.clone());
    let mut asker = task::spawn(service.ready());
    assert_pending!(asker.poll());
    trip(&circuit);
    assert!(asker.is_woken());
    assert!(assert_ready!(asker.poll()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_trip_between_asking_and_waiting_is_not_missed() {
    let circuit = circuit(1);
    // The inner service is asked in between, and trips the circuit there.
    let meanwhile = circuit.clone();
    let inner = Meanwhile(move || trip(&meanwhile));
    let mut service = CircuitBreaker::new(inner, circuit);
    let mut asker = task::spawn(service.ready());
    assert!(asker.poll().is_pending());
    assert!(asker.is_woken());
    assert!(asker.poll().is_ready());
    drop(asker);
    assert!(matches!(service.call(()).await, Err(Error::CircuitOpen(_))));
}

#[tokio::test(start_paused = true)]
async fn when_the_wait_is_over_one_asker_waits_for_a_stuck_service_and_the_rest_are_refused() {
    let circuit = circuit(1);
    let mut first = CircuitBreaker::new(Stuck, circuit.clone());
    let mut second = first.clone();
    trip(&circuit);
    advance(WAIT).await;

    assert!(!is_ready(&mut first));
    assert!(is_ready(&mut second));
    assert!(matches!(second.call(()).await, Err(Error::CircuitOpen(_))));
    // The one who waits may ask again and again.
    assert!(!is_ready(&mut first));

    // Its turn ends with it.
    drop(first);
    assert!(!is_ready(&mut second));
}

#[tokio::test(start_paused = true)]
async fn an_asker_who_waits_too_long_loses_its_turn() {
    let circuit = built(config(1).half_open_timeout(Duration::from_secs(5)));
    let mut first = CircuitBreaker::new(Stuck, circuit.clone());
    let mut second = first.clone();
    trip(&circuit);
    advance(WAIT).await;

    assert!(!is_ready(&mut first));
    assert!(is_ready(&mut second));
    advance(Duration::from_secs(5)).await;
    assert!(!is_ready(&mut second));
    assert!(is_ready(&mut first));
}

#[tokio::test(start_paused = true)]
async fn refused_by_poll_ready_is_refused_by_call_even_if_the_circuit_closed_since() {
    let circuit = circuit(1);
    let mut service = CircuitBreaker::new(Stuck, circuit.clone());
    trip(&circuit);
    assert!(is_ready(&mut service));
    circuit.reset();
    // `Stuck` panics when it is called without having been ready.
    assert!(matches!(service.call(()).await, Err(Error::CircuitOpen(_))));
    assert_eq!(circuit.snapshot().state, State::Closed);
}

#[test]
fn refusing_needs_no_timer_and_no_runtime() {
    let circuit = Circuit::new("orders", config(1).build().unwrap());
    let mut service = CircuitBreaker::new(Hung, circuit.clone());
    trip(&circuit);
    for _ in 0..10_000 {
        assert!(is_ready(&mut service));
        let mut call = task::spawn(service.call(()));
        assert!(matches!(assert_ready_err!(call.poll()), Error::CircuitOpen(_)));
    }
    let open = circuit.snapshot().refusals.open;
    // The one more is `trip`'s own.
    assert_eq!((open.detected, open.enforced), (10_001, 10_001));
}

#[tokio::test(start_paused = true)]
async fn errors_of_inner_readiness_are_failures_and_can_trip() {
    let circuit = circuit(2);
    let mut service = CircuitBreaker::new(Broken, circuit.clone());
    for _ in 0..2 {
        assert_eq!(service.ready().await.unwrap_err(), Error::Inner("connection lost"));
    }
    assert_eq!(circuit.state(), State::Open);
    // Refusing, it is ready.
    assert!(matches!(ask(&mut service, ()).await, Err(Error::CircuitOpen(_))));
    assert_eq!(circuit.snapshot().totals.failures, 2);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_in_inner_readiness_opens_again() {
    let circuit = circuit(1);
    let mut service = CircuitBreaker::new(Broken, circuit.clone());
    trip(&circuit);
    advance(WAIT).await;
    assert!(service.ready().await.is_err());
    let seen = circuit.snapshot();
    assert_eq!((seen.state, seen.opens), (State::Open, 2));
    assert!(!seen.ready_to_probe);
}

#[tokio::test(start_paused = true)]
async fn errors_of_inner_readiness_go_through_the_classifier() {
    let circuit = circuit(1);
    let judge = |result: &Result<(), &'static str>| match result {
        Err("connection lost") => Outcome::Ignored,
        _ => Outcome::Failure,
    };
    let mut service = CircuitBreakerLayer::new(circuit.clone()).classify(judge).layer(Broken);
    assert!(service.ready().await.is_err());
    assert_eq!(circuit.state(), State::Closed);
    assert_eq!(circuit.snapshot().totals.ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn an_asker_whose_inner_service_fails_passes_its_turn_on() {
    let circuit = circuit(1);
    // Ignored, so that the failure itself decides nothing.
    let judge = |_: &Result<(), &'static str>| Outcome::Ignored;
    let mut first = CircuitBreakerLayer::new(circuit.clone()).classify(judge).layer(Broken);
    let mut second = first.clone();
    trip(&circuit);
    advance(WAIT).await;
    assert!(first.ready().await.is_err());
    assert!(second.ready().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_ready_clone_that_never_calls_holds_no_probe_place() {
    let circuit = circuit(1);
    let mut idle = CircuitBreaker::new(Echo, circuit.clone());
    let mut busy = idle.clone();
    trip(&circuit);
    advance(WAIT).await;

    assert!(is_ready::<_, Result<(), &str>>(&mut idle));
    assert_eq!(ask(&mut busy, Ok::<_, &str>(1)).await, Ok(1));
    assert_eq!(circuit.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_clone_has_no_part_in_the_readiness_of_the_original() {
    let circuit = circuit(1);
    let mut service = CircuitBreaker::new(Echo, circuit.clone());
    trip(&circuit);
    assert!(is_ready::<_, Result<(), &str>>(&mut service));
    let mut clone = service.clone();
    circuit.reset();
    assert!(is_ready::<_, Result<(), &str>>(&mut clone));
    assert_eq!(clone.call(Ok::<_, &str>(1)).await, Ok(1));
    assert!(service.call(Ok::<_, &str>(1)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_is_judged_by_how_long_it_waited() {
    for (on_cancel, waited, failures) in [
        (None, 2_000, 1),
        (None, 50, 0),
        (Some(OnCancel::Ignore), 2_000, 0),
        (Some(OnCancel::Failure), 50, 1),
        (Some(OnCancel::FailureAfter(Duration::from_millis(10))), 50, 1),
    ] {
        let config = config(1);
        let circuit = built(match on_cancel {
            Some(on_cancel) => config.on_cancel(on_cancel),
            None => config,
        });
        let call = CircuitBreaker::new(Hung, circuit.clone()).oneshot(());
        let _ = tokio::time::timeout(Duration::from_millis(waited), call).await.unwrap_err();
        let totals = circuit.snapshot().totals;
        assert_eq!((totals.failures, totals.cancelled), (failures, 1 - failures), "{on_cancel:?} after {waited} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_made_and_never_polled_gives_its_place_back() {
    let circuit = circuit(1);
    let mut service = CircuitBreaker::new(Echo, circuit.clone());
    trip(&circuit);
    advance(WAIT).await;
    for _ in 0..3 {
        assert!(is_ready::<_, Result<(), &str>>(&mut service));
        drop(service.call(Ok::<(), &str>(())));
    }
    assert_eq!(ask(&mut service, Ok::<_, &str>(1)).await, Ok(1));
    assert_eq!(circuit.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "polled after it has ended")]
async fn a_refusal_polled_after_its_end_panics() {
    let circuit = circuit(1);
    let mut service = CircuitBreaker::new(Echo, circuit.clone());
    trip(&circuit);
    assert!(is_ready::<_, Result<(), &str>>(&mut service));
    let mut call = pin!(service.call(Ok::<(), &str>(())));
    let _ = call.as_mut().await;
    let _ = call.as_mut().await;
}

/// Not ready, and something else happens while it is asked.
struct Meanwhile<F>(F);

impl<F: Fn()> Service<()> for Meanwhile<F> {
    type Response = ();
    type Error = Infallible;
    type Future = Pending<Result<(), Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        (self.0)();
        Poll::Pending
    }

    fn call(&mut self, (): ()) -> Self::Future {
        unreachable!("never ready")
    }
}
