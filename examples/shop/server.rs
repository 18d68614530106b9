use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio_stream::Stream;
use tonic::{
    Request, Response, Status, Streaming,
    body::Body,
    server::{Grpc, NamedService},
};
use tower::{Service, service_fn};

use super::codec::Text;

/// What a streaming method answers.
pub(crate) type Answers = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

/// The methods. A request's metadata is left out: no example needs it.
pub(crate) trait Prices: Send + Sync + 'static {
    fn quote(&self, item: String) -> impl Future<Output = Result<String, Status>> + Send;

    fn watch(&self, item: String) -> impl Future<Output = Result<Answers, Status>> + Send;

    fn total(&self, _items: Streaming<String>) -> impl Future<Output = Result<String, Status>> + Send {
        async { Err(Status::unimplemented("no totals here")) }
    }

    fn haggle(&self, _offers: Streaming<String>) -> impl Future<Output = Result<Answers, Status>> + Send {
        async { Err(Status::unimplemented("the price is the price")) }
    }
}

/// The server, for `tonic::transport::Server::add_service`.
#[derive(Debug)]
pub(crate) struct PricesServer<P> {
    prices: Arc<P>,
}

impl<P: Prices> PricesServer<P> {
    pub(crate) fn new(prices: P) -> Self {
        Self { prices: Arc::new(prices) }
    }
}

impl<P> Clone for PricesServer<P> {
    fn clone(&self) -> Self {
        Self { prices: Arc::clone(&self.prices) }
    }
}

impl<P> NamedService for PricesServer<P> {
    const NAME: &'static str = "shop.Prices";
}

impl<P: Prices> Service<http::Request<Body>> for PricesServer<P> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let prices = Arc::clone(&self.prices);
        Box::pin(async move { Ok(answer(&prices, request).await) })
    }
}

async fn answer<P: Prices>(prices: &Arc<P>, request: http::Request<Body>) -> http::Response<Body> {
    // The handlers own what they need, for tonic asks for futures that borrow nothing.
    let prices = || Arc::clone(prices);
    let mut grpc = Grpc::new(Text);
    match request.uri().path() {
        "/shop.Prices/Quote" => {
            let quote = service_fn(|request: Request<String>| {
                let prices = prices();
                async move { prices.quote(request.into_inner()).await.map(Response::new) }
            });
            grpc.unary(quote, request).await
        }
        "/shop.Prices/Watch" => {
            let watch = service_fn(|request: Request<String>| {
                let prices = prices();
                async move { prices.watch(request.into_inner()).await.map(Response::new) }
            });
            grpc.server_streaming(watch, request).await
        }
        "/shop.Prices/Total" => {
            let total = service_fn(|request: Request<Streaming<String>>| {
                let prices = prices();
                async move { prices.total(request.into_inner()).await.map(Response::new) }
            });
            grpc.client_streaming(total, request).await
        }
        "/shop.Prices/Haggle" => {
            let haggle = service_fn(|request: Request<Streaming<String>>| {
                let prices = prices();
                async move { prices.haggle(request.into_inner()).await.map(Response::new) }
            });
            grpc.streaming(haggle, request).await
        }
        _ => Status::unimplemented("no such method").into_http(),
    }
}
