//! The plain Tower way, around `reqwest::Client` itself.

use std::{
    future::ready,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    time::Duration,
};

use reqwest::{Client, Request};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_breaker::{
    Circuit, CircuitBreakerLayer, Circuits, Error, KeyedCircuitBreakerLayer, ResilienceLayer, TimeoutKind,
    refuse::AsBoxError,
};
use tower_breaker_reqwest::{AsMiddlewareError, Origin, ReqwestClassifier, ReqwestRetry, TryClone, rejected};

use crate::support::{
    Answer::{Later, Never, Redirect, Status},
    Server, after, bare, nobody, soon,
};

fn get(url: &str) -> Request {
    Client::new().get(url).build().unwrap()
}

#[tokio::test]
async fn a_circuit_opens_by_status_and_takes_retry_after_along() {
    let server = Server::new(|_| Later("90")).await;
    let circuit = Circuit::new("api", after(1).build().unwrap());
    let layer = CircuitBreakerLayer::new(circuit.clone()).classify(ReqwestClassifier::new());
    let mut service = ServiceBuilder::new().layer(layer).service(bare());
    assert_eq!(service.ready().await.unwrap().call(get(&server.url)).await.unwrap().status(), 503);
    let Err(Error::CircuitOpen(refused)) = service.ready().await.unwrap().call(get(&server.url)).await else {
        panic!("it is open");
    };
    assert!(refused.remaining() > Duration::from_secs(80));
    assert_eq!(server.hits(), 1);
}

#[tokio::test]
async fn errors_are_told_apart() {
    let circuit = Circuit::new("api", after(100).build().unwrap());
    let layer = CircuitBreakerLayer::new(circuit.clone()).classify(ReqwestClassifier::new());
    let service = layer.layer(bare());
    let round = Server::new(|_| Redirect).await;
    assert!(service.clone().oneshot(get(&round.url)).await.is_err());
    assert_eq!(circuit.snapshot().totals.ignored, 1);
    assert!(service.clone().oneshot(get(&nobody().await)).await.is_err());
    assert_eq!(circuit.snapshot().totals.failures, 1);

    // A body of the caller's that breaks off while it is sent.
    let broken = tokio_stream::iter([Ok("a"), Err(std::io::Error::other("the disk is gone"))]);
    let mut upload = get(&Server::status(200).await.url);
    *upload.method_mut() = reqwest::Method::POST;
    *upload.body_mut() = Some(reqwest::Body::wrap_stream(broken));
    assert!(service.clone().oneshot(upload).await.is_err());
    assert_eq!((circuit.snapshot().totals.ignored, circuit.snapshot().totals.failures), (2, 1));

    // `error_for_status` further in: as the status it was.
    let strict = bare().and_then(|response: reqwest::Response| ready(response.error_for_status()));
    let service = layer.layer(strict);
    assert!(service.clone().oneshot(get(&Server::status(404).await.url)).await.is_err());
    assert_eq!((circuit.snapshot().totals.failures, circuit.snapshot().totals.successes), (1, 1));
    assert!(service.clone().oneshot(get(&Server::status(500).await.url)).await.is_err());
    assert_eq!(circuit.snapshot().totals.failures, 2);
}

#[tokio::test]
async fn each_origin_has_its_circuit() {
    let (sick, well) = (Server::status(500).await, Server::status(200).await);
    let circuits = Circuits::new(after(1).build().unwrap());
    let layer = KeyedCircuitBreakerLayer::new(circuits, Origin).classify(ReqwestClassifier::new());
    let service = layer.layer(bare());
    service.clone().oneshot(get(&sick.url)).await.unwrap();
    assert!(service.clone().oneshot(get(&sick.url)).await.is_err());
    assert!(service.clone().oneshot(get(&well.url)).await.is_ok());
}

#[tokio::test]
async fn the_whole_stack_fits_around_the_client() {
    let server = Server::new(|n| if n == 0 { Never } else { Status(if n == 1 { 503 } else { 200 }) }).await;
    let circuit = Circuit::new("api", after(100).build().unwrap());
    let layer = ResilienceLayer::builder()
        .timeout(Duration::from_secs(30))
        .retry(soon())
        .circuit(circuit.clone())
        .attempt_timeout(Duration::from_secs(3))
        .classify(ReqwestClassifier::new())
        .policy(ReqwestRetry::new())
        .repeat(TryClone);
    let service = layer.build().unwrap().layer(bare());
    assert_eq!(service.oneshot(get(&server.url)).await.unwrap().status(), 200);
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.successes), (2, 1));
}

#[tokio::test]
async fn the_whole_stack_fits_around_boxed_errors() {
    let server = Server::new(|_| Never).await;
    let circuit = Circuit::new("api", after(1).build().unwrap());
    let layer = ResilienceLayer::builder()
        .boxed()
        .retry(soon())
        .circuit(circuit.clone())
        .attempt_timeout(Duration::from_millis(50))
        .classify(ReqwestClassifier::new().boxed())
        .policy(ReqwestRetry::new().boxed())
        .repeat(TryClone);
    // However soon they are given up.
    let attempts = AtomicUsize::new(0);
    let count = |request: Request| {
        attempts.fetch_add(1, SeqCst);
        request
    };
    let service = layer.build().unwrap().layer(bare().map_request(count));
    let error = service.clone().oneshot(get(&server.url)).await.unwrap_err();
    let limit = error.downcast_ref::<tower_breaker::TimedOut>().unwrap();
    assert_eq!(limit.kind(), TimeoutKind::Attempt);
    assert!(service.oneshot(get(&server.url)).await.unwrap_err().is::<tower_breaker::Rejected>());
    assert_eq!(attempts.load(SeqCst), 1);

    let breaker = CircuitBreakerLayer::new(circuit).classify(ReqwestClassifier::new()).refuse(AsBoxError);
    assert!(breaker.layer(bare()).oneshot(get(&server.url)).await.is_err());
}

#[tokio::test]
async fn a_client_with_middlewares_is_a_service_too() {
    let server = Server::status(500).await;
    let circuit = Circuit::new("api", after(1).build().unwrap());
    let layer = CircuitBreakerLayer::new(circuit).classify(ReqwestClassifier::new()).refuse(AsMiddlewareError);
    let service = layer.layer(reqwest_middleware::ClientWithMiddleware::from(bare()));
    service.clone().oneshot(get(&server.url)).await.unwrap();
    assert!(rejected(&service.oneshot(get(&server.url)).await.unwrap_err()).is_some());
}
