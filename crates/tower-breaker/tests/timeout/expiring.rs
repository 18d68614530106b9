//! What is inside is told that the time is over.

use super::*;

// Shorter than `on_cancel`'s second, so that only what is told makes a failure.
const SHORT: Duration = Duration::from_millis(100);

#[tokio::test(start_paused = true)]
async fn expiring_makes_the_attempt_under_way_a_failure() {
    let circuit = circuit(9);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Hung);
    let service = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError).layer(guarded);
    assert!(timed_out(service.oneshot(()).await).is_some());
    assert_eq!(totals(&circuit), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn without_expiring_the_attempt_under_way_follows_on_cancel() {
    let circuit = circuit(9);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Hung);
    let service = TimeoutLayer::whole(SHORT).refuse(AsSameError).layer(guarded);
    assert!(timed_out(service.oneshot(()).await).is_some());
    assert_eq!(totals(&circuit), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_first_follows_on_cancel() {
    let circuit = circuit(9);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Hung);
    let mut service = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError).layer(guarded);
    let mut call = task::spawn(service.call(()));
    assert!(call.poll().is_pending());
    advance(SHORT - MILLI).await;
    drop(call);
    assert_eq!(totals(&circuit), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn expiring_while_the_inner_service_is_not_ready_is_a_failure() {
    let circuit = circuit(9);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Stuck);
    let service = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError).layer(guarded);
    assert!(timed_out(service.oneshot(()).await).is_some());
    assert_eq!(totals(&circuit), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn expiring_a_probe_that_waits_for_readiness_opens_the_circuit_again() {
    let circuit = circuit(1);
    trip(&circuit);
    advance(WAIT).await;
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Stuck);
    let service = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError).layer(guarded);
    assert!(timed_out(service.oneshot(()).await).is_some());
    let snapshot = circuit.snapshot();
    assert_eq!((snapshot.state, snapshot.ready_to_probe), (State::Open, false));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_told_anything() {
    let circuit = circuit(1);
    trip(&circuit);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Hung);
    let service = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError).layer(guarded);
    assert!(matches!(service.oneshot(()).await, Err(Error::CircuitOpen(_))));
    assert_eq!(totals(&circuit), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn expiring_passes_timeouts_between() {
    let circuit = circuit(9);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Hung);
    let inner = TimeoutLayer::attempt(SECOND).refuse(AsSameError).layer(guarded);
    let inner = TimeoutLayer::whole(SECOND).refuse(AsSameError).layer(inner);
    let service = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError).layer(inner);
    assert_eq!(timed_out(service.oneshot(()).await), Some(TimedOut::new(TimeoutKind::Whole, SHORT)));
    assert_eq!(totals(&circuit), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn expiring_passes_expiring_timeouts_between() {
    let circuit = circuit(9);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Hung);
    let inner = TimeoutLayer::whole(SECOND).expiring().refuse(AsSameError).layer(guarded);
    let service = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError).layer(inner);
    assert_eq!(timed_out(service.oneshot(()).await), Some(TimedOut::new(TimeoutKind::Whole, SHORT)));
    assert_eq!(totals(&circuit), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn expiring_passes_stages_between_that_wait_for_readiness() {
    let circuit = circuit(9);
    let guarded = || CircuitBreakerLayer::new(circuit.clone()).layer(Stuck);
    let layer = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError);
    let tried = TimeoutLayer::attempt(SECOND).refuse(AsSameError).layer(guarded());
    assert!(timed_out(layer.layer(tried).oneshot(()).await).is_some());
    assert_eq!(totals(&circuit), (1, 0), "through a timeout");
    let retried = RetryLayer::new(RetryConfig::default()).layer(guarded());
    assert!(timed_out(layer.layer(retried).oneshot(()).await).is_some());
    assert_eq!(totals(&circuit), (2, 0), "through a retry");
    let limit = RateLimitLayer::new(1.0, 2).unwrap();
    assert!(timed_out(layer.layer(limit.layer(guarded())).oneshot(()).await).is_some());
    assert_eq!(totals(&circuit), (3, 0), "through a rate limit");
}

#[tokio::test(start_paused = true)]
async fn expiring_passes_a_rate_limit_between() {
    let circuit = circuit(9);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).layer(Hung);
    let limited = RateLimitLayer::new(1.0, 1).unwrap().layer(guarded);
    let service = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError).layer(limited);
    assert!(timed_out(service.clone().oneshot(()).await).is_some());
    assert_eq!(totals(&circuit), (1, 0));
    assert!(matches!(service.oneshot(()).await, Err(Error::RateLimited(_))));
    assert_eq!(totals(&circuit), (1, 0), "one that got no further");
}

#[tokio::test(start_paused = true)]
async fn expiring_makes_a_failure_of_the_requests_own_circuit() {
    for (stuck, host) in [(false, "hung.internal"), (true, "stuck.internal")] {
        let circuits = Circuits::builder().config(config(9).build().unwrap()).clock(TokioClock::new()).build();
        let inner = service_fn(|_: Request<()>| pending::<Result<(), Infallible>>());
        let inner = Gated { open: !stuck, inner };
        let guarded = KeyedCircuitBreakerLayer::new(circuits.clone(), key::host()).layer(inner);
        let service = TimeoutLayer::whole(SHORT).expiring().refuse(AsSameError).layer(guarded);
        let request = Request::get(format!("http://{host}/")).body(()).unwrap();
        assert!(timed_out(service.oneshot(request).await).is_some());
        assert_eq!(totals(&circuits.get(host).unwrap()), (1, 0));
    }
}

/// Ready only where it is open.
#[derive(Clone)]
struct Gated<S> {
    open: bool,
    inner: S,
}

impl<S: Service<Req>, Req> Service<Req> for Gated<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if self.open { self.inner.poll_ready(cx) } else { Poll::Pending }
    }

    fn call(&mut self, request: Req) -> S::Future {
        self.inner.call(request)
    }
}

// To the end of the body.
