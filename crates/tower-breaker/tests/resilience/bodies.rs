//! Stacks whose responses have bodies: judged at their end, and of types that cannot be made of text.

use std::{
    convert::Infallible,
    future::pending,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
    vec,
};

use ::axum::{Router, body::Body, routing::get};
use ::tower::{Layer, Service, ServiceExt, service_fn};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, combinators::UnsyncBoxBody};
use tokio::time::Instant;
use tower_breaker::{
    Bulkhead, FallbackLayer, RateLimitLayer, ResilienceLayer, State, TimedOut, TimeoutKind,
    classify::{StatusClassifier, Unjudged},
    fallback::{self, Cause},
    refuse::RefusalBody,
    retry::{BufferBody, CloneBy, Jitter, Repeatable, RetryConfig},
};

use super::SECOND;
use crate::support::{circuit, trip};

/// As tonic's body and hyper's `Incoming`: any bytes, and no way to make it of text.
pub(super) type Opaque = UnsyncBoxBody<Bytes, io::Error>;

pub(super) fn opaque(frames: Vec<Result<Frame<Bytes>, io::Error>>) -> Opaque {
    Frames(frames.into_iter()).boxed_unsync()
}

/// One frame after the other.
struct Frames(vec::IntoIter<Result<Frame<Bytes>, io::Error>>);

impl http_body::Body for Frames {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.0.next())
    }
}

fn data(text: &'static str) -> Result<Frame<Bytes>, io::Error> {
    Ok(Frame::data(Bytes::from_static(text.as_bytes())))
}

fn status(code: &'static str) -> Result<Frame<Bytes>, io::Error> {
    Ok(Frame::trailers(HeaderMap::from_iter([("grpc-status".parse().unwrap(), code.parse().unwrap())])))
}

fn rpc() -> Request<Opaque> {
    let request = Request::post("/shop.Orders/Get").header(header::CONTENT_TYPE, "application/grpc");
    request.body(opaque(vec![data("order")])).unwrap()
}

/// Answers every call with a body that ends in this gRPC status.
fn grpc(
    code: &'static str,
) -> impl Service<Request<Opaque>, Response = Response<Opaque>, Error = io::Error, Future: Send> + Clone {
    service_fn(move |_: Request<Opaque>| async move { Ok(Response::new(opaque(vec![data("answer"), status(code)]))) })
}

#[tokio::test(start_paused = true)]
async fn of_grpc_the_trailers_trip_the_circuit_and_refusals_are_grpc() {
    let circuit = circuit(2);
    let layer = ResilienceLayer::builder()
        .grpc()
        .repeat(BufferBody::new().map_body(BodyExt::boxed_unsync))
        .timeout(SECOND * 2)
        .attempt_timeout(SECOND)
        .retry(RetryConfig::default())
        .rate_limit(RateLimitLayer::new(100.0, 100).unwrap())
        .bulkhead(Bulkhead::new(8).unwrap())
        .circuit(circuit.clone())
        .build()
        .unwrap();
    // What the retry makes of the body has an error of its own.
    let service = layer.layer(grpc("14").map_request(|request: Request<UnsyncBoxBody<Bytes, _>>| {
        request.map(|body| BodyExt::map_err(body, io::Error::other::<tower_breaker::refuse::BoxError>).boxed_unsync())
    }));
    for expected in [State::Closed, State::Open] {
        let response = service.clone().oneshot(rpc()).await.unwrap();
        assert!(response.headers().get("grpc-status").is_none());
        let trailers = response.into_body().collect().await.unwrap().trailers().cloned().unwrap();
        assert_eq!((&trailers["grpc-status"], circuit.state()), (&"14".parse().unwrap(), expected));
    }
    let refused = service.oneshot(rpc()).await.unwrap();
    assert_eq!((refused.status(), &refused.headers()["grpc-status"]), (StatusCode::OK, &"14".parse().unwrap()));
    assert!(refused.headers().contains_key("grpc-retry-pushback-ms"));
    assert!(http_body::Body::is_end_stream(refused.body()));
}

#[tokio::test(start_paused = true)]
async fn without_a_circuit_a_judged_body_passes_unjudged() {
    for on in [true, false] {
        let circuit = circuit(1);
        let layer = ResilienceLayer::builder().grpc().repeat(Passed).circuit(on.then(|| circuit.clone()));
        let service = layer.build().unwrap().layer(grpc("14"));
        let whole = service.oneshot(rpc()).await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(whole.trailers().unwrap()["grpc-status"], "14");
        assert_eq!(whole.to_bytes(), "answer");
        assert_eq!(circuit.state(), if on { State::Open } else { State::Closed });
    }
}

#[tokio::test(start_paused = true)]
async fn any_body_can_be_answered_around() {
    let circuit = circuit(1);
    let layer = ResilienceLayer::builder()
        .http()
        .wrapped()
        .repeat(Passed)
        .timeout(SECOND)
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let service = service_fn(|_: Request<Opaque>| async {
        tokio::time::sleep(SECOND * 5).await;
        Ok::<_, io::Error>(Response::new(opaque(Vec::new())))
    });
    let service = layer.layer(service);
    let ask = async || {
        let response = service.clone().oneshot(Request::get("/").body(opaque(Vec::new())).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        (head.status, body.collect().await.unwrap().to_bytes())
    };
    let (status, problem) = ask().await;
    assert_eq!(status, StatusCode::GATEWAY_TIMEOUT);
    assert!(problem.starts_with(b"{"), "{problem:?}");
    assert_eq!(ask().await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(start_paused = true)]
async fn an_axum_router_takes_classifiers_that_wait_for_the_end_of_the_body() {
    let circuit = circuit(1);
    let layer = ResilienceLayer::builder()
        .http()
        .classify(StatusClassifier::server().at_end_of_body())
        .repeat(BufferBody::new().map_body(Body::new))
        .timeout(SECOND)
        .retry(RetryConfig::default())
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let broken = async || Body::new(opaque(vec![data("half"), Err(io::Error::other("cut off"))]));
    let app: Router = Router::new().route("/", get(broken)).layer(layer);
    let ask = || app.clone().oneshot(Request::get("/").body(Body::empty()).unwrap());
    let response = ask().await.unwrap();
    assert_eq!((response.status(), circuit.state()), (StatusCode::OK, State::Closed));
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(circuit.state(), State::Open);
    assert_eq!(ask().await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
}

/// A good head, one frame, and nothing more.
fn endless() -> impl Service<Request<Opaque>, Response = Response<Opaque>, Error = io::Error, Future: Send> + Clone {
    service_fn(|_| async {
        let body = Frames(vec![data("first")].into_iter());
        Ok(Response::new(Endless(body).boxed_unsync()))
    })
}

struct Endless(Frames);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match Pin::new(&mut self.0).poll_frame(cx) {
            Poll::Ready(None) => Poll::Pending,
            frame => frame,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn places_are_held_to_the_end_of_the_body_when_asked() {
    let bulkhead = Bulkhead::new(1).unwrap();
    let stack = ResilienceLayer::builder().http().wrapped().repeat(Passed).bulkhead(bulkhead.clone());
    let to_the_head = stack.clone().build().unwrap().layer(endless());
    let head = to_the_head.oneshot(rpc()).await.unwrap();
    assert_eq!(bulkhead.figures().in_use, 0);
    drop(head);
    let to_the_end = stack.bulkhead_until_end_of_body().build().unwrap().layer(endless());
    let held = to_the_end.clone().oneshot(rpc()).await.unwrap();
    assert_eq!(bulkhead.figures().in_use, 1);
    let refused = to_the_end.oneshot(Request::get("/").body(opaque(Vec::new())).unwrap()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(held);
    assert_eq!(bulkhead.figures().in_use, 0);
}

#[tokio::test(start_paused = true)]
async fn timeouts_go_on_to_the_end_of_the_body_when_asked() {
    let stack = ResilienceLayer::builder().http().wrapped().repeat(Passed);
    let whole = stack.clone().timeout(SECOND).timeout_until_end_of_body().build().unwrap().layer(endless());
    let attempt =
        stack.attempt_timeout(SECOND * 2).attempt_timeout_until_end_of_body().build().unwrap().layer(endless());
    let (whole, attempt) = (whole.oneshot(rpc()).await.unwrap(), attempt.oneshot(rpc()).await.unwrap());
    let start = Instant::now();
    let error = whole.into_body().collect().await.unwrap_err();
    assert_eq!(TimedOut::find(&*error).unwrap().kind(), TimeoutKind::Whole);
    let error = attempt.into_body().collect().await.unwrap_err();
    assert_eq!(TimedOut::find(&*error).unwrap().kind(), TimeoutKind::Attempt);
    assert_eq!(start.elapsed(), SECOND * 2);
}

#[tokio::test(start_paused = true)]
async fn an_attempts_time_that_is_over_in_the_body_is_a_failure() {
    let circuit = circuit(1);
    let layer = ResilienceLayer::builder()
        .http()
        .wrapped()
        .classify(StatusClassifier::new().at_end_of_body())
        .repeat(Passed)
        .attempt_timeout(SECOND)
        .attempt_timeout_until_end_of_body()
        .bulkhead(Bulkhead::new(1).unwrap())
        .bulkhead_until_end_of_body()
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let response = layer.layer(endless()).oneshot(rpc()).await.unwrap();
    assert_eq!(circuit.snapshot().totals.calls(), 0);
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(circuit.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_whole_time_before_the_head_is_a_failure_where_the_end_of_the_body_is_judged() {
    let circuit = circuit(1);
    let layer = ResilienceLayer::builder()
        .http()
        .wrapped()
        .classify(StatusClassifier::new().at_end_of_body())
        // Shorter than what a dropped call may last.
        .timeout(SECOND / 10)
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let hung = service_fn(|_| pending::<Result<Response<Opaque>, io::Error>>());
    let response = layer.layer(hung).oneshot(Request::get("/").body(opaque(Vec::new())).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!((circuit.state(), circuit.snapshot().totals.cancelled), (State::Open, 0));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_told_what_is_left_of_the_callers_time_and_none_waits_beyond_it() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let unavailable = service_fn(move |request: Request<Opaque>| {
        heard.lock().unwrap().push(request.headers()["grpc-timeout"].to_str().unwrap().to_owned());
        async {
            let response = Response::builder().header("grpc-status", "14");
            Ok::<_, io::Error>(response.body(opaque(Vec::new())).unwrap())
        }
    });
    let circuit = circuit(9);
    let layer = ResilienceLayer::builder()
        .grpc()
        .repeat(CloneBy(|request: &Request<Opaque>| {
            let mut again = Request::new(opaque(Vec::new()));
            (*again.headers_mut(), *again.extensions_mut()) = (request.headers().clone(), request.extensions().clone());
            Some(again)
        }))
        .timeout(SECOND * 10)
        .attempt_timeout(SECOND * 2)
        .retry(RetryConfig::builder().attempts(9).base(SECOND).jitter(Jitter::None).build().unwrap())
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let mut request = rpc();
    request.headers_mut().insert("grpc-timeout", "2500m".parse().unwrap());
    request.extensions_mut().insert(Repeatable);
    let start = Instant::now();
    let response = layer.layer(unavailable).oneshot(request).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "14");
    // Two seconds more would be too late.
    assert_eq!((start.elapsed(), &**told.lock().unwrap()), (SECOND, &["2100m".to_owned(), "1600m".to_owned()][..]));
}

#[tokio::test(start_paused = true)]
async fn an_axum_router_takes_a_grpc_stack() {
    let circuit = circuit(1);
    let layer = ResilienceLayer::builder()
        .grpc()
        .repeat(BufferBody::new().map_body(Body::new))
        .attempt_timeout(SECOND)
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let hangs = async || -> Result<&'static str, Infallible> {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Ok("late")
    };
    let app: Router = Router::new().route("/shop.Orders/Get", ::axum::routing::post(hangs)).layer(layer);
    for code in ["4", "14"] {
        let request = rpc().map(Body::new);
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["grpc-status"], code);
    }
    assert_eq!(circuit.state(), State::Open);
}

#[tokio::test(start_paused = true)]
async fn no_wish_of_a_server_is_too_long_for_a_callers_time() {
    let unavailable = service_fn(|_: Request<Opaque>| async {
        let response = Response::builder().header("grpc-status", "14").header("retry-after", "9".repeat(30));
        Ok::<_, io::Error>(response.body(opaque(Vec::new())).unwrap())
    });
    let again = |_: &Request<Opaque>| Some(rpc());
    let layer = ResilienceLayer::builder().grpc().repeat(CloneBy(again)).retry(RetryConfig::default());
    let mut request = rpc();
    request.headers_mut().insert("grpc-timeout", "1S".parse().unwrap());
    request.extensions_mut().insert(Repeatable);
    let response = layer.build().unwrap().layer(unavailable).oneshot(request).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "14");
}

#[tokio::test(start_paused = true)]
async fn of_the_configured_and_the_callers_time_only_the_configured_is_a_failure() {
    for (timeout, attempt, brought, failures) in [
        (Some(SECOND / 2), None, "5S", 1),
        (Some(SECOND * 5), None, "500m", 0),
        (None, None, "500m", 0),
        (None, Some(SECOND / 2), "5S", 1),
        (Some(SECOND * 5), Some(SECOND * 2), "500m", 0),
    ] {
        let circuit = circuit(9);
        let layer = ResilienceLayer::builder()
            .grpc()
            .repeat(Passed)
            .timeout(timeout)
            .attempt_timeout(attempt)
            .bulkhead(Bulkhead::new(1).unwrap())
            .circuit(circuit.clone());
        let hung = service_fn(|_: Request<Opaque>| std::future::pending::<Result<Response<Opaque>, io::Error>>());
        let mut request = rpc();
        request.headers_mut().insert("grpc-timeout", brought.parse().unwrap());
        let start = Instant::now();
        let response = layer.build().unwrap().layer(hung).oneshot(request).await.unwrap();
        assert_eq!((&response.headers()["grpc-status"], start.elapsed()), (&"4".parse().unwrap(), SECOND / 2));
        let totals = circuit.snapshot().totals;
        assert_eq!((totals.failures, totals.cancelled), (failures, 1 - failures), "{timeout:?} {attempt:?} {brought}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fallback_answers_with_the_bodies_of_the_stack() {
    let circuit = circuit(1);
    trip(&circuit);
    let cached = |(), _: &Cause| {
        let body = RefusalBody::new(opaque(vec![data("cached"), status("0")]));
        Ok(Unjudged::unjudged(Response::new(body)))
    };
    let fallback = FallbackLayer::http(fallback::from_fn(cached).keep(|_: &Request<Opaque>| ()));
    let layer = ResilienceLayer::builder().grpc().repeat(Passed).circuit(circuit.clone()).fallback(fallback);
    let answer = layer.build().unwrap().layer(grpc("0")).oneshot(rpc()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "cached");
    assert_eq!((circuit.state(), circuit.snapshot().fallbacks), (State::Open, 1));
}

/// Passes requests on as they are, so that each is tried once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed;

impl<Req> tower_breaker::retry::Repeat<Req> for Passed {
    type Request = Req;
    type Kept = Infallible;

    fn pass(&self, request: Req) -> Req {
        request
    }

    fn keep(&self, request: Req) -> (Req, Option<Infallible>) {
        (request, None)
    }

    fn again(kept: Infallible, _: bool) -> Option<(Req, Option<Infallible>)> {
        match kept {}
    }
}
