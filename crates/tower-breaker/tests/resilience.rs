//! All stages around one service, in their order.

mod bodies;
mod outermost;

use std::{
    convert::Infallible,
    future::pending,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::axum::{
    Router,
    body::Body,
    http::{Request, StatusCode},
    routing::get,
};
use ::tower::{Layer, Service, ServiceExt, service_fn};
use tokio::time::{Instant, advance, timeout};
use tower_breaker::{
    Bulkhead, Circuit, CircuitBreakerConfig, Error, Figure, Figures, Outcome, RateLimitLayer, ResilienceLayer,
    SlidingWindow, State, TimeoutKind,
    classify::{self, ErrorsAreFailures},
    retry::{BufferBody, Jitter, RetryConfig},
};

use crate::support::{Stuck, WAIT, circuit, trip};

const SECOND: Duration = Duration::from_secs(1);

type Answer = Result<u32, io::Error>;

/// A service that counts its calls and answers by their number, from 1.
fn counted<F: Future<Output = Answer>>(
    answer: impl Fn(u32) -> F + Clone,
) -> (impl Service<u32, Response = u32, Error = io::Error, Future = F> + Clone, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let service = service_fn(move |_: u32| {
        let call = u32::try_from(seen.fetch_add(1, Ordering::SeqCst)).unwrap() + 1;
        answer(call)
    });
    (service, calls)
}

fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

fn retry(attempts: u32) -> RetryConfig {
    RetryConfig::builder().attempts(attempts).jitter(Jitter::None).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_twice_is_answered_at_the_third_attempt() {
    let (service, calls) = counted(|call| async move { if call < 3 { Err(broken()) } else { Ok(call) } });
    let circuit = circuit(9);
    let layer = ResilienceLayer::builder().retry(retry(3)).circuit(circuit.clone()).build().unwrap();
    assert_eq!(layer.layer(service).oneshot(0).await.unwrap(), 3);
    // Each attempt was judged by itself.
    assert_eq!((circuit.snapshot().totals.failures, circuit.snapshot().totals.successes), (2, 1));
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn of_a_retrys_own_time_and_the_whole_the_smaller_one_holds() {
    // Waits of 100, 200, 400 ms: what is not begun within 250 ms is the third attempt.
    let (short, long) = (Some(Duration::from_millis(250)), Some(SECOND));
    for (own, whole) in [(short, None), (None, short), (short, long), (long, short)] {
        let (service, calls) = counted(|_| async { Err(broken()) });
        let config = RetryConfig::builder().attempts(4).jitter(Jitter::None).total_timeout(own).build().unwrap();
        let layer = ResilienceLayer::builder().retry(config).timeout(whole).build().unwrap();
        let start = Instant::now();
        let answer = layer.layer(service).oneshot(0).await;
        assert!(matches!(answer, Err(Error::Inner(_))), "{own:?} and {whole:?}");
        assert_eq!((calls.load(Ordering::SeqCst), start.elapsed()), (2, SECOND / 10), "{own:?} and {whole:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_never_answers_trips_its_circuit_through_the_attempt_timeout() {
    let (service, calls) = counted(|_| pending::<Answer>());
    let circuit = circuit(3);
    let layer = ResilienceLayer::builder()
        .timeout(SECOND * 10)
        .attempt_timeout(SECOND)
        .retry(retry(5))
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let mut service = layer.layer(service);
    let start = Instant::now();
    let answer = service.ready().await.unwrap().call(0).await;
    // The third attempt opened the circuit: its own result comes back, unwaited.
    assert!(matches!(answer, Err(Error::TimedOut(late)) if late.kind() == TimeoutKind::Attempt), "{answer:?}");
    assert_eq!(start.elapsed(), SECOND * 3 + Duration::from_millis(300));
    assert_eq!((circuit.state(), calls.load(Ordering::SeqCst)), (State::Open, 3));
    // From here on nobody waits.
    let start = Instant::now();
    assert!(matches!(service.ready().await.unwrap().call(0).await, Err(Error::CircuitOpen(_))));
    assert_eq!((start.elapsed(), calls.load(Ordering::SeqCst)), (Duration::ZERO, 3));
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_refuses_at_once_while_hung_calls_fill_the_bulkhead() {
    let (service, _calls) = counted(|_| pending::<Answer>());
    let circuit = circuit(1);
    let bulkhead = Bulkhead::builder(64).max_queue(64).build().unwrap();
    let layer = ResilienceLayer::builder().bulkhead(bulkhead.clone()).circuit(circuit.clone()).build().unwrap();
    let service = layer.layer(service);
    let mut hung: Vec<_> = (0..65).map(|_| Box::pin(service.clone().oneshot(0))).collect();
    for call in &mut hung {
        assert!(futures_poll(call).is_none());
    }
    trip(&circuit);
    let start = Instant::now();
    assert!(matches!(service.oneshot(0).await, Err(Error::CircuitOpen(_))));
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!((bulkhead.figures().in_use, bulkhead.figures().queued), (64, 1));
}

/// Polls once; `None`: pending.
fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    match std::pin::Pin::new(future).poll(&mut crate::support::idle()) {
        std::task::Poll::Ready(output) => Some(output),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_timeout_is_a_failure_of_the_attempt_under_way_and_a_caller_who_leaves_is_not() {
    let (service, _calls) = counted(|_| pending::<Answer>());
    let circuit = circuit(9);
    let layer = ResilienceLayer::builder()
        .timeout(Duration::from_millis(500))
        .retry(retry(3))
        .bulkhead(Bulkhead::new(8).unwrap())
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let service = layer.layer(service);
    let answer = service.clone().oneshot(0).await;
    assert!(matches!(answer, Err(Error::TimedOut(late)) if late.kind() == TimeoutKind::Whole), "{answer:?}");
    assert_eq!(circuit.snapshot().totals.failures, 1);
    // Less than the second that makes a failure of silence.
    assert!(timeout(Duration::from_millis(400), service.oneshot(0)).await.is_err());
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.cancelled), (1, 1));
}

/// [`Stuck`] panics where it is called.
#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_is_not_called_whatever_stages_are_on_and_its_time_is_a_failure() {
    let circuit = circuit(9);
    let all = ResilienceLayer::builder().timeout(SECOND);
    let guarded = all.clone().circuit(circuit.clone());
    let limited = guarded.clone().rate_limit(RateLimitLayer::new(1.0, 9).unwrap());
    let held = guarded.clone().bulkhead(Bulkhead::new(9).unwrap());
    let repeated = guarded.clone().retry(retry(2)).attempt_timeout(SECOND / 2);

    assert!(matches!(all.build().unwrap().layer(Stuck).oneshot(()).await, Err(Error::TimedOut(_))));
    assert!(matches!(guarded.build().unwrap().layer(Stuck).oneshot(()).await, Err(Error::TimedOut(_))));
    assert!(matches!(limited.build().unwrap().layer(Stuck).oneshot(()).await, Err(Error::TimedOut(_))));
    assert!(matches!(held.build().unwrap().layer(Stuck).oneshot(()).await, Err(Error::TimedOut(_))));
    assert!(matches!(repeated.build().unwrap().layer(Stuck).oneshot(()).await, Err(Error::TimedOut(_))));
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.calls()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn what_bulkhead_and_rate_limit_refuse_never_reaches_the_breaker_and_is_not_retried() {
    let (service, calls) = counted(|_| pending::<Answer>());
    let circuit = circuit(1);
    let stack = || ResilienceLayer::builder().retry(retry(3)).circuit(circuit.clone());
    let full = stack().bulkhead(Bulkhead::new(1).unwrap()).build().unwrap().layer(service.clone());
    let mut hung = Box::pin(full.clone().oneshot(0));
    assert!(futures_poll(&mut hung).is_none());
    assert!(matches!(full.oneshot(0).await, Err(Error::BulkheadFull(_))));
    let limited = stack().rate_limit(RateLimitLayer::new(1.0, 1).unwrap()).build().unwrap().layer(service);
    let mut first = Box::pin(limited.clone().oneshot(0));
    assert!(futures_poll(&mut first).is_none());
    assert!(matches!(limited.oneshot(0).await, Err(Error::RateLimited(_))));
    assert_eq!((circuit.state(), calls.load(Ordering::SeqCst)), (State::Closed, 2));
    assert_eq!(circuit.snapshot().totals.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn queueing_counts_against_the_whole_timeout() {
    let (service, _calls) = counted(|_| pending::<Answer>());
    let layer = ResilienceLayer::builder()
        .timeout(SECOND)
        .bulkhead(Bulkhead::builder(1).max_queue(8).build().unwrap())
        .build()
        .unwrap();
    let service = layer.layer(service);
    let mut hung = Box::pin(service.clone().oneshot(0));
    assert!(futures_poll(&mut hung).is_none());
    advance(Duration::from_millis(900)).await;
    let start = Instant::now();
    let queued = service.oneshot(0);
    let answer = tokio::join!(hung, queued).1;
    // The first one's time is over before, and frees the place for what is left.
    assert!(matches!(answer, Err(Error::TimedOut(_))), "{answer:?}");
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_another_attempt_holds_no_place() {
    let (service, calls) = counted(|call| async move { if call == 1 { Err(broken()) } else { Ok(call) } });
    let bulkhead = Bulkhead::builder(1).build().unwrap();
    let layer = ResilienceLayer::builder().retry(retry(2)).bulkhead(bulkhead.clone()).build().unwrap();
    let service = layer.layer(service);
    let mut waits = Box::pin(service.clone().oneshot(0));
    assert!(futures_poll(&mut waits).is_none());
    assert_eq!((calls.load(Ordering::SeqCst), bulkhead.figures().in_use), (1, 0));
    let start = Instant::now();
    assert_eq!(service.oneshot(0).await.unwrap(), 2, "the only place is free");
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(waits.await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn no_token_is_spent_on_a_call_that_the_circuit_refuses() {
    let (service, _calls) = counted(|call| async move { Ok(call) });
    let circuit = circuit(1);
    let limit = RateLimitLayer::new(0.001, 1).unwrap();
    let layer = ResilienceLayer::builder().rate_limit(limit).circuit(circuit.clone()).build().unwrap();
    let service = layer.layer(service);
    trip(&circuit);
    assert!(matches!(service.clone().oneshot(0).await, Err(Error::CircuitOpen(_))));
    advance(WAIT).await;
    assert_eq!(service.oneshot(0).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn with_every_stage_off_nothing_changes() {
    let (service, calls) = counted(|call| async move { if call == 1 { Ok(1) } else { Err(broken()) } });
    let layer = ResilienceLayer::builder().build().unwrap();
    let service = layer.layer(service);
    assert_eq!(service.clone().oneshot(0).await.unwrap(), 1);
    assert!(matches!(service.oneshot(0).await, Err(Error::Inner(_))));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn around_boxed_errors_it_speaks_boxed_errors() {
    let service = service_fn(|_: u32| async { Err::<u32, tower_breaker::refuse::BoxError>("down".into()) });
    let circuit = circuit(1);
    let layer = ResilienceLayer::builder().boxed().circuit(circuit.clone()).build().unwrap();
    let service = layer.layer(service);
    assert_eq!(service.clone().oneshot(0).await.unwrap_err().to_string(), "down");
    let refused = service.oneshot(0).await.unwrap_err();
    assert!(tower_breaker::Refusal::find(&*refused).is_some());
}

#[tokio::test(start_paused = true)]
async fn an_axum_router_takes_it_and_is_answered_in_responses() {
    let circuit = circuit(1);
    let layer = ResilienceLayer::builder()
        .http()
        .repeat(BufferBody::new().map_body(Body::new))
        .timeout(SECOND)
        .bulkhead(Bulkhead::new(8).unwrap())
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let app: Router = Router::new().route("/", get(pending::<&'static str>)).layer(layer);
    let ask = || async { app.clone().oneshot(Request::get("/").body(Body::empty()).unwrap()).await };
    let statuses: [Result<StatusCode, Infallible>; 2] =
        [ask().await.map(|response| response.status()), ask().await.map(|response| response.status())];
    assert_eq!(statuses, [Ok(StatusCode::GATEWAY_TIMEOUT), Ok(StatusCode::SERVICE_UNAVAILABLE)]);
}

#[test]
fn what_cannot_work_is_not_built() {
    let late = ResilienceLayer::builder().timeout(SECOND).attempt_timeout(SECOND).build().unwrap_err();
    assert_eq!(late.field(), "attempt_timeout");
    let window = |time| {
        let config = CircuitBreakerConfig::builder().sliding_window(SlidingWindow::time(time));
        move |failures: Option<u32>| {
            let circuit = Circuit::new("orders", config.failure_threshold(failures).build().unwrap());
            ResilienceLayer::builder().attempt_timeout(SECOND).circuit(circuit).build()
        }
    };
    let forgetful = window(SECOND * 2 - Duration::from_millis(1))(None).unwrap_err();
    assert_eq!(forgetful.field(), "sliding_window.time");
    assert!(window(SECOND * 2)(None).is_ok());
    // A row of failures decides whatever the window forgets.
    assert!(window(SECOND)(Some(3)).is_ok());
}

#[test]
fn its_stages_that_are_on_are_listed_for_exporters() {
    let figures = Figures::new();
    let limit = RateLimitLayer::new(1.0, 1).unwrap();
    let circuit = circuit(1);
    let layer = ResilienceLayer::builder()
        .circuit(circuit.clone())
        .timeout(SECOND * 2)
        .attempt_timeout(SECOND)
        .retry(retry(2))
        .rate_limit(limit.clone())
        .bulkhead(Bulkhead::new(1).unwrap())
        .register(&figures, "orders")
        .build()
        .unwrap();
    assert_eq!(layer.circuit().map(Circuit::name), Some(circuit.name()));
    let listed = figures.list();
    assert!(listed.iter().all(|(name, _)| &**name == "orders"));
    let of = |kind: fn(&Figure) -> bool| listed.iter().filter(|(_, figure)| kind(figure)).count();
    assert_eq!(of(|figure| matches!(figure, Figure::Retry(_))), 1);
    assert_eq!(of(|figure| matches!(figure, Figure::Bulkhead(_))), 1);
    assert_eq!(of(|figure| matches!(figure, Figure::RateLimit(_))), 1);
    assert_eq!(of(|figure| matches!(figure, Figure::Timeout(_))), 2);
    let limit = limit.register(&figures, "orders");
    assert_eq!(figures.list().len(), listed.len(), "one that was listed by itself is listed once");
    drop((layer, limit));

    let off =
        ResilienceLayer::builder().rate_limit(RateLimitLayer::off()).register(&figures, "orders").build().unwrap();
    assert_eq!(figures.list(), []);
    drop(off);
}

#[tokio::test(start_paused = true)]
async fn around_responses_refusal_errors_of_a_breaker_further_in_do_not_count() {
    let (inner, outer) = (circuit(1), circuit(1));
    inner.force_open();
    let service =
        service_fn(|_: Request<Body>| async { Ok::<_, io::Error>(::axum::http::Response::new(Body::empty())) });
    let guarded = tower_breaker::CircuitBreakerLayer::new(inner).layer(service);
    let layer = ResilienceLayer::builder().http().repeat(BufferBody::new().map_body(Body::new)).circuit(outer.clone());
    let service = layer.build().unwrap().layer(guarded);
    for _ in 0..3 {
        assert!(service.clone().oneshot(Request::new(Body::empty())).await.is_err());
    }
    assert_eq!((outer.state(), outer.snapshot().totals.ignored), (State::Closed, 3));
}

#[tokio::test(start_paused = true)]
async fn the_retrys_own_time_limit_stands_beside_the_stacks() {
    let (service, calls) = counted(|_| async { Err(broken()) });
    let config = RetryConfig::builder().total_timeout(Duration::from_millis(150)).jitter(Jitter::None).build().unwrap();
    let layer = ResilienceLayer::builder().retry(config).build().unwrap();
    assert!(layer.layer(service).oneshot(0).await.is_err());
    // 100 ms before the second attempt; 200 ms more would be too late.
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn refusals_of_a_breaker_further_in_do_not_count_in_the_stacks() {
    let inner = circuit(1);
    inner.force_open();
    let outer = circuit(2);
    let (service, _calls) = counted(|call| async move { Ok(call) });
    let guarded = tower_breaker::CircuitBreakerLayer::new(inner).layer(service);
    let service = ResilienceLayer::builder().circuit(outer.clone()).build().unwrap().layer(guarded);
    for _ in 0..3 {
        assert!(service.clone().oneshot(0).await.is_err());
    }
    assert_eq!((outer.state(), outer.snapshot().totals.ignored), (State::Closed, 3));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_asked_about_as_such() {
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&kinds);
    let judge = classify::with_timeouts(ErrorsAreFailures, move |kind| {
        heard.lock().unwrap().push(kind);
        Outcome::Ignored
    });
    let (service, _calls) = counted(|_| pending::<Answer>());
    let circuit = circuit(1);
    let stack = || ResilienceLayer::builder().classify(judge.clone()).circuit(circuit.clone());
    let attempt = stack().attempt_timeout(SECOND).build().unwrap().layer(service.clone());
    let whole = stack().timeout(SECOND).build().unwrap().layer(service);
    assert!(matches!(attempt.oneshot(0).await, Err(Error::TimedOut(_))));
    assert!(matches!(whole.oneshot(0).await, Err(Error::TimedOut(_))));
    assert_eq!(*kinds.lock().unwrap(), [TimeoutKind::Attempt, TimeoutKind::Whole]);
    assert_eq!((circuit.state(), circuit.snapshot().totals.ignored), (State::Closed, 2));
}
