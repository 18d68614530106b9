//! Over a `reqwest::Client`, as a service and with middlewares.

use std::{fmt::Debug, time::Duration};

use ::reqwest::{Client, Request, Response};
use axum::Router;
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware};
use tokio::net::TcpListener;
use tower::{
    BoxError, Layer, Service, ServiceBuilder, ServiceExt, balance::p2c::Balance, buffer::Buffer, discover::ServiceList,
    load::Constant, util::BoxCloneService,
};
use tower_breaker::{
    Bulkhead, BulkheadLayer, Circuit, CircuitBreakerLayer, Circuits, KeyedCircuitBreakerLayer, RateLimitLayer,
    ResilienceLayer, TimeoutLayer,
    refuse::AsBoxError,
    retry::{RetryConfig, RetryLayer},
    routes::{RouteTable, RoutesConfig},
};
use tower_breaker_reqwest::{
    AsMiddlewareError, CircuitBreakerMiddleware, Origin, Policy, ReqwestClassifier, ReqwestRetry, ResilienceMiddleware,
    TryClone,
};

async fn address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(|| async { "well" });
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/")
}

/// Alone, in a `ServiceBuilder`, boxed, behind a buffer and below a balancer.
async fn mounted<C, L>(client: C, layer: L)
where
    C: Clone,
    L: Layer<C>,
    L::Service: Service<Request, Response = Response> + Clone + Send + 'static,
    <L::Service as Service<Request>>::Error: Into<BoxError> + Debug + Send + Sync + 'static,
    <L::Service as Service<Request>>::Future: Send + 'static,
{
    let address = address().await;
    let request = || Client::new().get(&address).build().unwrap();
    let wrapped = || layer.layer(client.clone());
    assert_eq!(wrapped().oneshot(request()).await.unwrap().status(), 200);

    let built = ServiceBuilder::new().concurrency_limit(8).service(wrapped());
    assert_eq!(built.oneshot(request()).await.unwrap().status(), 200);

    let boxed = BoxCloneService::new(wrapped());
    assert_eq!(boxed.clone().oneshot(request()).await.unwrap().status(), 200);

    let buffered = Buffer::new(wrapped().map_err(Into::into), 8);
    assert_eq!(buffered.clone().oneshot(request()).await.unwrap().status(), 200);

    let endpoints = (0..2).map(|_| Constant::new(wrapped().map_err(Into::<BoxError>::into), 1));
    let balanced = Balance::new(ServiceList::new::<Request>(endpoints));
    assert_eq!(balanced.oneshot(request()).await.unwrap().status(), 200);
}

fn circuit() -> Circuit {
    Circuit::new("upstream", Default::default())
}

#[tokio::test]
async fn breakers() {
    let judge = ReqwestClassifier::new();
    mounted(Client::new(), CircuitBreakerLayer::new(circuit()).classify(judge.clone())).await;
    mounted(Client::new(), CircuitBreakerLayer::new(circuit()).classify(judge.clone()).refuse(AsBoxError)).await;
    mounted(Client::new(), CircuitBreakerLayer::new(circuit()).classify(judge.clone()).backpressure()).await;
    let origins = Circuits::new(Default::default());
    mounted(Client::new(), KeyedCircuitBreakerLayer::new(origins, Origin).classify(judge.clone())).await;
    let layer = CircuitBreakerLayer::new(circuit()).classify(judge).refuse(AsMiddlewareError);
    mounted(ClientWithMiddleware::from(Client::new()), layer).await;
}

#[tokio::test]
async fn other_stages() {
    let second = Duration::from_secs(1);
    mounted(Client::new(), TimeoutLayer::whole(second * 10)).await;
    mounted(Client::new(), TimeoutLayer::attempt(second * 10)).await;
    mounted(Client::new(), BulkheadLayer::new(Bulkhead::new(1).unwrap())).await;
    mounted(Client::new(), RateLimitLayer::new(100.0, 100).unwrap()).await;
    let retry = RetryLayer::new(RetryConfig::default()).policy(ReqwestRetry::new()).repeat(TryClone);
    mounted(Client::new(), retry).await;
}

#[tokio::test]
async fn the_whole_stack() {
    let layer = ResilienceLayer::builder()
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::default())
        .circuit(circuit())
        .classify(ReqwestClassifier::new())
        .policy(ReqwestRetry::new())
        .repeat(TryClone);
    mounted(Client::new(), layer.build().unwrap()).await;
}

#[tokio::test]
async fn middlewares() {
    async fn sent(middleware: impl Middleware) {
        let client = ClientBuilder::new(Client::new()).with(middleware).build();
        assert_eq!(client.get(address().await).send().await.unwrap().status(), 200);
    }
    sent(CircuitBreakerMiddleware::new(Default::default())).await;
    sent(ResilienceMiddleware::new(Policy::builder().circuit_breaker(Some(Default::default())).build().unwrap())).await;
    let document = "[policies.default]\ncircuit_breaker = {}\n[[routes]]\npath = \"/\"\n";
    let table: RouteTable = RouteTable::new(RoutesConfig::from_toml(document).unwrap());
    sent(ResilienceMiddleware::routes(table)).await;
}
