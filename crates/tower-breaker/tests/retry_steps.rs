//! Attempts, the waits between them, and who may end the call.

use std::{
    error::Error as StdError,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use ::tower::{Layer, Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer, service_fn};
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, advance, sleep};
use tower_breaker::{
    BulkheadFull, Circuit, CircuitBreakerLayer, Error, Figure, Figures, TimedOut, TimeoutKind,
    retry::{
        Ask, Budget, CloneBy, HttpRetry, Jitter, Nobody, Retried, RetryConfig, RetryErrors, RetryLayer, Verdict,
        from_fn,
    },
};

use crate::support::{ask, circuit, trip};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Failed(pub(crate) u32);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {} failed", self.0)
    }
}

impl StdError for Failed {}

/// Waits of 100, 200, 400 ms ..
pub(crate) fn plain(attempts: u32) -> RetryConfig {
    RetryConfig::builder().attempts(attempts).jitter(Jitter::None).build().unwrap()
}

pub(crate) type Counted = Arc<AtomicU32>;

/// Fails the first `failures` attempts, and answers the number of the attempt.
fn failing(failures: u32) -> (Counted, impl Service<u8, Response = u32, Error = Failed, Future: Send> + Clone) {
    let attempts = Counted::default();
    let counted = Arc::clone(&attempts);
    let service = service_fn(move |_| {
        let attempt = counted.fetch_add(1, Ordering::Relaxed) + 1;
        async move { if attempt > failures { Ok(attempt) } else { Err(Failed(attempt)) } }
    });
    (attempts, service)
}

pub(crate) fn made(attempts: &Counted) -> u32 {
    attempts.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn a_failed_call_is_tried_again_after_growing_waits() {
    let (attempts, service) = failing(2);
    let layer = RetryLayer::new(plain(3));
    let start = Instant::now();
    assert_eq!(ask(&mut layer.layer(service), 0).await, Ok(3));
    assert_eq!((made(&attempts), start.elapsed()), (3, Duration::from_millis(300)));
    let figures = layer.figures();
    assert_eq!((figures.retries, figures.recovered, figures.first_try, figures.exhausted), (2, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn the_last_attempts_own_error_is_the_answer() {
    let (attempts, service) = failing(9);
    let layer = RetryLayer::new(plain(3));
    assert_eq!(ask(&mut layer.layer(service), 0).await, Err(Failed(3)));
    assert_eq!((made(&attempts), layer.figures().exhausted), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn off_is_one_attempt_and_counts_nothing() {
    let (attempts, service) = failing(9);
    let layer = RetryLayer::new(RetryConfig::off());
    assert_eq!(ask(&mut layer.layer(service), 0).await, Err(Failed(1)));
    assert_eq!((made(&attempts), layer.figures().first_try), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_copy_is_tried_once() {
    let (attempts, service) = failing(9);
    let budget = Budget::new(0.0, 1).unwrap();
    let layer = RetryLayer::new(plain(3)).repeat(CloneBy(|_: &u8| None)).budget(budget.clone());
    assert_eq!(ask(&mut layer.layer(service), 0).await, Err(Failed(1)));
    assert_eq!((made(&attempts), layer.figures().first_try, budget.balance()), (1, 1, 10.0));
}

#[tokio::test(start_paused = true)]
async fn the_last_attempt_is_made_of_the_copy_that_was_kept() {
    #[derive(Debug)]
    struct Copied(Counted);
    impl Clone for Copied {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::Relaxed);
            Self(Arc::clone(&self.0))
        }
    }
    for attempts in [1, 2, 4] {
        let copies = Counted::default();
        let inner = service_fn(|_: Copied| async { Err::<(), _>(Failed(0)) });
        let _ = ask(&mut RetryLayer::new(plain(attempts)).layer(inner), Copied(Arc::clone(&copies))).await;
        assert_eq!(made(&copies), attempts - 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_closure_decides_by_the_result() {
    let (attempts, service) = failing(0);
    let until_three = from_fn(|result: &Result<u32, Failed>| match result {
        Ok(3) => Verdict::Success,
        _ => Verdict::RetryAfter(Duration::from_secs(2)),
    });
    let start = Instant::now();
    assert_eq!(ask(&mut RetryLayer::new(plain(5)).policy(until_three).layer(service), 0).await, Ok(3));
    assert_eq!((made(&attempts), start.elapsed()), (3, Duration::from_secs(4)));
}

#[tokio::test(start_paused = true)]
async fn a_wish_beyond_the_longest_wait_ends_the_call_at_once() {
    for (seconds, attempts_made) in [(10, 3), (11, 1)] {
        let (attempts, service) = failing(9);
        let later = from_fn(move |_: &Result<u32, Failed>| Verdict::RetryAfter(Duration::from_secs(seconds)));
        let start = Instant::now();
        let _ = ask(&mut RetryLayer::new(plain(3)).policy(later).layer(service), 0).await;
        assert_eq!(made(&attempts), attempts_made);
        assert_eq!(start.elapsed(), Duration::from_secs(seconds) * (attempts_made - 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_total_timeout_is_not_begun() {
    let (attempts, service) = failing(9);
    let total = Duration::from_millis(250);
    let config = RetryConfig::builder().attempts(5).jitter(Jitter::None).total_timeout(total).build().unwrap();
    let start = Instant::now();
    assert_eq!(ask(&mut RetryLayer::new(config).layer(service), 0).await, Err(Failed(2)));
    assert_eq!((made(&attempts), start.elapsed()), (2, Duration::from_millis(100)));
    // Nor one that would end together with it.
    let total = Duration::from_millis(100);
    let config = RetryConfig::builder().jitter(Jitter::None).total_timeout(total).build().unwrap();
    let start = Instant::now();
    assert_eq!(ask(&mut RetryLayer::new(config).layer(failing(9).1), 0).await, Err(Failed(1)));
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn time_between_ready_and_called_takes_nothing_of_the_total() {
    let (attempts, service) = failing(1);
    let total = Duration::from_millis(250);
    let config = RetryConfig::builder().jitter(Jitter::None).total_timeout(total).build().unwrap();
    let mut service = RetryLayer::new(config).layer(service);
    service.ready().await.unwrap();
    advance(Duration::from_secs(10)).await;
    assert_eq!(service.call(0).await, Ok(2));
    assert_eq!((made(&attempts), service.figures().recovered), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn refusals_from_further_in_are_final_and_timeouts_by_choice() {
    let attempts = Counted::default();
    let counted = Arc::clone(&attempts);
    let inner = service_fn(move |error: Error<Failed>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move { Err::<(), _>(Error::Inner(error)) }
    });
    let full = || Error::BulkheadFull(BulkheadFull::default());
    let of_kind = |kind| Error::TimedOut(TimedOut::new(kind, Duration::from_secs(1)));
    let late = || of_kind(TimeoutKind::Attempt);
    let layer = RetryLayer::new(plain(3));
    assert_eq!(ask(&mut layer.layer(inner.clone()), full()).await, Err(Error::Inner(full())));
    assert_eq!(made(&attempts), 1);
    let _ = ask(&mut layer.layer(inner.clone()), late()).await;
    assert_eq!(made(&attempts), 4);
    let _ = ask(&mut layer.layer(inner.clone()), of_kind(TimeoutKind::Caller)).await;
    assert_eq!(made(&attempts), 5);
    let _ = ask(&mut layer.policy(RetryErrors::new().timeouts(false)).layer(inner), late()).await;
    assert_eq!(made(&attempts), 6);
}

#[tokio::test(start_paused = true)]
async fn without_budget_the_failure_comes_back_at_once() {
    let (attempts, service) = failing(9);
    let config = RetryConfig::builder().budget(0.5).budget_floor(0).build().unwrap();
    let layer = RetryLayer::new(config);
    let start = Instant::now();
    assert_eq!(ask(&mut layer.layer(service), 0).await, Err(Failed(1)));
    assert_eq!((made(&attempts), start.elapsed()), (1, Duration::ZERO));
    let figures = layer.figures();
    assert_eq!((figures.over_budget, figures.first_try, figures.budget_balance), (1, 0, 0.5));
}

#[tokio::test(start_paused = true)]
async fn layers_may_share_a_budget_that_is_charged_when_the_wait_begins() {
    let budget = Budget::new(0.0, 1).unwrap();
    let (first, second) =
        (RetryLayer::new(plain(2)).budget(budget.clone()), RetryLayer::new(plain(2)).budget(budget.clone()));
    let mut waiting = Box::pin(first.layer(failing(9).1).oneshot(0));
    assert!(futures_pending(&mut waiting).await);
    assert_eq!(budget.balance(), 9.0);
    while budget.try_spend() {}
    let (attempts, service) = failing(9);
    assert_eq!(second.layer(service).oneshot(0).await, Err(Failed(1)));
    assert_eq!(made(&attempts), 1);
    // Charged already.
    assert_eq!(waiting.await, Err(Failed(2)));
}

async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
    tokio::time::timeout(Duration::from_millis(1), future).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn the_attempt_that_opened_the_circuit_is_the_answer_unwaited_and_uncharged() {
    let (circuit, budget) = (circuit(2), Budget::new(0.0, 1).unwrap());
    let (attempts, service) = failing(9);
    let layer = RetryLayer::new(plain(5)).budget(budget.clone()).ask(circuit.clone());
    let mut service = layer.layer(CircuitBreakerLayer::new(circuit.clone()).layer(service));
    let start = Instant::now();
    assert_eq!(ask(&mut service, 0).await, Err(Error::Inner(Failed(2))));
    assert_eq!((made(&attempts), start.elapsed()), (2, Duration::from_millis(100)));
    assert_eq!((budget.balance(), layer.figures().refused), (9.0, 1));
    // A question is no call.
    assert_eq!(circuit.snapshot().refusals.detected(), 0);
    // The next one is refused at its first attempt.
    assert!(matches!(ask(&mut service, 0).await, Err(Error::CircuitOpen(_))));
    assert_eq!((budget.balance(), layer.figures().first_try), (9.0, 1));
}

/// How many attempts a call makes that always fails, where this is asked before each retry.
async fn attempts_where_asked<A: Ask<u8> + Clone>(asked: A) -> u32 {
    let (attempts, service) = failing(9);
    let answer = ask(&mut RetryLayer::new(plain(3)).ask(asked).layer(service), 0).await;
    assert_eq!(answer, Err(Failed(made(&attempts))));
    made(&attempts)
}

#[tokio::test(start_paused = true)]
async fn a_circuit_perhaps_one_a_closure_or_nobody_is_asked() {
    let (open, closed) = (circuit(1), circuit(1));
    trip(&open);
    assert_eq!(attempts_where_asked(Nobody).await, 3);
    assert_eq!((attempts_where_asked(open.clone()).await, attempts_where_asked(closed.clone()).await), (1, 3));
    assert_eq!(attempts_where_asked(Some(open)).await, 1);
    assert_eq!((attempts_where_asked(Some(closed)).await, attempts_where_asked(None::<Circuit>).await), (3, 3));
    assert_eq!((attempts_where_asked(|| true).await, attempts_where_asked(|| false).await), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn the_kept_error_is_the_answer_when_the_circuit_opened_during_the_wait() {
    let circuit = circuit(5);
    let (attempts, service) = failing(9);
    let layer = RetryLayer::new(plain(3)).ask(circuit.clone());
    let service = layer.layer(CircuitBreakerLayer::new(circuit.clone()).layer(service));
    let mut call = Box::pin(service.oneshot(0));
    assert!(futures_pending(&mut call).await);
    trip(&circuit);
    assert_eq!(call.await, Err(Error::Inner(Failed(1))));
    assert_eq!((made(&attempts), layer.figures().refused), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_failed_response_says_what_was_tried() {
    let circuit = circuit(5);
    let inner = service_fn(|_: Request<()>| async {
        let mut response = Response::new(String::new());
        *response.status_mut() = StatusCode::BAD_GATEWAY;
        Ok::<_, Failed>(response)
    });
    let service = RetryLayer::new(plain(3))
        .policy(HttpRetry::new())
        .ask(circuit.clone())
        .layer(CircuitBreakerLayer::http(circuit.clone()).layer(inner));
    let mut call = Box::pin(service.oneshot(Request::new(())));
    sleep(Duration::ZERO).await;
    assert!(futures_pending(&mut call).await);
    advance(Duration::from_millis(100)).await;
    assert!(futures_pending(&mut call).await);
    trip(&circuit);
    let response = call.await.unwrap();
    let retried = response.extensions().get::<Retried>().unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((retried.attempts(), retried.last_status()), (2, Some(StatusCode::BAD_GATEWAY)));
}

#[tokio::test(start_paused = true)]
async fn during_the_wait_the_failed_response_and_its_place_are_free() {
    let token = Arc::new(());
    let inner = {
        let token = Arc::clone(&token);
        service_fn(move |_: u8| {
            let token = Arc::clone(&token);
            async move { Ok::<_, Failed>(token) }
        })
    };
    let always = from_fn(|_: &Result<Arc<()>, Failed>| Verdict::Retry);
    let bulkhead = ConcurrencyLimitLayer::new(1);
    let guarded = ServiceBuilder::new().layer(bulkhead).service(inner);
    let held = Arc::strong_count(&token);
    let service = RetryLayer::new(plain(2)).policy(always).layer(guarded.clone());
    let mut call = Box::pin(service.oneshot(0));
    assert!(futures_pending(&mut call).await);
    // The retry's own clone of the inner service holds one handle more, the response none.
    assert_eq!(Arc::strong_count(&token), held + 1);
    assert!(guarded.oneshot(0).await.is_ok());
    assert!(call.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn figures_are_listed_under_their_name() {
    let figures = Figures::new();
    let layer = RetryLayer::new(plain(2)).register(&figures, "orders").seed(7).budget(Budget::new(0.0, 3).unwrap());
    let _ = ask(&mut layer.layer(failing(1).1), 0).await;
    let _ = ask(&mut layer.layer(failing(0).1), 0).await;
    let [(name, Figure::Retry(retry))] = &figures.list()[..] else { panic!("one stage") };
    assert_eq!((&**name, retry.first_try, retry.recovered, retry.retries), ("orders", 1, 1, 1));
    assert_eq!(retry.budget_balance, 29.0);
}

#[tokio::test(start_paused = true)]
async fn a_seed_decides_every_wait() {
    async fn waited(layer: impl FnOnce(RetryLayer) -> RetryLayer) -> Duration {
        let config = RetryConfig::builder().attempts(9).build().unwrap();
        let start = Instant::now();
        let _ = ask(&mut layer(RetryLayer::new(config)).layer(failing(8).1), 0).await;
        start.elapsed()
    }
    let budget = || Budget::new(0.2, 10).unwrap();
    let seven = waited(|layer| layer.seed(7)).await;
    assert_eq!(seven, waited(|layer| layer.seed(7)).await);
    assert_ne!(seven, waited(|layer| layer.seed(8)).await);
    assert_eq!(seven, waited(|layer| layer.budget(budget()).seed(7)).await);
    assert_eq!(seven, waited(|layer| layer.seed(7).budget(budget())).await, "whichever is set first");
}

#[tokio::test(start_paused = true)]
async fn after_a_servers_wish_the_backoff_begins_anew() {
    let (_, service) = failing(9);
    let policy = from_fn(|result: &Result<u32, Failed>| match result {
        Err(Failed(3)) => Verdict::RetryAfter(Duration::from_secs(2)),
        _ => Verdict::Retry,
    });
    let start = Instant::now();
    let _ = ask(&mut RetryLayer::new(plain(5)).policy(policy).layer(service), 0).await;
    // 100 and 200 ms, the wish, 100 ms.
    assert_eq!(start.elapsed(), Duration::from_millis(2_400));
}
