//! Over a hyper-util client, and what of tower's own stands around it.

use std::{error::Error as StdError, fmt::Debug, time::Duration};

use axum::{Router, body::Body, http::Request, http::Response};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::net::TcpListener;
use tower::{
    BoxError, Layer, Service, ServiceBuilder, ServiceExt, balance::p2c::Balance, buffer::Buffer, discover::ServiceList,
    load::Constant, util::BoxCloneService,
};
use tower_breaker::{
    Bulkhead, BulkheadLayer, Circuit, CircuitBreakerLayer, Circuits, Error, KeyedCircuitBreakerLayer, RateLimitLayer,
    ResilienceLayer, TimeoutLayer,
    classify::{ErrorsAreFailures, StatusClassifier},
    key,
    refuse::{AsBoxError, AsWrappedResponse},
    retry::{BufferBody, HttpRetry, RetryConfig, RetryLayer},
};

type HyperClient = Client<HttpConnector, Body>;
type Hyper = hyper_util::client::legacy::Error;

async fn address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(|| async { "well" });
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}/")
}

fn client() -> HyperClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// Alone, in a `ServiceBuilder`, boxed, behind a buffer and below a balancer.
async fn mounted<L, B>(layer: L)
where
    L: Layer<HyperClient>,
    L::Service: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    <L::Service as Service<Request<Body>>>::Error: Into<BoxError> + Debug + Send + Sync + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send + 'static,
    B: Send + 'static,
{
    let address = address().await;
    let request = || Request::get(&*address).body(Body::empty()).unwrap();
    assert_eq!(layer.layer(client()).oneshot(request()).await.unwrap().status(), 200);

    let built = ServiceBuilder::new().concurrency_limit(8).service(layer.layer(client()));
    assert_eq!(built.oneshot(request()).await.unwrap().status(), 200);

    let boxed = BoxCloneService::new(layer.layer(client()));
    assert_eq!(boxed.clone().oneshot(request()).await.unwrap().status(), 200);

    let buffered = Buffer::new(layer.layer(client()).map_err(Into::into), 8);
    assert_eq!(buffered.clone().oneshot(request()).await.unwrap().status(), 200);

    let endpoints = (0..2).map(|_| Constant::new(layer.layer(client()).map_err(Into::<BoxError>::into), 1));
    let balanced = Balance::new(ServiceList::new::<Request<Body>>(endpoints));
    assert_eq!(balanced.oneshot(request()).await.unwrap().status(), 200);
}

fn circuit() -> Circuit {
    Circuit::new("upstream", Default::default())
}

#[tokio::test]
async fn breakers() {
    mounted(CircuitBreakerLayer::new(circuit())).await;
    mounted(CircuitBreakerLayer::new(circuit()).classify(StatusClassifier::client()).refuse(AsBoxError)).await;
    mounted(CircuitBreakerLayer::http(circuit()).refuse(AsWrappedResponse)).await;
    mounted(CircuitBreakerLayer::http(circuit()).refuse(AsWrappedResponse).backpressure()).await;
    let at_end = StatusClassifier::client().at_end_of_body();
    mounted(CircuitBreakerLayer::new(circuit()).classify(at_end)).await;
    let hosts = Circuits::new(Default::default());
    mounted(KeyedCircuitBreakerLayer::new(hosts.clone(), key::host()).classify(StatusClassifier::client())).await;
    mounted(KeyedCircuitBreakerLayer::http(hosts, key::host()).refuse(AsWrappedResponse)).await;
}

#[tokio::test]
async fn other_stages() {
    let second = Duration::from_secs(1);
    mounted(TimeoutLayer::whole(second)).await;
    mounted(TimeoutLayer::attempt(second).refuse(AsWrappedResponse).until_end_of_body()).await;
    mounted(BulkheadLayer::new(Bulkhead::new(1).unwrap())).await;
    mounted(RateLimitLayer::new(100.0, 100).unwrap().refuse(AsWrappedResponse)).await;
    let retry = RetryLayer::http(RetryConfig::default()).policy(HttpRetry::new().connect_errors(Hyper::is_connect));
    mounted(retry.map_body(Body::new)).await;
}

#[tokio::test]
async fn the_whole_stack_with_errors_that_are_typed() {
    let layer = ResilienceLayer::builder()
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::default())
        .classify(ErrorsAreFailures)
        .policy(HttpRetry::new().connect_errors(Error::<Hyper>::is_connect_error))
        .repeat(BufferBody::new().map_body(Body::new))
        .circuit(circuit());
    mounted(layer.build().unwrap()).await;
}

trait IsConnectError {
    fn is_connect_error(&self) -> bool;
}

impl IsConnectError for Error<Hyper> {
    fn is_connect_error(&self) -> bool {
        self.source().is_some_and(|source| source.downcast_ref().is_some_and(Hyper::is_connect))
    }
}
