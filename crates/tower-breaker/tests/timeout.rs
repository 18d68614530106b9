//! Timeouts, whole and of an attempt, and what a breaker inside is told.

mod body;
mod expiring;
mod grpc;

use std::{
    convert::Infallible,
    future::{Future, pending},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use ::tower::{Layer, Service, ServiceExt, service_fn};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use tokio::{
    sync::oneshot,
    time::{Instant, Sleep, advance, sleep},
};
use tokio_test::task;
use tower_breaker::{
    Circuit, CircuitBreakerLayer, Circuits, Error, Expire, Figure, Figures, KeyedCircuitBreakerLayer, RateLimitLayer,
    RetryLayer, State, TimedOut, TimeoutKind, TimeoutLayer, TokioClock,
    classify::StatusClassifier,
    key,
    refuse::{AsBoxError, AsError, AsResponse, AsSameError, AsWrappedResponse},
    retry::RetryConfig,
    timeout::{TimeoutBody, Whole},
    until::EndOfBody,
};

use crate::support::{Broken, Echo, Hung, Stuck, WAIT, circuit, config, is_ready, trip};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

fn timed_out<T, E>(answer: Result<T, Error<E>>) -> Option<TimedOut> {
    match answer.err()? {
        Error::TimedOut(timed_out) => Some(timed_out),
        _ => None,
    }
}

/// Answers after so long.
fn answers_after(wait: Duration) -> impl Service<(), Response = (), Error = Infallible, Future: Send> + Clone {
    service_fn(move |()| async move {
        sleep(wait).await;
        Ok(())
    })
}

#[tokio::test(start_paused = true)]
async fn an_attempt_ends_with_its_time_and_says_which_limit_it_was() {
    let start = Instant::now();
    let layer = TimeoutLayer::attempt(SECOND);
    let service = layer.layer(Hung);
    assert_eq!((layer.limit(), service.limit()), (Some(SECOND), Some(SECOND)));
    let answer = service.oneshot(()).await;
    assert_eq!(timed_out(answer), Some(TimedOut::new(TimeoutKind::Attempt, SECOND)));
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_whole_call_ends_with_its_time_and_says_which_limit_it_was() {
    let start = Instant::now();
    let answer = TimeoutLayer::whole(SECOND).layer(Hung).oneshot(()).await;
    assert_eq!(timed_out(answer), Some(TimedOut::new(TimeoutKind::Whole, SECOND)));
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn answers_and_errors_in_time_pass_through() {
    let layer = TimeoutLayer::whole(SECOND);
    assert_eq!(layer.layer(Echo).oneshot(Ok::<_, ()>(7)).await, Ok(7));
    assert_eq!(layer.layer(Echo).oneshot(Err::<(), _>("own")).await, Err(Error::Inner("own")));
    assert_eq!(layer.layer(Broken).oneshot(()).await, Err(Error::Inner("connection lost")));
    let almost = TimeoutLayer::attempt(SECOND).layer(answers_after(SECOND - MILLI));
    assert_eq!(almost.oneshot(()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_whole_time_includes_readiness_of_the_inner_service() {
    let mut service = TimeoutLayer::whole(SECOND).layer(Stuck);
    assert!(is_ready(&mut service));
    assert!(timed_out(service.call(()).await).is_some());
}

#[tokio::test(start_paused = true)]
async fn of_an_attempt_readiness_is_the_inner_services() {
    let mut service = TimeoutLayer::attempt(SECOND).layer(Stuck);
    assert!(!is_ready(&mut service));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_asks_no_clone_of_the_inner_service() {
    struct NotClone;

    impl Service<()> for NotClone {
        type Response = ();
        type Error = Infallible;
        type Future = std::future::Ready<Result<(), Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            std::future::ready(Ok(()))
        }
    }

    assert_eq!(TimeoutLayer::attempt(SECOND).layer(NotClone).oneshot(()).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_result_ready_in_the_same_poll_as_the_deadline_wins() {
    let (answer, inner) = oneshot::channel::<()>();
    let mut inner = Some(inner);
    let mut service = TimeoutLayer::attempt(SECOND).layer(service_fn(move |()| inner.take().expect("one call")));
    let mut call = task::spawn(service.call(()));
    assert!(call.poll().is_pending());
    answer.send(()).unwrap();
    advance(SECOND).await;
    assert_eq!(call.poll(), Poll::Ready(Ok(())));
}

#[tokio::test(start_paused = true)]
async fn time_between_the_call_and_the_first_poll_counts() {
    let services = [TimeoutLayer::whole(SECOND).layer(Hung).boxed(), TimeoutLayer::attempt(SECOND).layer(Hung).boxed()];
    for mut service in services {
        let call = service.call(());
        advance(SECOND - MILLI).await;
        let mut call = task::spawn(call);
        assert!(call.poll().is_pending());
        advance(MILLI).await;
        assert!(call.poll().is_ready());
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_has_a_time_of_its_own_also_after_one_that_panicked() {
    let layer = || TimeoutLayer::whole(SECOND).refuse(AsSameError);
    let inner = service_fn(|panics: bool| {
        assert!(!panics, "as told");
        pending::<Result<(), Error<Infallible>>>()
    });
    let mut service = layer().layer(TimeoutLayer::attempt(SECOND * 9).refuse(AsSameError).layer(inner));
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(service.call(true)))).is_err());
    for _ in 0..2 {
        advance(SECOND * 3).await;
        let start = Instant::now();
        assert!(service.call(false).await.is_err());
        assert_eq!(start.elapsed(), SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_ready_is_not_cloned() {
    #[derive(Debug)]
    struct Unique(Arc<AtomicUsize>);

    impl Clone for Unique {
        fn clone(&self) -> Self {
            self.0.fetch_add(1, Ordering::SeqCst);
            Self(Arc::clone(&self.0))
        }
    }

    impl Service<()> for Unique {
        type Response = ();
        type Error = Infallible;
        type Future = std::future::Ready<Result<(), Infallible>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            std::future::ready(Ok(()))
        }
    }

    let clones = Arc::new(AtomicUsize::new(0));
    let mut service = TimeoutLayer::whole(SECOND).layer(Unique(Arc::clone(&clones)));
    service.ready().await.unwrap().call(()).await.unwrap();
    assert_eq!(clones.load(Ordering::SeqCst), 0);
}

#[test]
fn what_is_ready_at_its_first_poll_needs_no_timer() {
    // A `Sleep` made here would panic: there is no runtime.
    for limit in [SECOND, Duration::ZERO] {
        let mut whole = task::spawn(TimeoutLayer::whole(limit).layer(Echo).call(Ok::<_, ()>(7)));
        assert!(matches!(whole.poll(), Poll::Ready(Ok(7))));
        let mut attempt = task::spawn(TimeoutLayer::attempt(limit).layer(Echo).call(Ok::<_, ()>(7)));
        assert!(matches!(attempt.poll(), Poll::Ready(Ok(7))));
    }
}

#[test]
fn off_it_needs_no_timer_and_changes_nothing() {
    let mut whole = TimeoutLayer::whole(None).layer(Stuck);
    assert!(!is_ready(&mut whole));
    let mut call = task::spawn(TimeoutLayer::whole(None).layer(Hung).call(()));
    assert!(call.poll().is_pending());
    let mut call = task::spawn(TimeoutLayer::attempt(None).layer(Hung).call(()));
    assert!(call.poll().is_pending());
}

#[tokio::test(start_paused = true)]
async fn no_duration_is_too_long() {
    for limit in [Duration::MAX, Duration::from_secs(u64::MAX / 2), Duration::from_secs(1 << 40)] {
        let mut call = task::spawn(TimeoutLayer::whole(limit).layer(Hung).call(()));
        assert!(call.poll().is_pending());
        advance(Duration::from_secs(3_600)).await;
        assert!(call.poll().is_pending());
    }
}

#[tokio::test(start_paused = true)]
async fn a_future_that_uses_up_its_tasks_budget_still_runs_out_of_time() {
    let greedy = service_fn(|()| async {
        for _ in 0..100_000 {
            tokio::task::coop::consume_budget().await;
        }
        Ok::<_, Infallible>(())
    });
    tokio::spawn(advance(SECOND));
    assert!(timed_out(TimeoutLayer::attempt(SECOND).layer(greedy).oneshot(()).await).is_some());
}

/// Counts the futures that live.
#[derive(Clone)]
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn the_inner_call_is_gone_when_the_answer_is_given() {
    let alive = Arc::new(AtomicUsize::new(0));
    let inner = {
        let alive = Arc::clone(&alive);
        service_fn(move |()| {
            alive.fetch_add(1, Ordering::SeqCst);
            let guard = Alive(Arc::clone(&alive));
            async move {
                let _guard = guard;
                pending::<Result<(), Infallible>>().await
            }
        })
    };
    let mut call = task::spawn(TimeoutLayer::attempt(SECOND).layer(inner).call_now());
    assert!(call.poll().is_pending());
    assert_eq!(alive.load(Ordering::SeqCst), 1);
    advance(SECOND).await;
    assert!(call.poll().is_ready());
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

trait CallNow: Service<()> + Sized {
    fn call_now(mut self) -> Self::Future {
        assert!(is_ready(&mut self));
        self.call(())
    }
}

impl<S: Service<()>> CallNow for S {}

#[tokio::test(start_paused = true)]
async fn as_a_response_it_is_a_504_that_carries_the_limit() {
    let hung = service_fn(|_: Request<()>| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let service = TimeoutLayer::whole(SECOND).refuse(AsResponse).layer(hung);
    let response = service.oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), 504);
    assert_eq!(response.extensions().get(), Some(&TimedOut::new(TimeoutKind::Whole, SECOND)));
}

#[tokio::test(start_paused = true)]
async fn as_a_boxed_error_it_is_found() {
    let hung = service_fn(|()| pending::<Result<(), std::io::Error>>());
    let error = TimeoutLayer::attempt(SECOND).refuse(AsBoxError).layer(hung).oneshot(()).await.unwrap_err();
    assert!(TimedOut::find(&*error).is_some());
}

#[tokio::test(start_paused = true)]
async fn what_ran_out_of_time_is_counted_by_kind_and_listed() {
    let figures = Figures::new();
    let whole = TimeoutLayer::whole(SECOND).register(&figures, "orders");
    let attempt = TimeoutLayer::attempt(SECOND).register(&figures, "orders");
    for _ in 0..2 {
        let _ = whole.clone().layer(Hung).oneshot(()).await;
    }
    let service = attempt.layer(answers_after(2 * SECOND));
    drop(attempt);
    let _ = service.clone().oneshot(()).await;
    let _ = TimeoutLayer::whole(SECOND).layer(Hung).oneshot(()).await;
    let counts: Vec<_> = figures
        .list()
        .into_iter()
        .map(|(name, figure)| match figure {
            Figure::Timeout(count) => (name.to_string(), count.whole, count.attempt),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(counts, [("orders".into(), 2, 0), ("orders".into(), 0, 1)]);
}

// What the breaker is told.

#[tokio::test(start_paused = true)]
async fn an_attempts_time_that_is_over_is_a_failure_of_the_breaker_around_it() {
    let circuit = circuit(1);
    let attempt = TimeoutLayer::attempt(SECOND).layer(Hung);
    let guarded = CircuitBreakerLayer::new(circuit.clone()).refuse(AsSameError).layer(attempt);
    assert!(timed_out(guarded.oneshot(()).await).is_some());
    assert_eq!(circuit.snapshot().totals.failures, 1);
}

/// (failures, cancelled)
fn totals(circuit: &Circuit) -> (u64, u64) {
    let totals = circuit.snapshot().totals;
    (totals.failures, totals.cancelled)
}
