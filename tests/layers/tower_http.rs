//! Classifiers of tower-http, as the guide shows them.

use std::convert::Infallible;

use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};
use tower_breaker::{Circuit, CircuitBreakerLayer, Totals, classify::AtEndOfBody, refuse::AsWrappedResponse};
use tower_http::classify::{
    ClassifyResponse, GrpcCode, GrpcErrorsAsFailures, ServerErrorsAsFailures, StatusInRangeAsFailures,
};

use crate::{by_tower_http::ByTowerHttp, support::config};

/// What is counted of one response that is read to its end.
async fn counted<C>(classifier: C, response: Response<Body>) -> Totals
where
    C: ClassifyResponse + Clone + Send + 'static,
{
    let circuit = Circuit::new("upstream", config(9));
    let layer = CircuitBreakerLayer::http(circuit.clone()).classify(AtEndOfBody::new(ByTowerHttp(classifier)));
    let response = std::sync::Mutex::new(Some(response));
    let answers = service_fn(move |_: Request<Body>| {
        let response = response.lock().unwrap().take().unwrap();
        async { Ok::<_, Infallible>(response) }
    });
    let answer = layer.refuse(AsWrappedResponse).layer(answers).oneshot(Request::new(Body::empty())).await.unwrap();
    let _ = answer.into_body().collect().await;
    circuit.snapshot().totals
}

fn status(status: StatusCode) -> Response<Body> {
    Response::builder().status(status).body(Body::from("text")).unwrap()
}

fn trailers(code: &str) -> Response<Body> {
    let trailers = axum::http::HeaderMap::from_iter([("grpc-status".parse().unwrap(), code.parse().unwrap())]);
    Response::new(Body::new(Body::from("text").with_trailers(async { Some(Ok(trailers)) })))
}

fn head(code: &str) -> Response<Body> {
    Response::builder().header("grpc-status", code).body(Body::empty()).unwrap()
}

fn is_failure(totals: Totals) -> bool {
    assert_eq!((totals.calls(), totals.successes + totals.failures), (1, 1));
    totals.failures == 1
}

#[tokio::test]
async fn they_judge_statuses() {
    let by = ServerErrorsAsFailures::new;
    assert!(is_failure(counted(by(), status(StatusCode::BAD_GATEWAY)).await));
    assert!(!is_failure(counted(by(), status(StatusCode::OK)).await));
    assert!(!is_failure(counted(by(), status(StatusCode::TOO_MANY_REQUESTS)).await));
    let by = || StatusInRangeAsFailures::new(400..=599);
    assert!(is_failure(counted(by(), status(StatusCode::NOT_FOUND)).await));
}

#[tokio::test]
async fn they_judge_grpc_by_head_and_trailers() {
    let by = GrpcErrorsAsFailures::new;
    assert!(!is_failure(counted(by(), trailers("0")).await));
    assert!(is_failure(counted(by(), trailers("14")).await));
    assert!(is_failure(counted(by(), trailers("5")).await));
    assert!(is_failure(counted(by(), head("14")).await));
    let forgiving = GrpcErrorsAsFailures::new().with_success(GrpcCode::NotFound);
    assert!(!is_failure(counted(forgiving, trailers("5")).await));
}
