//! Rates, bursts, keys, and calls that wait.

use std::{convert::Infallible, task::Poll, thread, time::Duration};

use ::tower::{Layer, Service, ServiceBuilder, limit::ConcurrencyLimitLayer, service_fn};
use http::{Request, Response, StatusCode, header};
use tokio::time::{Instant, advance};
use tokio_test::{assert_pending, assert_ready, task};
use tower_breaker::{
    CircuitBreakerLayer, Error, Figure, Figures, RateLimit, RateLimitFigures, RateLimitLayer, Refusal, TokioClock,
    classify::ErrorsButRefusals, key,
};

use crate::support::{Echo, ask, circuit};

const OK: Result<(), Infallible> = Ok(());

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// How many of so many calls at this moment pass.
async fn passed(service: &mut impl Service<Result<(), Infallible>>, calls: usize) -> usize {
    let mut passed = 0;
    for _ in 0..calls {
        passed += usize::from(ask(service, OK).await.is_ok());
    }
    passed
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_a_hundred_at_once_and_then_fifty_a_second() {
    let mut service = RateLimitLayer::new(50.0, 100).unwrap().layer(Echo);
    assert_eq!(passed(&mut service, 1_000).await, 100);
    for _ in 0..10 {
        advance(seconds(1.0)).await;
        assert_eq!(passed(&mut service, 1_000).await, 50);
    }
    // A calm hour saves up one burst and no more.
    advance(seconds(3_600.0)).await;
    assert_eq!(passed(&mut service, 1_000).await, 100);
}

#[tokio::test(start_paused = true)]
async fn a_fraction_is_a_longer_period() {
    let mut service = RateLimitLayer::new(0.1, 1).unwrap().layer(Echo);
    assert_eq!(passed(&mut service, 2).await, 1);
    advance(seconds(9.999)).await;
    assert_eq!(passed(&mut service, 1).await, 0);
    advance(seconds(0.001)).await;
    assert_eq!(passed(&mut service, 2).await, 1);
}

#[test]
fn rates_and_bursts_out_of_range_do_not_build() {
    let field = |rate, burst| RateLimitLayer::new(rate, burst).err().map(|error| error.field());
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1_000_001.0] {
        assert_eq!(field(rate, 1), Some("per_second"), "{rate}");
    }
    for burst in [0, 1_000_001] {
        assert_eq!(field(50.0, burst), Some("burst"), "{burst}");
    }
    assert_eq!(field(1e-300, 1), Some("burst"));
    assert_eq!(field(1.0 / 86_400.0, 367), Some("burst"));
    assert_eq!(
        RateLimitLayer::new(0.0, 1).unwrap_err().to_string(),
        "per_second is 0.0; accepted: more than 0, up to 1,000,000"
    );
    for (rate, burst) in [(1_000_000.0, 1_000_000), (1.0 / 86_400.0, 366), (50.0, 1)] {
        assert_eq!(field(rate, burst), None);
    }
}

#[tokio::test(start_paused = true)]
async fn services_and_clones_of_a_layer_share_its_tokens_and_other_layers_do_not() {
    let layer = RateLimitLayer::new(1.0, 3).unwrap();
    let (mut one, mut other) = (layer.layer(Echo), layer.clone().layer(Echo));
    assert_eq!(passed(&mut one, 2).await + passed(&mut other.clone(), 2).await + passed(&mut other, 2).await, 3);
    assert_eq!(passed(&mut RateLimitLayer::new(1.0, 3).unwrap().layer(Echo), 9).await, 3);
}

#[test]
fn eight_threads_together_get_one_burst() {
    let layer = RateLimitLayer::new(0.001, 1_000).unwrap();
    let took = |mut service: RateLimit<Echo>| {
        let calls = (0..1_000).map(move |_| task::spawn(service.call(OK)).poll());
        calls.filter(|answer| matches!(answer, Poll::Ready(Ok(())))).count()
    };
    let passed: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| took(layer.layer(Echo)))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(passed, 1_000);
}

#[tokio::test(start_paused = true)]
async fn each_key_has_tokens_of_its_own() {
    let by_name = key::from_fn(|name: &Result<&'static str, Infallible>| (*name.as_ref().unwrap()).into());
    let mut service = RateLimitLayer::new(1.0, 2).unwrap().per_key(by_name).layer(Echo);
    for (name, passes) in [("a", true), ("a", true), ("a", false), ("b", true), ("b", true), ("b", false)] {
        assert_eq!(ask(&mut service, Ok(name)).await.is_ok(), passes);
    }
    advance(seconds(1.0)).await;
    for (name, passes) in [("b", true), ("b", false), ("a", true), ("a", false)] {
        assert_eq!(ask(&mut service, Ok(name)).await.is_ok(), passes);
    }
}

#[tokio::test(start_paused = true)]
async fn switched_off_it_limits_nothing() {
    let mut service = RateLimitLayer::off().layer(Echo);
    assert_eq!(passed(&mut service, 10_000).await, 10_000);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_when_the_next_token_comes() {
    let layer = RateLimitLayer::new(2.0, 1).unwrap();
    let mut service = layer.layer(Echo);
    ask(&mut service, OK).await.unwrap();
    advance(seconds(0.2)).await;
    let Err(Error::RateLimited(limited)) = ask(&mut service, OK).await else { panic!("it passed") };
    assert_eq!(limited.retry_after(), seconds(0.3));
    assert_eq!(layer.figures().limited, 1);
}

#[tokio::test(start_paused = true)]
async fn its_figures_are_listed_as_long_as_a_service_of_it_lives() {
    let figures = Figures::new();
    let mut service = RateLimitLayer::new(1.0, 1).unwrap().register(&figures, "search").layer(Echo);
    passed(&mut service, 4).await;
    let listed = figures.list();
    let [(name, Figure::RateLimit(RateLimitFigures { limited: 3, .. }))] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(&**name, "search");
    drop(service);
    assert_eq!(figures.list(), []);
}

#[tokio::test(start_paused = true)]
async fn as_a_response_it_is_a_429_with_retry_after_that_no_breaker_counts() {
    let circuit = circuit(1);
    let mut service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::http(circuit.clone()))
        .layer(RateLimitLayer::http(0.4, 1).unwrap())
        .service(service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(String::new())) }));
    ask(&mut service, Request::new(())).await.unwrap();
    let refused = ask(&mut service, Request::new(())).await.unwrap();
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.headers()[header::RETRY_AFTER], "3");
    assert!(matches!(refused.extensions().get(), Some(Refusal::RateLimited(_))));
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.successes, totals.failures, totals.ignored), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn as_an_error_no_breaker_that_looks_for_refusals_counts_it() {
    let circuit = circuit(1);
    let mut service = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(circuit.clone()).classify(ErrorsButRefusals::new()))
        .layer(RateLimitLayer::new(1.0, 1).unwrap())
        .service(Echo);
    assert_eq!(passed(&mut service, 3).await, 1);
    assert_eq!(circuit.snapshot().totals.ignored, 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_token_that_comes_in_time_and_is_refused_at_once_for_one_that_does_not() {
    let mut service = RateLimitLayer::new(2.0, 1).unwrap().max_wait(seconds(1.0)).layer(Echo);
    let start = Instant::now();
    let mut calls: Vec<_> = (0..4).map(|_| task::spawn(service.call(OK))).collect();
    // One now, two that wait half a second and a second; the fourth would have to wait longer.
    let refused = assert_ready!(calls.pop().unwrap().poll());
    assert!(matches!(refused, Err(Error::RateLimited(limited)) if limited.retry_after() == seconds(1.5)));
    for (call, at) in calls.into_iter().zip([0.0, 0.5, 1.0]) {
        call.await.unwrap();
        assert_eq!(start.elapsed(), seconds(at));
    }
}

#[tokio::test(start_paused = true)]
async fn waiters_go_in_order_and_no_newcomer_overtakes() {
    let mut service = RateLimitLayer::new(10.0, 1).unwrap().max_wait(seconds(1.0)).layer(Echo);
    ask(&mut service, OK).await.unwrap();
    let mut first = task::spawn(service.call(OK));
    assert_pending!(first.poll());
    advance(seconds(0.1)).await;
    // A token is there by now. It is the waiter's, though this one is polled before.
    let mut newcomer = task::spawn(service.call(OK));
    assert_pending!(newcomer.poll());
    assert_ready!(first.poll()).unwrap();
    advance(seconds(0.1)).await;
    assert_ready!(newcomer.poll()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn waiters_that_leave_from_the_end_give_their_tokens_back() {
    let mut service = RateLimitLayer::new(1.0, 2).unwrap().max_wait(seconds(10.0)).layer(Echo);
    assert_eq!(passed(&mut service, 2).await, 2);
    let start = Instant::now();
    let mut waiters: Vec<_> = (0..10).map(|_| task::spawn(service.call(OK))).collect();
    while waiters.len() > 1 {
        waiters.pop();
    }
    drop(waiters);
    ask(&mut service, OK).await.unwrap();
    assert_eq!(start.elapsed(), seconds(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_leaves_from_the_middle_does_not_raise_the_rate() {
    let mut service = RateLimitLayer::new(1.0, 1).unwrap().max_wait(seconds(10.0)).layer(Echo);
    ask(&mut service, OK).await.unwrap();
    let start = Instant::now();
    let left = task::spawn(service.call(OK));
    let second = service.call(OK);
    drop(left);
    let third = service.call(OK);
    second.await.unwrap();
    assert_eq!(start.elapsed(), seconds(2.0));
    third.await.unwrap();
    assert_eq!(start.elapsed(), seconds(3.0));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_ready_makes_the_call_that_waited() {
    // It panics when called on a clone that was not ready.
    let inner = ServiceBuilder::new().layer(ConcurrencyLimitLayer::new(1)).service(Echo);
    let mut service = RateLimitLayer::new(1.0, 1).unwrap().max_wait(seconds(1.0)).layer(inner);
    for _ in 0..3 {
        ask(&mut service, OK).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_keeps_no_place_of_the_inner_service() {
    let inner = ServiceBuilder::new().layer(ConcurrencyLimitLayer::new(1)).service(Echo);
    let mut service = RateLimitLayer::new(1.0, 1).unwrap().max_wait(seconds(1.0)).layer(inner.clone());
    ask(&mut service, OK).await.unwrap();
    let mut waiting = task::spawn(ask(&mut service, OK));
    assert_pending!(waiting.poll());
    // The one place there is belongs to whoever calls meanwhile.
    assert_ready!(task::spawn(ask(&mut inner.clone(), OK)).poll()).unwrap();
    waiting.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_follows_tokios_time_as_the_circuits_of_tests_do() {
    use tower_breaker::Clock;
    let clock = TokioClock::new();
    let mut service = RateLimitLayer::new(1.0, 1).unwrap().max_wait(seconds(60.0)).layer(Echo);
    for _ in 0..31 {
        ask(&mut service, OK).await.unwrap();
    }
    assert_eq!(clock.now(), seconds(30.0));
}
