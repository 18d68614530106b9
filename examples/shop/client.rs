use http::uri::PathAndQuery;
use http_body::Body as HttpBody;
use tokio_stream::Stream;
use tonic::{IntoRequest, IntoStreamingRequest, Response, Status, Streaming, body::Body, client::Grpc};

use super::codec::Text;

/// The client, around a channel or around what layers make of one.
#[derive(Debug, Clone)]
pub(crate) struct PricesClient<T> {
    grpc: Grpc<T>,
}

#[allow(dead_code, reason = "each example takes what it needs")]
impl<T> PricesClient<T>
where
    // What tonic's generated clients ask, too.
    T: tonic::client::GrpcService<Body>,
    T::ResponseBody: HttpBody<Data = bytes::Bytes> + Send + 'static,
    <T::ResponseBody as HttpBody>::Error: Into<Box<dyn std::error::Error + Send + Sync>> + Send,
{
    pub(crate) fn new(inner: T) -> Self {
        Self { grpc: Grpc::new(inner) }
    }

    pub(crate) async fn quote(&mut self, item: impl IntoRequest<String>) -> Result<Response<String>, Status> {
        self.ready().await?;
        self.grpc.unary(item.into_request(), method("/shop.Prices/Quote"), Text).await
    }

    pub(crate) async fn watch(
        &mut self,
        item: impl IntoRequest<String>,
    ) -> Result<Response<Streaming<String>>, Status> {
        self.ready().await?;
        self.grpc.server_streaming(item.into_request(), method("/shop.Prices/Watch"), Text).await
    }

    pub(crate) async fn total(
        &mut self,
        items: impl Stream<Item = String> + Send + 'static,
    ) -> Result<Response<String>, Status> {
        self.ready().await?;
        self.grpc.client_streaming(items.into_streaming_request(), method("/shop.Prices/Total"), Text).await
    }

    pub(crate) async fn haggle(
        &mut self,
        offers: impl Stream<Item = String> + Send + 'static,
    ) -> Result<Response<Streaming<String>>, Status> {
        self.ready().await?;
        self.grpc.streaming(offers.into_streaming_request(), method("/shop.Prices/Haggle"), Text).await
    }

    async fn ready(&mut self) -> Result<(), Status> {
        self.grpc.ready().await.map_err(|error| Status::unknown(format!("service was not ready: {}", error.into())))
    }
}

fn method(path: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(path)
}
