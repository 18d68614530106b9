//! On axum's routers. None needs `HandleErrorLayer`.

use std::{convert::Infallible, time::Duration};

use ::axum::{
    Router,
    body::Body,
    extract::Request,
    http::Response,
    response::IntoResponse,
    routing::{Route, get},
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, layer::util::Stack};
use tower_breaker::{
    Bulkhead, BulkheadLayer, Circuit, CircuitBreakerLayer, Circuits, FallbackLayer, KeyedCircuitBreakerLayer,
    RateLimitLayer, ResilienceLayer, RetryLayer, TimeoutLayer,
    classify::StatusClassifier,
    fallback, key,
    refuse::{AsResponse, AsWrappedResponse},
    retry::{BufferBody, RetryConfig},
};

async fn well() -> &'static str {
    "well"
}

/// Around a router, its routes, and one route; and behind another layer.
async fn mounted<L>(layer: L)
where
    L: Layer<Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request>>::Response: IntoResponse + 'static,
    <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
    <L::Service as Service<Request>>::Future: Send + 'static,
{
    let built: Stack<_, _> = ServiceBuilder::new().layer(layer.clone()).into_inner();
    for app in [
        Router::new().route("/", get(well)).layer(layer.clone()),
        Router::new().route("/", get(well)).route_layer(layer.clone()),
        Router::new().route("/", get(well).layer(layer)),
        Router::new().route("/", get(well)).layer(built),
    ] {
        let answer = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
    }
}

fn circuit() -> Circuit {
    Circuit::new("route", Default::default())
}

#[tokio::test]
async fn breakers() {
    mounted(CircuitBreakerLayer::http(circuit())).await;
    mounted(CircuitBreakerLayer::http(circuit()).refuse(AsWrappedResponse)).await;
    mounted(
        CircuitBreakerLayer::http(circuit())
            .classify(StatusClassifier::server().at_end_of_body())
            .refuse(AsWrappedResponse),
    )
    .await;
    mounted(CircuitBreakerLayer::grpc(circuit())).await;
    mounted(CircuitBreakerLayer::http(circuit()).backpressure()).await;
    mounted(KeyedCircuitBreakerLayer::http(Circuits::new(Default::default()), key::method_and_path())).await;
    mounted(KeyedCircuitBreakerLayer::grpc(Circuits::new(Default::default()), key::grpc_service())).await;
}

#[tokio::test]
async fn other_stages() {
    let second = Duration::from_secs(1);
    mounted(TimeoutLayer::whole(second).refuse(AsResponse)).await;
    mounted(TimeoutLayer::attempt(second).refuse(AsWrappedResponse)).await;
    mounted(TimeoutLayer::attempt(second).refuse(AsWrappedResponse).until_end_of_body()).await;
    mounted(BulkheadLayer::new(Bulkhead::new(1).unwrap()).refuse(AsResponse)).await;
    mounted(BulkheadLayer::new(Bulkhead::new(4).unwrap()).refuse(AsWrappedResponse).until_end_of_body()).await;
    mounted(RateLimitLayer::http(100.0, 100).unwrap()).await;
    mounted(RateLimitLayer::http(100.0, 100).unwrap().per_key(key::host())).await;
    mounted(RetryLayer::http(RetryConfig::default()).map_body(Body::new)).await;
    let sorry = fallback::from_fn(|(), _: &fallback::Cause| Ok(Response::new(Body::from("sorry"))));
    mounted(FallbackLayer::http(sorry.keep(|_: &Request| ()))).await;
}

#[tokio::test]
async fn the_whole_stack() {
    let layer = ResilienceLayer::builder()
        .http()
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::default())
        .repeat(BufferBody::new().map_body(Body::new))
        .rate_limit(RateLimitLayer::http(100.0, 100).unwrap())
        .bulkhead(Bulkhead::builder(8).max_queue(8).build().unwrap())
        .circuit(circuit())
        .attempt_timeout(Duration::from_secs(2));
    mounted(layer.build().unwrap()).await;
}
