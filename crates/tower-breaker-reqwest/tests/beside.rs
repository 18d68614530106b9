//! Beside reqwest-retry and reqwest-tracing.

use std::time::Duration;

use reqwest_middleware::ClientBuilder;
use reqwest_retry::{RetryTransientMiddleware, policies::ExponentialBackoff};
use reqwest_tracing::TracingMiddleware;
use tower_breaker::Circuits;
use tower_breaker_reqwest::{CircuitBreakerMiddleware, Policy, ResilienceMiddleware, refusal, rejected, timed_out};

use crate::support::{
    Answer::{Never, Status},
    Attempts, Server, after, bare,
};

fn retries(most: u32) -> RetryTransientMiddleware<ExponentialBackoff> {
    let backoff = ExponentialBackoff::builder()
        .retry_bounds(Duration::from_millis(1), Duration::from_millis(2))
        .build_with_max_retries(most);
    RetryTransientMiddleware::new_with_policy(backoff)
}

#[tokio::test]
async fn a_retry_around_the_breaker_shows_it_every_attempt_and_ends_at_a_refusal() {
    let server = Server::status(503).await;
    let circuits = Circuits::new(after(3).build().unwrap());
    let client = ClientBuilder::new(bare())
        .with(TracingMiddleware::default())
        .with(retries(20))
        .with(CircuitBreakerMiddleware::with_circuits(circuits.clone()))
        .build();
    let error = client.get(&server.url).send().await.unwrap_err();
    assert_eq!(rejected(&error).unwrap().name(), server.url);
    assert_eq!(server.hits(), 3);
    let error = client.get(&server.url).send().await.unwrap_err();
    assert!(rejected(&error).is_some() && refusal(&error).is_some());
    assert_eq!(server.hits(), 3);
    let snapshot = circuits.snapshot(&server.url).unwrap();
    assert_eq!((snapshot.totals.calls(), snapshot.refusals.enforced()), (3, 2));
}

#[tokio::test]
async fn a_retry_inside_the_breaker_is_one_call() {
    let server = Server::new(|n| Status(if n % 3 == 2 { 200 } else { 503 })).await;
    let circuits = Circuits::new(after(1).build().unwrap());
    let client = ClientBuilder::new(bare())
        .with(CircuitBreakerMiddleware::with_circuits(circuits.clone()))
        .with(retries(2))
        .with(TracingMiddleware::default())
        .build();
    for _ in 0..2 {
        assert_eq!(client.get(&server.url).send().await.unwrap().status(), 200);
    }
    assert_eq!(server.hits(), 6);
    assert_eq!(circuits.snapshot(&server.url).unwrap().totals.successes, 2);
}

#[tokio::test]
async fn an_error_that_a_retry_further_in_hands_on_is_a_failure() {
    let nobody = crate::support::nobody().await;
    let circuits = Circuits::new(after(100).build().unwrap());
    let client = ClientBuilder::new(bare())
        .with(CircuitBreakerMiddleware::with_circuits(circuits.clone()))
        .with(retries(1))
        .build();
    client.get(&nobody).send().await.unwrap_err();
    assert_eq!(circuits.snapshot(&nobody).unwrap().totals.failures, 1);
}

#[tokio::test]
async fn a_timeout_of_the_stack_is_not_repeated_by_a_retry_around_it() {
    let server = Server::new(|_| Never).await;
    let (policy, attempts) = (Policy::builder().timeout(Duration::from_millis(50)), Attempts::default());
    let client = ClientBuilder::new(bare())
        .with(retries(20))
        .with(ResilienceMiddleware::new(policy.build().unwrap()))
        .with(TracingMiddleware::default())
        .with(attempts.clone())
        .build();
    assert!(timed_out(&client.get(&server.url).send().await.unwrap_err()).is_some());
    assert_eq!(attempts.count(), 1);
}
