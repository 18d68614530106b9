//! A breaker as a layer of a tonic server.

use std::time::Duration;

use http::{Request, Uri};
use http_body::Body as HttpBody;
use tonic::{Code, IntoRequest, body::Body, service::LayerExt, transport::Server as Tonic};
use tower::{Layer, Service, ServiceExt};
use tower_breaker::{
    Bulkhead, BulkheadLayer, Circuit, CircuitBreakerConfig, CircuitBreakerLayer, KeyedCircuitBreakerLayer, State,
    TimeoutLayer, classify::GrpcClassifier, key, refuse::AsWrappedResponse,
};

use crate::{
    shop::{PricesClient, PricesServer},
    support::{Server, Told, WAIT, circuit, config, drain, ends_as, only, totals, until},
};

const SHORT: Duration = Duration::from_millis(50);

/// A server whose every call passes the breaker.
fn guarded(circuit: &Circuit) -> (Server, Told) {
    let told = Told::default();
    let layer = CircuitBreakerLayer::grpc(circuit.clone()).classify(GrpcClassifier::server());
    let router = Tonic::builder().layer(layer).add_service(PricesServer::new(told.clone()));
    (Server::start(|incoming| router.serve_with_incoming(incoming)), told)
}

#[tokio::test]
async fn failing_handlers_open_it_and_its_callers_get_unavailable_with_pushback() {
    let (circuit, clock) = circuit(2);
    let (server, told) = guarded(&circuit);
    let mut prices = PricesClient::new(server.channel());
    // In the head, and in trailers.
    assert_eq!(prices.quote("INTERNAL".to_owned()).await.unwrap_err().code(), Code::Internal);
    let mut stream = prices.watch("1 INTERNAL".to_owned()).await.unwrap().into_inner();
    assert_eq!(drain(&mut stream).await, (1, Code::Internal));
    assert_eq!((circuit.state(), told.calls()), (State::Open, 2));

    let refused = prices.quote("tea".to_owned()).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::Unavailable, "not available at the moment"));
    assert_eq!(refused.metadata().get("grpc-retry-pushback-ms").unwrap(), "10000");
    assert_eq!(prices.watch("1".to_owned()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(told.calls(), 2);

    clock.advance(WAIT);
    assert!(prices.quote("tea".to_owned()).await.is_ok());
    assert_eq!(circuit.state(), State::Closed);
}

#[tokio::test]
async fn a_refusal_on_the_wire_is_trailers_only() {
    let (circuit, _) = circuit(1);
    circuit.force_open();
    let (server, _) = guarded(&circuit);
    let mut channel = server.channel();
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = Uri::from_static("/shop.Prices/Quote");
    *request.method_mut() = http::Method::POST;
    request.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
    let response = channel.ready().await.unwrap().call(request).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert_eq!(response.headers()["grpc-status"], "14");
    assert_eq!(response.headers()["grpc-retry-pushback-ms"], "10000");
    // The head is all there is.
    assert!(response.body().is_end_stream());
    assert!(!response.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn cancelled_says_nothing_of_a_server_and_a_callers_mistake_is_a_success() {
    let (circuit, _) = circuit(1);
    let (server, _) = guarded(&circuit);
    let mut prices = PricesClient::new(server.channel());
    assert_eq!(prices.quote("CANCELLED".to_owned()).await.unwrap_err().code(), Code::Cancelled);
    assert_eq!(prices.quote("NOT_FOUND".to_owned()).await.unwrap_err().code(), Code::NotFound);
    assert_eq!(prices.quote("INVALID_ARGUMENT".to_owned()).await.unwrap_err().code(), Code::InvalidArgument);
    let mut stream = prices.watch("1 CANCELLED".to_owned()).await.unwrap().into_inner();
    assert_eq!(drain(&mut stream).await, (1, Code::Cancelled));
    assert_eq!(totals(&circuit), only(|totals| (totals.successes, totals.ignored) = (2, 2)));
}

#[tokio::test]
async fn a_client_that_drops_its_stream_is_no_failure() {
    let (circuit, clock) = circuit(1);
    let (server, _) = guarded(&circuit);
    let mut prices = PricesClient::new(server.channel());
    let mut begun = prices.watch("1 hang".to_owned()).await.unwrap().into_inner();
    assert!(begun.message().await.unwrap().is_some());
    clock.advance(WAIT);
    drop(begun);
    ends_as(&circuit, only(|totals| totals.successes = 1)).await;

    let unread = prices.watch("hang".to_owned()).await.unwrap().into_inner();
    clock.advance(WAIT);
    drop(unread);
    ends_as(&circuit, only(|totals| (totals.successes, totals.ignored) = (1, 1))).await;
}

#[tokio::test]
async fn a_strangers_short_deadline_does_not_open_it() {
    let (circuit, _) = circuit(1);
    let (server, told) = guarded(&circuit);
    let prices = PricesClient::new(server.channel());
    assert!(prices.clone().quote("tea".to_owned()).await.is_ok());
    let strangers: Vec<_> = (0..3)
        .map(|_| {
            let (mut prices, mut request) = (prices.clone(), "hang".to_owned().into_request());
            // Long enough to get to the handler, be the machine busy.
            request.set_timeout(Duration::from_secs(2));
            tokio::spawn(async move { prices.quote(request).await })
        })
        .collect();
    for stranger in strangers {
        assert!(stranger.await.unwrap().is_err());
    }
    until("the handlers were dropped", || totals(&circuit).calls() == 4).await;
    assert_eq!(told.calls(), 4);
    assert_eq!(totals(&circuit), only(|totals| (totals.successes, totals.cancelled) = (1, 3)));
}

#[tokio::test]
async fn a_servers_own_timeout_is_deadline_exceeded_and_a_failure() {
    let (circuit, _) = circuit(1);
    let told = Told::default();
    let layer = CircuitBreakerLayer::grpc(circuit.clone()).classify(GrpcClassifier::server());
    let router = Tonic::builder()
        .layer(layer)
        .layer(TimeoutLayer::attempt(SHORT).refuse(AsWrappedResponse))
        .add_service(PricesServer::new(told));
    let server = Server::start(|incoming| router.serve_with_incoming(incoming));
    let mut prices = PricesClient::new(server.channel());
    assert_eq!(prices.quote("hang".to_owned()).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!(prices.quote("hang".to_owned()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(totals(&circuit), only(|totals| totals.failures = 1));
}

#[tokio::test]
async fn a_servers_full_bulkhead_is_resource_exhausted() {
    let told = Told::default();
    let layer = BulkheadLayer::new(Bulkhead::new(1).unwrap()).refuse(AsWrappedResponse);
    let router = Tonic::builder().layer(layer).add_service(PricesServer::new(told.clone()));
    let server = Server::start(|incoming| router.serve_with_incoming(incoming));
    let mut hung = PricesClient::new(server.channel());
    let hung = tokio::spawn(async move { hung.quote("hang".to_owned()).await });
    until("one call is inside", || told.calls() == 1).await;
    let refused = PricesClient::new(server.channel()).quote("tea".to_owned()).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    hung.abort();
}

#[tokio::test]
async fn around_one_service_of_several_and_keyed_by_method() {
    let told = Told::default();
    let methods = tower_breaker::Circuits::new(config(1));
    let layer = KeyedCircuitBreakerLayer::grpc(methods.clone(), key::grpc_method()).classify(GrpcClassifier::server());
    // `named_layer`: tonic routes by a name that other layers would hide.
    let router = Tonic::builder().add_service(layer.named_layer(PricesServer::new(told)));
    let server = Server::start(|incoming| router.serve_with_incoming(incoming));
    let mut prices = PricesClient::new(server.channel());
    assert_eq!(prices.quote("INTERNAL".to_owned()).await.unwrap_err().code(), Code::Internal);
    assert_eq!(prices.quote("tea".to_owned()).await.unwrap_err().code(), Code::Unavailable);
    let mut stream = prices.watch("2".to_owned()).await.unwrap().into_inner();
    assert_eq!(drain(&mut stream).await, (2, Code::Ok));
    assert_eq!(methods.len(), 2);
}

#[tokio::test]
async fn a_panicking_handler_is_a_failure() {
    struct Panics;
    impl crate::shop::Prices for Panics {
        async fn quote(&self, _: String) -> Result<String, tonic::Status> {
            panic!("on purpose")
        }

        async fn watch(&self, _: String) -> Result<crate::shop::Answers, tonic::Status> {
            Ok(Box::pin(tokio_stream::once(()).map(|()| panic!("on purpose"))))
        }
    }

    use tokio_stream::StreamExt;

    let (circuit, _) = circuit(2);
    let layer = CircuitBreakerLayer::grpc(circuit.clone()).classify(GrpcClassifier::server());
    let router = Tonic::builder().layer(layer).add_service(PricesServer::new(Panics));
    let server = Server::start(|incoming| router.serve_with_incoming(incoming));
    assert!(PricesClient::new(server.channel()).quote("tea".to_owned()).await.is_err());
    ends_as(&circuit, only(|totals| totals.failures = 1)).await;
    if let Ok(stream) = PricesClient::new(server.channel()).watch("tea".to_owned()).await {
        assert_ne!(drain(&mut stream.into_inner()).await.1, Code::Ok);
    }
    ends_as(&circuit, only(|totals| totals.failures = 2)).await;
    assert_eq!(circuit.state(), State::Open);
}

#[tokio::test]
async fn its_pushback_is_the_wait_of_its_callers_breaker() {
    let (theirs, _) = circuit(1);
    theirs.force_open();
    let (server, told) = guarded(&theirs);
    let impatient = CircuitBreakerConfig::builder()
        .failure_threshold(1)
        .open_duration(Duration::from_millis(100))
        .max_open_duration(Duration::from_secs(60))
        .open_duration_jitter(0.0)
        .build()
        .unwrap();
    let ours = Circuit::new("prices", impatient);
    let mut prices = PricesClient::new(CircuitBreakerLayer::grpc(ours.clone()).layer(server.channel()));
    assert_eq!(prices.quote("tea".to_owned()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!((ours.state(), ours.snapshot().open_wait), (State::Open, Some(WAIT)));
    assert_eq!(told.calls(), 0);
}
