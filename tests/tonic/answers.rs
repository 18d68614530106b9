//! What else may stand where a gRPC server should be: answers without a status, HTTP from a proxy, bodies that break off.

use std::{io, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
};
use http::{HeaderMap, Response, header};
use http_body_util::StreamBody;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_stream::{StreamExt, iter, once};
use tonic::{
    Code,
    transport::{Channel, Endpoint},
};
use tower::Layer;
use tower_breaker::{
    Circuit, CircuitBreaker, CircuitBreakerLayer, Totals, classify::GrpcClassifier, refuse::AsWrappedResponse,
};

use crate::{
    shop::PricesClient,
    support::{circuit, drain, only, totals},
};

type Frame = http_body::Frame<Bytes>;

/// One message of the wire: uncompressed, its length, itself.
fn message(text: &str) -> Frame {
    let length = u32::try_from(text.len()).unwrap().to_be_bytes();
    Frame::data([&[0][..], &length, text.as_bytes()].concat().into())
}

fn grpc(body: Body) -> Response<Body> {
    Response::builder().header(header::CONTENT_TYPE, "application/grpc").body(body).unwrap()
}

fn body(frames: impl IntoIterator<Item = Result<Frame, io::Error>, IntoIter: Send + 'static>) -> Body {
    Body::new(StreamBody::new(iter(frames)))
}

/// A client with a breaker, of a server that answers everything so.
async fn answered(answer: impl Fn() -> Response<Body> + Clone + Send + Sync + 'static) -> Answered {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(move || async move { answer() });
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    let (circuit, _) = circuit(9);
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let prices = PricesClient::new(CircuitBreakerLayer::grpc(circuit.clone()).layer(channel));
    Answered { prices, circuit, server }
}

struct Answered {
    prices: PricesClient<CircuitBreaker<Channel, GrpcClassifier, AsWrappedResponse>>,
    circuit: Circuit,
    server: JoinHandle<io::Result<()>>,
}

impl Drop for Answered {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What became of one streaming call that is answered so, and what the caller saw: messages and the end.
async fn asked(answer: fn() -> Response<Body>) -> (Totals, usize, Code) {
    let mut answered = answered(answer).await;
    let (messages, code) = match answered.prices.watch(String::new()).await {
        Ok(stream) => drain(&mut stream.into_inner()).await,
        Err(status) => (0, status.code()),
    };
    (totals(&answered.circuit), messages, code)
}

fn failed() -> Totals {
    only(|totals| totals.failures = 1)
}

fn well() -> Totals {
    only(|totals| totals.successes = 1)
}

#[tokio::test]
async fn missing_trailers_are_a_failure() {
    assert_eq!(asked(|| grpc(body([Ok(message("1"))]))).await, (failed(), 1, Code::Unknown));
    assert_eq!(asked(|| grpc(Body::empty())).await, (failed(), 0, Code::Unknown));
    let nameless = || grpc(body([Ok(message("1")), Ok(Frame::trailers(HeaderMap::new()))]));
    assert_eq!(asked(nameless).await, (failed(), 1, Code::Unknown));
}

#[tokio::test]
async fn trailers_only_is_judged_by_its_head() {
    fn with(code: &'static str) -> Response<Body> {
        let mut response = grpc(Body::empty());
        response.headers_mut().insert("grpc-status", code.parse().unwrap());
        response
    }

    assert_eq!(asked(|| with("0")).await, (well(), 0, Code::Ok));
    assert_eq!(asked(|| with("5")).await, (well(), 0, Code::NotFound));
    assert_eq!(asked(|| with("14")).await, (failed(), 0, Code::Unavailable));
    // What is no code is UNKNOWN, for tonic too.
    assert_eq!(asked(|| with("well")).await, (failed(), 0, Code::Unknown));
    assert_eq!(asked(|| with("4711")).await, (failed(), 0, Code::Unknown));
}

#[tokio::test]
async fn a_proxys_http_status_is_read_as_grpc_reads_it() {
    fn status<const STATUS: u16>() -> Response<Body> {
        Response::builder().status(STATUS).body(Body::from("<h1>sorry</h1>")).unwrap()
    }

    assert_eq!(asked(status::<502>).await.0, failed());
    assert_eq!(asked(status::<503>).await.0, failed());
    assert_eq!(asked(status::<504>).await.0, failed());
    assert_eq!(asked(status::<429>).await.0, failed());
    assert_eq!(asked(status::<400>).await.0, failed());
    assert_eq!(asked(status::<500>).await.0, failed());
    assert_eq!(asked(status::<401>).await.0, well());
    assert_eq!(asked(status::<403>).await.0, well());
    assert_eq!(asked(status::<404>).await.0, well());
}

#[tokio::test]
async fn a_stream_that_is_reset_is_a_failure() {
    let go = Arc::new(Notify::new());
    let reset = {
        let go = Arc::clone(&go);
        move || {
            let go = Arc::clone(&go);
            let broken = once(()).then(move |()| {
                let go = Arc::clone(&go);
                async move {
                    go.notified().await;
                    Err(io::ErrorKind::ConnectionReset.into())
                }
            });
            grpc(Body::new(StreamBody::new(iter([Ok::<_, io::Error>(message("1"))]).chain(broken))))
        }
    };
    let mut answered = answered(reset).await;
    let mut stream = answered.prices.watch(String::new()).await.unwrap().into_inner();
    assert_eq!(stream.message().await.unwrap().as_deref(), Some("1"));
    assert_eq!(totals(&answered.circuit).calls(), 0);
    go.notify_one();
    // INTERNAL_ERROR of HTTP/2.
    assert_eq!(drain(&mut stream).await, (0, Code::Internal));
    assert_eq!(totals(&answered.circuit), failed());
}
