//! What one call may ask of the stages.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::http::Extensions;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, Error, Middleware, Next};
use tower_breaker::{Circuits, TimeoutKind, key};
use tower_breaker_reqwest::{
    CallTimeout, CircuitName, Policy, PolicyName, ReqwestClassifier, ResilienceMiddleware, UnknownPolicy, rejected,
    timed_out,
};

use crate::support::{
    Answer::{Never, Status},
    Server, after, bare, client, soon,
};

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_request_picks_its_policy_its_circuit_and_its_time() {
    let server = Server::status(503).await;
    let circuits = Circuits::new(Default::default());
    let usual = Policy::builder().circuit_breaker(after(100).build().unwrap()).build().unwrap();
    let strict = Policy::builder().circuit_breaker(after(1).build().unwrap()).build().unwrap();
    let middleware = ResilienceMiddleware::new(usual).policy("strict", strict).with_circuits(circuits.clone());
    let client = client(middleware);
    let strictly = || client.get(&server.url).with_extension(PolicyName::new("strict"));

    client.get(&server.url).send().await.unwrap();
    strictly().send().await.unwrap();
    let refused = strictly().send().await.unwrap_err();
    assert_eq!(rejected(&refused).unwrap().name(), format!("strict#{}", server.url));
    assert!(client.get(&server.url).send().await.is_ok());

    let named = || strictly().with_extension(CircuitName::new("payments"));
    named().send().await.unwrap();
    assert_eq!(rejected(&named().send().await.unwrap_err()).unwrap().name(), "payments");
    // By its name a circuit is the same one, whatever the policy.
    let other = client.get(&server.url).with_extension(CircuitName::new("payments"));
    assert!(rejected(&other.send().await.unwrap_err()).is_some());
}

#[tokio::test]
async fn a_policy_that_is_not_there_is_an_error_and_nothing_is_sent() {
    let server = Server::status(200).await;
    let off = || Policy::builder().build().unwrap();
    let client = client(ResilienceMiddleware::new(off()).policy("slow", off()).policy("fast", off()));
    let error = client.get(&server.url).with_extension(PolicyName::new("fsat")).send().await.unwrap_err();
    assert_eq!(error.to_string(), "the call asks for policy `fsat`, which is not there; accepted: `fast`, `slow`");
    let Error::Middleware(cause) = error else { panic!("{error:?}") };
    assert_eq!(cause.downcast_ref().map(UnknownPolicy::name), Some("fsat"));
    assert_eq!(server.hits(), 0);
}

#[tokio::test]
async fn a_call_s_own_time_takes_the_place_of_the_policy_s() {
    let hung = Server::new(|_| Never).await;
    let policy = |timeout| ResilienceMiddleware::new(Policy::builder().timeout(timeout).build().unwrap());
    let shorter = client(policy(Duration::from_secs(3_600)));
    let error = shorter.get(&hung.url).with_extension(CallTimeout::new(SHORT)).send().await.unwrap_err();
    assert_eq!(timed_out(&error).map(|limit| (limit.kind(), limit.limit())), Some((TimeoutKind::Whole, SHORT)));

    let longer = client(policy(Duration::ZERO));
    let well = Server::status(200).await;
    assert!(timed_out(&longer.get(&well.url).send().await.unwrap_err()).is_some());
    let request = longer.get(&well.url).with_extension(CallTimeout::new(Duration::from_secs(60)));
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn statuses_that_fail_are_as_they_are_said_to_be() {
    let server = Server::status(404).await;
    let policy = Policy::builder().circuit_breaker(after(1).build().unwrap()).build().unwrap();
    let judge = ReqwestClassifier::failing_on(|status| status == 404);
    let client = client(ResilienceMiddleware::new(policy).classify(judge));
    client.get(&server.url).send().await.unwrap();
    assert!(client.get(&server.url).send().await.is_err());
}

#[tokio::test]
async fn circuits_are_named_by_a_key_of_the_users() {
    let server = Server::status(500).await;
    let by_path = key::from_fn(|request: &Request| request.url().path().into());
    let policy = Policy::builder().circuit_breaker(after(1).build().unwrap()).build().unwrap();
    let client = client(ResilienceMiddleware::new(policy).key(by_path));
    client.get(format!("{}/a", server.url)).send().await.unwrap();
    let error = client.get(format!("{}/a", server.url)).send().await.unwrap_err();
    assert_eq!(rejected(&error).unwrap().name(), "/a");
    assert!(client.get(format!("{}/b", server.url)).send().await.is_ok());
}

/// Counts attempts in the extensions.
struct Count;

#[derive(Clone, Default)]
struct Counted(u32);

#[async_trait]
impl Middleware for Count {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response, Error> {
        extensions.get_or_insert_default::<Counted>().0 += 1;
        next.run(request, extensions).await
    }
}

/// Reads what was counted.
struct Read(Arc<AtomicU32>);

#[async_trait]
impl Middleware for Read {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response, Error> {
        let result = next.run(request, extensions).await;
        self.0.store(extensions.get::<Counted>().map_or(0, |counted| counted.0), Ordering::SeqCst);
        result
    }
}

#[tokio::test]
async fn middlewares_further_in_see_every_attempt_and_what_they_note_comes_out() {
    let server = Server::new(|n| Status(if n < 2 { 503 } else { 200 })).await;
    let seen = Arc::new(AtomicU32::new(0));
    let policy = Policy::builder().retry(soon()).build().unwrap();
    let client = ClientBuilder::new(bare())
        .with(Read(Arc::clone(&seen)))
        .with(ResilienceMiddleware::new(policy))
        .with(Count)
        .build();
    assert_eq!(client.get(&server.url).send().await.unwrap().status(), 200);
    assert_eq!(seen.load(Ordering::SeqCst), 3);
}
