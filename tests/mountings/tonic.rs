//! On tonic's servers and over its channels.

use std::{convert::Infallible, time::Duration};

use ::tonic::{
    body::Body,
    client::GrpcService,
    server::NamedService,
    service::{LayerExt, Routes},
    transport::{Channel, Endpoint, Server, server::TcpIncoming},
};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as HttpBody;
use tower::{BoxError, Layer, Service, ServiceBuilder};
use tower_breaker::{
    Bulkhead, BulkheadLayer, Circuit, CircuitBreakerLayer, Circuits, KeyedCircuitBreakerLayer, RateLimitLayer,
    ResilienceLayer, TimeoutLayer,
    classify::GrpcClassifier,
    key,
    refuse::AsWrappedResponse,
    retry::{BufferBody, RetryConfig},
};

use crate::shop::{FlakyPrices, PricesClient, PricesServer};

/// On a server whole, and over a channel, alone and in a `ServiceBuilder`.
async fn mounted<L, B, C>(layer: L)
where
    L: Layer<Routes> + Layer<Channel> + Clone + Send + 'static,
    <L as Layer<Routes>>::Service: Service<Request<Body>, Response = Response<B>> + Clone + Send + 'static,
    <<L as Layer<Routes>>::Service as Service<Request<Body>>>::Future: Send,
    <<L as Layer<Routes>>::Service as Service<Request<Body>>>::Error: Into<BoxError> + Send,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    <L as Layer<Channel>>::Service: GrpcService<Body, ResponseBody = C> + Clone,
    C: HttpBody<Data = Bytes> + Send + 'static,
    C::Error: Into<BoxError> + Send,
{
    let router = Server::builder().layer(layer.clone()).add_service(PricesServer::new(FlakyPrices::default()));
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let channel = Endpoint::from_shared(format!("http://{}", incoming.local_addr().unwrap())).unwrap().connect_lazy();
    tokio::spawn(router.serve_with_incoming(incoming));

    PricesClient::new(channel.clone()).quote("tea".to_owned()).await.unwrap();
    let over: <L as Layer<Channel>>::Service = layer.layer(channel.clone());
    PricesClient::new(over).clone().quote("tea".to_owned()).await.unwrap();
    let built = ServiceBuilder::new().layer(layer).service(channel);
    PricesClient::new(built).watch("tea".to_owned()).await.unwrap();
}

/// Around one service of a server, whose name must stay known.
fn around_one_service<L, B>(layer: &L)
where
    L: Layer<PricesServer<FlakyPrices>>,
    L::Service: Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request<Body>>>::Future: Send + 'static,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    fn name<S: NamedService>(_: &S) -> &'static str {
        S::NAME
    }

    let service = layer.named_layer(PricesServer::new(FlakyPrices::default()));
    assert_eq!(name(&service), "shop.Prices");
    let _router = Server::builder().add_service(service);
}

fn circuit() -> Circuit {
    Circuit::new("prices", Default::default())
}

#[tokio::test]
async fn breakers() {
    let layer = CircuitBreakerLayer::grpc(circuit());
    around_one_service(&layer);
    mounted(layer.clone()).await;
    mounted(layer.classify(GrpcClassifier::server())).await;
    mounted(CircuitBreakerLayer::http(circuit()).refuse(AsWrappedResponse)).await;
    let layer = KeyedCircuitBreakerLayer::grpc(Circuits::new(Default::default()), key::grpc_method());
    around_one_service(&layer);
    mounted(layer).await;
}

#[tokio::test]
async fn other_stages() {
    let second = Duration::from_secs(1);
    mounted(TimeoutLayer::whole(second).refuse(AsWrappedResponse)).await;
    mounted(TimeoutLayer::attempt(second).refuse(AsWrappedResponse).until_end_of_body()).await;
    mounted(BulkheadLayer::new(Bulkhead::new(4).unwrap()).refuse(AsWrappedResponse)).await;
    mounted(BulkheadLayer::new(Bulkhead::new(4).unwrap()).refuse(AsWrappedResponse).until_end_of_body()).await;
    mounted(RateLimitLayer::new(100.0, 100).unwrap().refuse(AsWrappedResponse)).await;
    mounted(RateLimitLayer::new(100.0, 100).unwrap().refuse(AsWrappedResponse).per_key(key::grpc_service())).await;
}

#[tokio::test]
async fn the_whole_stack() {
    let second = Duration::from_secs(1);
    let stack = ResilienceLayer::builder()
        .grpc()
        .repeat(BufferBody::new().map_body(Body::new))
        .timeout(3 * second)
        .retry(RetryConfig::default())
        .bulkhead(Bulkhead::new(4).unwrap())
        .circuit(circuit())
        .attempt_timeout(second);
    mounted(stack.clone().build().unwrap()).await;
    mounted(stack.timeout_until_end_of_body().bulkhead_until_end_of_body().build().unwrap()).await;
}

/// What a generated client asks of its service, written down so that a change of ours cannot break it unseen.
#[test]
fn a_guarded_channel_is_what_generated_clients_ask_for() {
    fn asked<T>(_: &T)
    where
        T: GrpcService<Body>,
        T::Error: Into<BoxError>,
        T::ResponseBody: HttpBody<Data = Bytes> + Send + 'static,
        <T::ResponseBody as HttpBody>::Error: Into<BoxError> + Send,
        T: Clone + Send + Sync + 'static,
        T::Future: Send,
    {
    }

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _entered = runtime.enter();
    let channel = Endpoint::from_static("http://127.0.0.1:1").connect_lazy();
    asked(&CircuitBreakerLayer::grpc(circuit()).layer(channel));
}
