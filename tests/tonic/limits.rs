//! Timeouts, bulkheads and rate limits around a channel: what a tonic client sees of them.

use std::time::Duration;

use tonic::{Code, IntoRequest, Request, transport::Server as Tonic};
use tower::{Layer, ServiceBuilder};
use tower_breaker::{
    Bulkhead, BulkheadLayer, CircuitBreakerLayer, RateLimitLayer, State, TimeoutLayer, refuse::AsWrappedResponse,
};

use crate::{
    shop::{PricesClient, PricesServer},
    support::{Server, Told, circuit, only, totals, until},
};

const SHORT: Duration = Duration::from_millis(50);

fn server() -> (Server, Told) {
    let told = Told::default();
    let router = Tonic::builder().add_service(PricesServer::new(told.clone()));
    (Server::start(|incoming| router.serve_with_incoming(incoming)), told)
}

#[tokio::test]
async fn an_attempt_that_takes_too_long_is_deadline_exceeded_and_a_failure() {
    let (server, _) = server();
    let (circuit, _) = circuit(1);
    let guarded = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::grpc(circuit.clone()))
        .layer(TimeoutLayer::attempt(SHORT).refuse(AsWrappedResponse))
        .service(server.channel());
    let mut prices = PricesClient::new(guarded);
    assert_eq!(prices.quote("hang".to_owned()).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!((circuit.state(), totals(&circuit)), (State::Open, only(|totals| totals.failures = 1)));
    // Refused, and no timeout.
    assert_eq!(prices.quote("hang".to_owned()).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_whole_call_that_takes_too_long_is_deadline_exceeded_and_the_breaker_inside_is_told() {
    let (server, _) = server();
    let (circuit, _) = circuit(1);
    let guarded = ServiceBuilder::new()
        .layer(TimeoutLayer::whole(SHORT).expiring().refuse(AsWrappedResponse))
        .layer(CircuitBreakerLayer::grpc(circuit.clone()))
        .service(server.channel());
    let mut prices = PricesClient::new(guarded);
    assert_eq!(prices.quote("hang".to_owned()).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(totals(&circuit), only(|totals| totals.failures = 1));
    assert_eq!(prices.quote("tea".to_owned()).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn tonics_own_timeouts_are_failures_too() {
    let (server, _) = server();
    // Of the endpoint: tonic calls it CANCELLED.
    let (circuit, _) = circuit(9);
    let channel = server.endpoint().timeout(SHORT).connect_lazy();
    let mut prices = PricesClient::new(CircuitBreakerLayer::grpc(circuit.clone()).layer(channel));
    assert_eq!(prices.quote("hang".to_owned()).await.unwrap_err().code(), Code::Cancelled);
    assert_eq!(totals(&circuit), only(|totals| totals.failures = 1));

    // Of one request: as `grpc-timeout`, which the channel and the server both keep.
    let (circuit, _) = self::circuit(9);
    let mut prices = PricesClient::new(CircuitBreakerLayer::grpc(circuit.clone()).layer(server.channel()));
    let mut request: Request<String> = "hang".to_owned().into_request();
    request.set_timeout(SHORT);
    assert!(prices.quote(request).await.is_err());
    assert_eq!(totals(&circuit), only(|totals| totals.failures = 1));
}

#[tokio::test]
async fn a_full_bulkhead_is_resource_exhausted_and_counts_in_no_breaker() {
    let (server, told) = server();
    let (outer, _) = circuit(1);
    let (inner, _) = circuit(1);
    let guarded = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::grpc(outer.clone()))
        .layer(BulkheadLayer::new(Bulkhead::new(1).unwrap()).refuse(AsWrappedResponse))
        .layer(CircuitBreakerLayer::grpc(inner.clone()))
        .service(server.channel());
    let mut hung = PricesClient::new(guarded.clone());
    let hung = tokio::spawn(async move { hung.quote("hang".to_owned()).await });
    until("one call is inside", || told.calls() == 1).await;

    let mut prices = PricesClient::new(guarded);
    for _ in 0..3 {
        let refused = prices.quote("tea".to_owned()).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(refused.metadata().get("grpc-retry-pushback-ms").unwrap(), "1");
    }
    hung.abort();
    assert_eq!((outer.state(), inner.state()), (State::Closed, State::Closed));
    assert_eq!((totals(&outer).ignored, totals(&outer).failures, totals(&inner).failures), (3, 0, 0));
}

#[tokio::test]
async fn a_rate_limit_is_resource_exhausted_with_the_time_to_come_back() {
    let (server, _) = server();
    let limit = RateLimitLayer::new(0.01, 1).unwrap().refuse(AsWrappedResponse);
    let mut prices = PricesClient::new(limit.layer(server.channel()));
    assert!(prices.quote("tea".to_owned()).await.is_ok());
    let refused = prices.quote("tea".to_owned()).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let millis: u64 = refused.metadata().get("grpc-retry-pushback-ms").unwrap().to_str().unwrap().parse().unwrap();
    assert!((50_000..=100_000).contains(&millis), "{millis}");
}
