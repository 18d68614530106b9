//! Bodies, judged where they end: an axum server, a hyper-util client with a breaker.

use std::{
    future::Future,
    io,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, Method, Request, Response, StatusCode},
    routing::get,
};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_stream::{Stream, StreamExt, iter, pending};
use tower::{Layer, ServiceExt};
use tower_breaker::{
    Circuit, CircuitBreaker, CircuitBreakerLayer, Error, ManualClock, Outcome, State, Totals,
    classify::{AtEndOfBody, StatusClassifier},
    refuse::AsWrappedResponse,
};

use crate::support::{HyperClient, Server, client, config};

type Frames = Result<Frame<Bytes>, io::Error>;

fn data() -> Frames {
    Ok(Frame::data(Bytes::from_static(b"data")))
}

fn streamed(frames: impl Stream<Item = Frames> + Send + 'static) -> Body {
    Body::new(StreamBody::new(frames))
}

fn app() -> Router {
    let trailers = || {
        Ok::<_, io::Error>(Frame::trailers(HeaderMap::from_iter([("x-sum".parse().unwrap(), "7".parse().unwrap())])))
    };
    Router::new()
        .route("/whole", get(|| async { "four" }))
        .route("/chunks", get(|| async { streamed(iter([data(), data()])) }))
        .route("/trailers", get(move || async move { ([("trailer", "x-sum")], streamed(iter([data(), trailers()]))) }))
        .route("/endless", get(|| async { streamed(iter([data()]).chain(pending())) }))
        .route("/silent", get(|| async { streamed(pending()) }))
        .route("/sick", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, streamed(pending())) }))
}

type Guarded = CircuitBreaker<HyperClient, AtEndOfBody<StatusClassifier>>;
type Answer = Response<tower_breaker::classify::JudgedBody<Incoming, StatusClassifier>>;

struct Caller {
    server: Server,
    circuit: Circuit,
    clock: ManualClock,
    service: Guarded,
}

impl Caller {
    async fn new() -> Self {
        let clock = ManualClock::new();
        let circuit = Circuit::builder("upstream").config(config(1)).clock(clock.clone()).build();
        let layer = CircuitBreakerLayer::new(circuit.clone()).classify(StatusClassifier::client().at_end_of_body());
        Self { server: Server::start(app()).await, circuit, clock, service: layer.layer(client()) }
    }

    async fn get(&self, path: &str) -> Answer {
        match self.service.clone().oneshot(self.server.get(path)).await {
            Ok(answer) => answer,
            Err(error) => panic!("{error}"),
        }
    }

    fn totals(&self) -> Totals {
        self.circuit.snapshot().totals
    }
}

fn only(set: impl FnOnce(&mut Totals)) -> Totals {
    let mut totals = Totals::default();
    set(&mut totals);
    totals
}

#[tokio::test]
async fn a_body_read_to_its_end_is_a_success_with_its_size_and_trailers() {
    let caller = Caller::new().await;
    let whole = caller.get("/whole").await;
    assert_eq!((whole.body().size_hint().exact(), whole.body().is_end_stream()), (Some(4), false));
    assert_eq!(caller.totals().calls(), 0);
    assert_eq!(whole.into_body().collect().await.unwrap().to_bytes(), "four");
    assert_eq!(caller.get("/chunks").await.into_body().collect().await.unwrap().to_bytes(), "datadata");

    // HTTP/1 sends trailers to those who ask for them.
    let mut request = caller.server.get("/trailers");
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    let answer = caller.service.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().trailers().unwrap()["x-sum"], "7");
    assert_eq!(caller.totals(), only(|totals| totals.successes = 3));
}

#[tokio::test]
async fn a_200_whose_body_breaks_off_is_a_failure() {
    let caller = Caller::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cut = Request::get(format!("http://{}/", listener.local_addr().unwrap())).body(Body::empty()).unwrap();
    let server = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        let mut request = [0; 1_000];
        let _ = connection.read(&mut request).await.unwrap();
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfour").await.unwrap();
    });
    let cut = caller.service.clone().oneshot(cut).await.unwrap();
    server.await.unwrap();
    assert_eq!((cut.status(), caller.totals().calls()), (StatusCode::OK, 0));
    assert!(cut.into_body().collect().await.is_err());
    assert_eq!((caller.circuit.state(), caller.totals()), (State::Open, only(|totals| totals.failures = 1)));
}

#[tokio::test]
async fn a_body_the_caller_drops_is_a_success_after_its_first_frame_and_ignored_before() {
    let caller = Caller::new().await;
    let mut begun = caller.get("/endless").await;
    assert!(begun.body_mut().frame().await.unwrap().unwrap().is_data());
    caller.clock.advance(Duration::from_secs(3_600));
    drop(begun);
    let mut waited_for = caller.get("/silent").await;
    let frame = pin!(waited_for.body_mut().frame());
    assert!(frame.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    caller.clock.advance(Duration::from_secs(3_600));
    drop(waited_for);
    assert_eq!(caller.totals(), only(|totals| (totals.successes, totals.ignored) = (1, 1)));
}

/// hyper drops what a server answers to HEAD, and never asks for it.
#[tokio::test]
async fn a_server_that_is_asked_for_heads_alone_is_judged_by_them() {
    let circuit = Circuit::new("server", config(1));
    let layer = CircuitBreakerLayer::http(circuit.clone()).classify(StatusClassifier::server().at_end_of_body());
    let server = Server::start(app().layer(layer.refuse(AsWrappedResponse))).await;
    let mut request = server.get("/chunks");
    *request.method_mut() = Method::HEAD;
    let answer = client().oneshot(request).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "");
    // The body may go a moment after the head has arrived.
    let judged = async {
        while circuit.snapshot().totals.calls() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), judged).await.unwrap();
    assert_eq!(circuit.snapshot().totals, only(|totals| totals.successes = 1));
}

#[tokio::test]
async fn a_503_whose_body_nobody_reads_is_a_failure() {
    let caller = Caller::new().await;
    let _unread = caller.get("/sick").await;
    assert_eq!((caller.circuit.state(), caller.totals()), (State::Open, only(|totals| totals.failures = 1)));
    let refused = caller.service.clone().oneshot(caller.server.get("/whole")).await;
    assert!(matches!(refused, Err(Error::CircuitOpen(_))));
}

#[tokio::test]
async fn an_endless_stream_as_probe_closes_the_circuit() {
    let caller = Caller::new().await;
    caller.circuit.try_acquire().unwrap().record(Outcome::Failure);
    caller.clock.advance(Duration::from_secs(60));
    let mut endless = caller.get("/endless").await;
    assert_eq!(caller.circuit.state(), State::HalfOpen);
    assert!(endless.body_mut().frame().await.is_some());
    assert_eq!(caller.circuit.state(), State::Closed);
}
