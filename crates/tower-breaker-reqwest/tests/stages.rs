//! The stages around a call, and what each is kept apart for.

use std::time::Duration;

use tower_breaker::{Bulkhead, CircuitBreakerConfig, Circuits, Figure, Figures, Refusal, TimeoutKind};
use tower_breaker_reqwest::{Policy, ResilienceMiddleware, refusal, rejected, timed_out};

use crate::support::{
    Answer::{Never, Status},
    Server, after, client, soon, until,
};

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_hung_origin_fills_no_place_of_another() {
    let (hung, well) = (Server::new(|_| Never).await, Server::status(200).await);
    let client = client(ResilienceMiddleware::new(Policy::builder().bulkhead(Bulkhead::builder(1)).build().unwrap()));
    let held = tokio::spawn(client.get(&hung.url).send());
    until(|| hung.hits() == 1).await;
    let error = client.get(&hung.url).send().await.unwrap_err();
    assert!(matches!(refusal(&error), Some(Refusal::BulkheadFull(_))) && rejected(&error).is_none());
    assert_eq!(client.get(&well.url).send().await.unwrap().status(), 200);
    held.abort();
    assert!(held.await.unwrap_err().is_cancelled());
    // The place is free again; the call hangs as the first did.
    let held = tokio::spawn(client.get(&hung.url).send());
    until(|| hung.hits() == 2).await;
    held.abort();
}

#[tokio::test]
async fn a_call_queues_for_a_place_as_long_as_the_policy_says() {
    let hung = Server::new(|_| Never).await;
    let places = Bulkhead::builder(1).max_queue(1).max_wait(SHORT);
    let client = client(ResilienceMiddleware::new(Policy::builder().bulkhead(places).build().unwrap()));
    let held = tokio::spawn(client.get(&hung.url).send());
    until(|| hung.hits() == 1).await;
    let second = tokio::time::timeout(Duration::from_secs(10), client.get(&hung.url).send()).await.unwrap();
    let Some(Refusal::BulkheadFull(full)) = refusal(&second.unwrap_err()) else { panic!("it is full") };
    assert!(full.waited() >= SHORT, "{full:?}");
    held.abort();
}

#[tokio::test]
async fn an_open_circuit_refuses_at_once_while_a_hung_call_fills_the_bulkhead() {
    let hung = Server::new(|_| Never).await;
    let policy =
        Policy::builder().bulkhead(Bulkhead::builder(1).max_queue(8)).circuit_breaker(CircuitBreakerConfig::default());
    let circuits = Circuits::new(Default::default());
    let middleware = ResilienceMiddleware::new(policy.build().unwrap()).with_circuits(circuits.clone());
    let client = client(middleware);
    let held = tokio::spawn(client.get(&hung.url).send());
    until(|| hung.hits() == 1).await;
    circuits.get(&hung.url).unwrap().force_open();
    let refused = tokio::time::timeout(Duration::from_secs(10), client.get(&hung.url).send()).await.unwrap();
    assert!(rejected(&refused.unwrap_err()).is_some());
    held.abort();
}

#[tokio::test]
async fn an_attempt_that_hangs_is_a_failure_and_tried_again() {
    let server = Server::new(|n| if n == 0 { Never } else { Status(200) }).await;
    let circuits = Circuits::new(Default::default());
    let policy = Policy::builder()
        .retry(soon())
        .circuit_breaker(after(100).build().unwrap())
        .attempt_timeout(Duration::from_secs(3));
    let middleware = ResilienceMiddleware::new(policy.build().unwrap()).with_circuits(circuits.clone());
    assert_eq!(client(middleware).get(&server.url).send().await.unwrap().status(), 200);
    let totals = circuits.snapshot(&server.url).unwrap().totals;
    assert_eq!((totals.failures, totals.successes), (1, 1));
}

#[tokio::test]
async fn the_end_of_the_whole_call_is_a_failure_of_the_attempt_under_way() {
    let server = Server::new(|_| Never).await;
    let circuits = Circuits::new(Default::default());
    let policy = Policy::builder().timeout(SHORT).circuit_breaker(after(1).build().unwrap()).build().unwrap();
    let client = client(ResilienceMiddleware::new(policy).with_circuits(circuits.clone()));
    let limit = timed_out(&client.get(&server.url).send().await.unwrap_err()).unwrap();
    assert_eq!((limit.kind(), limit.limit()), (TimeoutKind::Whole, SHORT));
    assert_eq!(circuits.snapshot(&server.url).unwrap().totals.failures, 1);
    assert!(rejected(&client.get(&server.url).send().await.unwrap_err()).is_some());
}

#[tokio::test]
async fn a_circuit_that_opened_ends_the_retries_with_the_attempt_s_own_answer() {
    let server = Server::status(503).await;
    let policy = Policy::builder().retry(soon()).circuit_breaker(after(2).build().unwrap()).build().unwrap();
    let client = client(ResilienceMiddleware::new(policy));
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 503);
    assert_eq!(server.hits(), 2);
    assert!(rejected(&client.get(&server.url).send().await.unwrap_err()).is_some());
    assert_eq!(server.hits(), 2);
}

#[tokio::test]
async fn a_rate_limit_refuses_what_is_too_much() {
    let server = Server::status(200).await;
    let circuits = Circuits::new(Default::default());
    let policy = Policy::builder().rate_limit(0.001, 2, Duration::ZERO).circuit_breaker(after(1).build().unwrap());
    let client = client(ResilienceMiddleware::new(policy.build().unwrap()).with_circuits(circuits.clone()));
    for _ in 0..2 {
        client.get(&server.url).send().await.unwrap();
    }
    let error = client.get(&server.url).send().await.unwrap_err();
    assert!(matches!(refusal(&error), Some(Refusal::RateLimited(_))));
    let totals = circuits.snapshot(&server.url).unwrap().totals;
    assert_eq!((totals.calls(), totals.successes), (2, 2));
}

#[tokio::test]
async fn a_rate_limit_keeps_a_call_waiting_whose_turn_comes_soon_enough() {
    let server = Server::status(200).await;
    let policy = Policy::builder().rate_limit(50.0, 1, Duration::from_secs(10)).build().unwrap();
    let client = client(ResilienceMiddleware::new(policy));
    for _ in 0..3 {
        assert_eq!(client.get(&server.url).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn the_first_call_to_another_origin_gives_nobody_a_limit_anew() {
    let (spent, other) = (Server::status(200).await, Server::status(200).await);
    let policy = Policy::builder().rate_limit(0.001, 1, Duration::ZERO).build().unwrap();
    let client = client(ResilienceMiddleware::new(policy));
    for server in [&spent, &other] {
        assert_eq!(client.get(&server.url).send().await.unwrap().status(), 200);
    }
    let error = client.get(&spent.url).send().await.unwrap_err();
    assert!(matches!(refusal(&error), Some(Refusal::RateLimited(_))));
}

#[tokio::test]
async fn stages_are_listed_for_exporters() {
    let server = Server::status(200).await;
    let figures = Figures::new();
    let policy = Policy::builder()
        .timeout(Duration::from_secs(30))
        .retry(soon())
        .rate_limit(100.0, 100, Duration::ZERO)
        .bulkhead(Bulkhead::builder(1))
        .attempt_timeout(Duration::from_secs(10));
    let client = client(ResilienceMiddleware::new(policy.build().unwrap()).register(&figures));
    client.get(&server.url).send().await.unwrap();
    let mut stages: Vec<_> = figures
        .list()
        .into_iter()
        .map(|(name, figure)| {
            assert_eq!(*name, *server.url);
            match figure {
                Figure::Retry(_) => "retry",
                Figure::Bulkhead(_) => "bulkhead",
                Figure::RateLimit(_) => "rate limit",
                Figure::Timeout(_) => "timeout",
                _ => "another",
            }
        })
        .collect();
    stages.sort_unstable();
    assert_eq!(stages, ["bulkhead", "rate limit", "retry", "timeout", "timeout"]);
}

#[test]
fn a_policy_that_cannot_work_is_not_built() {
    let field = |policy: tower_breaker_reqwest::PolicyBuilder| policy.build().unwrap_err().field();
    assert_eq!(field(Policy::builder().timeout(SHORT).attempt_timeout(SHORT)), "attempt_timeout");
    assert_eq!(field(Policy::builder().bulkhead(Bulkhead::builder(0))), "max_concurrent");
    assert_eq!(field(Policy::builder().rate_limit(f64::NAN, 1, Duration::ZERO)), "per_second");
    assert_eq!(field(Policy::builder().rate_limit(1.0, 0, Duration::ZERO)), "burst");
}
