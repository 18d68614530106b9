//! What answers in place of a call, when, and what becomes of it when it fails too.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::tower::{Layer, Service, ServiceBuilder, service_fn};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use tokio::time::{Instant, advance, sleep};
use tokio_test::{assert_pending, assert_ready, task};
use tower_breaker::{
    BulkheadFull, CircuitBreakerLayer, Error, Exhausted, FallbackLayer, Interruption, RateLimited, Refusal, State,
    TimedOut, TimeoutKind,
    fallback::{self, AnyError, Cause, FallbackKind, FellBack, Interruptions},
    refuse::AsSameError,
};

use crate::support::{Broken, Echo, Stuck, ask, circuit, trip};

type Stack = Result<u32, Error<&'static str>>;

const REFUSED: Stack = Err(Error::BulkheadFull(BulkheadFull::new(Duration::ZERO)));
const FAILED: Stack = Err(Error::Inner("broken pipe"));
const SECOND: Duration = Duration::from_secs(1);

fn refusal() -> Refusal {
    BulkheadFull::default().into()
}

#[tokio::test(start_paused = true)]
async fn a_value_answers_what_was_refused_or_timed_out_and_nothing_else() {
    let mut service = FallbackLayer::new(fallback::value(7)).layer(Echo);
    let timed_out = TimedOut::new(TimeoutKind::Whole, SECOND);
    let refused = Error::RateLimited(RateLimited::new(SECOND));
    for interrupted in [REFUSED, Err(refused), Err(Error::TimedOut(timed_out))] {
        assert_eq!(ask(&mut service, interrupted).await, Ok(7));
    }
    assert_eq!(ask(&mut service, Ok(1)).await, Stack::Ok(1));
    assert_eq!(ask(&mut service, FAILED).await, FAILED);
}

#[tokio::test(start_paused = true)]
async fn a_function_is_given_the_request_and_the_cause() {
    let answer = fallback::from_fn(|request: Stack, cause: &Cause| {
        assert_eq!((request, cause.interruption()), (REFUSED, Some(&Interruption::Refused(refusal()))));
        Ok(8)
    });
    assert_eq!(ask(&mut FallbackLayer::new(answer).layer(Echo), REFUSED).await, Ok(8));
}

#[tokio::test(start_paused = true)]
async fn a_function_may_answer_later() {
    let answer = fallback::from_async_fn(|_: (), _: Cause| async {
        sleep(SECOND / 2).await;
        Ok(9)
    });
    let mut service = FallbackLayer::new(answer.keep(|_: &Stack| ())).layer(Echo);
    let start = Instant::now();
    assert_eq!(ask(&mut service, REFUSED).await, Ok(9));
    assert_eq!(start.elapsed(), SECOND / 2);
}

#[tokio::test(start_paused = true)]
async fn what_a_look_up_does_not_find_leaves_the_calls_own_result_and_counts_nothing() {
    let circuit = circuit(1);
    let found = fallback::lookup(|key: bool, _: &Cause| key.then_some(10)).keep(|request: &(bool, Stack)| request.0);
    let echo = service_fn(|(_, answer): (bool, Stack)| async { answer });
    let mut service = FallbackLayer::new(found).circuit(circuit.clone()).layer(echo);
    assert_eq!(ask(&mut service, (false, REFUSED)).await, REFUSED);
    assert_eq!(circuit.snapshot().fallbacks, 0);
    assert_eq!(ask(&mut service, (true, REFUSED)).await, Ok(10));
    assert_eq!(circuit.snapshot().fallbacks, 1);
}

#[tokio::test(start_paused = true)]
async fn another_service_is_made_ready_and_gets_the_request() {
    let other = ServiceBuilder::new()
        // It panics when called without having been ready.
        .concurrency_limit(1)
        .service(service_fn(|request: Stack| async { request.or(Ok::<_, Error<&'static str>>(11)) }));
    let mut service = FallbackLayer::new(fallback::service(other)).layer(Echo);
    for _ in 0..2 {
        assert_eq!(ask(&mut service, REFUSED).await, Ok(11));
    }
}

#[tokio::test(start_paused = true)]
async fn the_failed_response_is_gone_before_another_service_is_asked() {
    let held = Arc::new(());
    let watched = Arc::downgrade(&held);
    let other = service_fn(move |(): ()| {
        let gone = watched.upgrade().is_none();
        async move { Ok::<_, Infallible>(Response::new(gone.then(Arc::default))) }
    });
    let mut service = FallbackLayer::http(fallback::service(other).keep(|_: &Request<Arc<()>>| ()))
        .refuse(|why: Interruption| -> Result<Response<Option<Arc<()>>>, Infallible> { panic!("{why}") })
        .when(|_: &Result<Response<Option<Arc<()>>>, Infallible>| true)
        .layer(service_fn(|request: Request<Arc<()>>| async {
            Ok::<_, Infallible>(Response::new(Some(request.into_body())))
        }));
    assert!(ask(&mut service, Request::new(held)).await.unwrap().body().is_some());
}

#[tokio::test(start_paused = true)]
async fn its_failure_is_the_callers_error_and_not_held_against_the_circuit() {
    let circuit = circuit(2);
    let other = fallback::service(service_fn(|_: Stack| async { Err::<u32, _>(Error::Inner("also down")) }));
    let mut service = ServiceBuilder::new()
        .layer(FallbackLayer::new(other).circuit(circuit.clone()))
        .layer(CircuitBreakerLayer::new(circuit.clone()).refuse(AsSameError))
        .service(Echo);
    trip(&circuit);
    let before = circuit.snapshot().totals;
    assert_eq!(ask(&mut service, Ok(1)).await, Err(Error::Inner("also down")));
    let after = circuit.snapshot();
    assert_eq!((after.totals, after.fallbacks, after.state), (before, 0, State::Open));
}

#[tokio::test(start_paused = true)]
async fn a_hung_one_ends_after_its_timeout() {
    let hung = fallback::from_async_fn(|_: Stack, _: Cause| pending::<Stack>());
    for (layer, limit) in [
        (FallbackLayer::new(hung.clone()), SECOND),
        (FallbackLayer::new(hung).fallback_timeout(3 * SECOND), 3 * SECOND),
    ] {
        let start = Instant::now();
        let late = ask(&mut layer.layer(Echo), REFUSED).await;
        assert_eq!(late, Err(Error::TimedOut(TimedOut::new(TimeoutKind::Fallback, limit))));
        assert_eq!(start.elapsed(), limit);
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_uses_up_its_tasks_budget_still_runs_out_of_time() {
    let greedy = fallback::from_async_fn(|_: Stack, _: Cause| async {
        for _ in 0..100_000 {
            tokio::task::coop::consume_budget().await;
        }
        Ok(1)
    });
    tokio::spawn(advance(SECOND));
    let late = ask(&mut FallbackLayer::new(greedy).layer(Echo), REFUSED).await;
    assert!(matches!(late, Err(Error::TimedOut(_))), "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_hung_one_holds_is_free_when_its_time_is_over() {
    let held = Arc::new(());
    let hold = Arc::clone(&held);
    let hung = fallback::from_async_fn(move |_: Stack, _: Cause| {
        let hold = Arc::clone(&hold);
        async move {
            let _hold = hold;
            pending::<Stack>().await
        }
    });
    let mut service = FallbackLayer::new(hung).layer(Echo);
    let before = Arc::strong_count(&held);
    let mut call = task::spawn(service.call(REFUSED));
    assert_pending!(call.poll());
    assert_eq!(Arc::strong_count(&held), before + 1);
    advance(SECOND).await;
    assert!(assert_ready!(call.poll()).is_err());
    // The call itself is still here.
    assert_eq!(Arc::strong_count(&held), before);
}

#[tokio::test(start_paused = true)]
async fn what_the_call_held_is_free_when_the_fallback_starts() {
    /// Ends at once, and has hold of something as long as it lives.
    struct Held(Arc<()>);

    impl Future for Held {
        type Output = Stack;

        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Stack> {
            assert!(Arc::strong_count(&self.0) > 1);
            std::task::Poll::Ready(REFUSED)
        }
    }

    let held = Arc::new(());
    let (hold, seen) = (Arc::clone(&held), Arc::clone(&held));
    let inner = service_fn(move |_: Stack| Held(Arc::clone(&hold)));
    let count = fallback::from_fn(move |_: Stack, _: &Cause| Ok(u32::try_from(Arc::strong_count(&seen)).unwrap()));
    // Ours, the inner service's, and the function's three: in the layer, in the service, in the call.
    assert_eq!(ask(&mut FallbackLayer::new(count).layer(inner), REFUSED).await, Ok(5));
}

#[tokio::test(start_paused = true)]
async fn another_service_that_is_never_ready_ends_after_its_timeout() {
    let stuck = fallback::service(::tower::util::MapErr::new(Stuck, |_: Infallible| Error::Inner("broken pipe")));
    let inner = service_fn(|(): ()| async { Err::<(), Error<&'static str>>(refusal().into()) });
    let mut service = FallbackLayer::new(stuck).layer(inner);
    let start = Instant::now();
    assert!(matches!(ask(&mut service, ()).await, Err(Error::TimedOut(_))));
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_ready_as_its_time_is_over_wins() {
    let answer = fallback::from_async_fn(|_: Stack, _: Cause| async {
        sleep(SECOND).await;
        Ok(12)
    });
    assert_eq!(ask(&mut FallbackLayer::new(answer).layer(Echo), REFUSED).await, Ok(12));
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_keeps_nothing_and_changes_nothing() {
    let kept = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&kept);
    let answer = fallback::from_fn(|(), _: &Cause| Ok(13)).keep(move |_: &Stack| noted.store(true, Ordering::Relaxed));
    let layer = FallbackLayer::new(answer);
    assert_eq!(ask(&mut layer.clone().enabled(false).layer(Echo), REFUSED).await, REFUSED);
    assert!(!kept.load(Ordering::Relaxed));
    assert_eq!(ask(&mut layer.layer(Echo), REFUSED).await, Ok(13));
    assert!(kept.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn any_result_can_be_a_cause_by_choice() {
    let named = fallback::from_fn(|_: Stack, cause: &Cause| Ok(u32::from(*cause == Cause::Failed)));
    let layer = FallbackLayer::new(named);

    let mut service = layer.clone().or_when(AnyError).layer(Echo);
    // What the first trigger names keeps its name.
    for (result, answer) in [(REFUSED, 0), (FAILED, 1), (Ok(5), 5)] {
        assert_eq!(ask(&mut service, result).await, Ok(answer));
    }
    let mut service = layer.clone().when(|result: &Stack| *result == Ok(5)).layer(Echo);
    for (result, answer) in [(REFUSED, REFUSED), (FAILED, FAILED), (Ok(5), Ok(1))] {
        assert_eq!(ask(&mut service, result).await, answer);
    }
    let mut service = layer.when(|result: &Stack| result.as_ref().err().map(|_| Cause::Failed)).layer(Echo);
    for (result, answer) in [(REFUSED, 1), (FAILED, 1), (Ok(5), 5)] {
        assert_eq!(ask(&mut service, result).await, Ok(answer));
    }
}

#[tokio::test(start_paused = true)]
async fn causes_are_found_behind_boxed_errors() {
    let boxed = Box::<dyn std::error::Error + Send + Sync>::from(RateLimited::new(SECOND));
    let found = Cause::find(&*boxed).unwrap();
    assert_eq!(found.interruption(), Some(&Interruption::Refused(RateLimited::new(SECOND).into())));
    assert_eq!(Cause::find(&std::fmt::Error), None);
}

#[test]
fn a_cause_says_what_happened() {
    let limited = RateLimited::new(SECOND);
    for (cause, said) in [
        (Cause::Interrupted(Interruption::Refused(limited.clone().into())), limited.to_string()),
        (Cause::Exhausted(Exhausted::new(3)), "the call failed 3 times".to_owned()),
        (Cause::Failed, "the call failed".to_owned()),
    ] {
        assert_eq!(cause.to_string(), said);
    }
}

#[tokio::test(start_paused = true)]
async fn around_any_service_it_answers_every_error() {
    let mut service = FallbackLayer::on_errors(fallback::value(14)).layer(Echo);
    assert_eq!(ask(&mut service, Err::<_, &str>("down")).await, Ok(14));
    let failing = fallback::from_fn(|_: Result<u32, &str>, _: &Cause| Err("down too"));
    let mut service = FallbackLayer::on_errors(failing).layer(Echo);
    assert_eq!(ask(&mut service, Err("down")).await, Err(Error::Inner("down too")));
}

#[tokio::test(start_paused = true)]
async fn an_error_of_readiness_is_the_callers() {
    let mut service = FallbackLayer::on_errors(fallback::value(())).layer(Broken);
    assert_eq!(ask(&mut service, ()).await, Err(Error::Inner("connection lost")));
}

/// A stack that answers 200, or what its request says.
fn responding()
-> impl Service<Request<Option<Exhausted>>, Response = Response<&'static str>, Error = Infallible> + Clone {
    service_fn(|request: Request<Option<Exhausted>>| async move {
        let mut response = Response::new("fresh");
        if let Some(exhausted) = request.into_body() {
            *response.status_mut() = StatusCode::BAD_GATEWAY;
            response.extensions_mut().insert(exhausted);
        }
        Ok(response)
    })
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_response_form_is_replaced_and_the_answer_says_so() {
    let circuit = circuit(1);
    let mut service = ServiceBuilder::new()
        .layer(
            FallbackLayer::http(fallback::value(Response::new("stale")))
                .header(HeaderName::from_static("x-fallback"), HeaderValue::from_static("stale"))
                .circuit(circuit.clone()),
        )
        .layer(CircuitBreakerLayer::http(circuit.clone()))
        .service(responding());
    let fresh = ask(&mut service, Request::new(None)).await.unwrap();
    assert_eq!((*fresh.body(), fresh.extensions().get::<FellBack>()), ("fresh", None));
    assert!(fresh.headers().is_empty());

    trip(&circuit);
    let stale = ask(&mut service, Request::new(None)).await.unwrap();
    assert_eq!((stale.status(), *stale.body()), (StatusCode::OK, "stale"));
    assert_eq!(stale.headers()["x-fallback"], "stale");
    let fell_back = stale.extensions().get::<FellBack>().unwrap();
    assert_eq!(fell_back.kind, FallbackKind::Value);
    assert!(matches!(fell_back.cause.interruption(), Some(Interruption::Refused(Refusal::CircuitOpen(_)))));
    // A breaker further out sees an answer, and no refusal.
    assert_eq!(stale.extensions().get::<Refusal>(), None);
    assert_eq!(circuit.snapshot().fallbacks, 1);
}

#[tokio::test(start_paused = true)]
async fn the_response_with_which_a_retry_gave_up_is_replaced() {
    let mut service = FallbackLayer::http(fallback::value(Response::new("stale"))).layer(responding());
    let answer = ask(&mut service, Request::new(Some(Exhausted::new(3)))).await.unwrap();
    assert_eq!(*answer.body(), "stale");
    assert_eq!(answer.extensions().get::<FellBack>().unwrap().cause, Cause::Exhausted(Exhausted::new(3)));
}

#[tokio::test(start_paused = true)]
async fn a_hung_one_around_responses_is_a_504_that_breakers_judge_as_a_failure() {
    let outside = circuit(1);
    let hung = fallback::from_async_fn(|(), _: Cause| pending::<Result<Response<&'static str>, Infallible>>());
    let mut service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::http(outside.clone()))
        .layer(FallbackLayer::http(hung.keep(|_: &Request<_>| ())))
        .service(responding());
    let late = ask(&mut service, Request::new(Some(Exhausted::new(3)))).await.unwrap();
    assert_eq!(late.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(late.extensions().get::<TimedOut>().unwrap().kind(), TimeoutKind::Fallback);
    assert_eq!(outside.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn around_a_stack_of_both_forms_both_are_causes() {
    type Either = Result<Response<&'static str>, Error<Infallible>>;
    let mut service = FallbackLayer::http(fallback::value(Response::new("stale")))
        .or_when(Interruptions)
        .layer(service_fn(|refused: Request<Either>| async { refused.into_body() }));
    let mut refused = Response::new("no");
    refused.extensions_mut().insert(refusal());
    for result in [Ok(refused), Err(refusal().into())] {
        assert_eq!(*ask(&mut service, Request::new(result)).await.unwrap().body(), "stale");
    }
}
