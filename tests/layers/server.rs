//! An axum server with a breaker, as its clients see it.

use std::borrow::Cow;

use axum::{
    Router,
    extract::{MatchedPath, Request},
    http::{StatusCode, header},
    routing::get,
};
use http_body_util::BodyExt;
use tower_breaker::{Circuit, CircuitBreakerLayer, Circuits, KeyedCircuitBreakerLayer, key, refuse::AsWrappedResponse};

use crate::support::{Server, client, config};

async fn sick() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

#[tokio::test]
async fn a_refusal_on_the_wire_is_a_503_problem_with_retry_after() {
    let layer = CircuitBreakerLayer::http(Circuit::new("very-internal", config(1)));
    // Both ways to make the body, and `HEAD` beside `GET`.
    let wrapped = layer.clone().refuse(AsWrappedResponse);
    let app = Router::new().route("/plain", get(sick).layer(layer)).route("/wrapped", get(sick).layer(wrapped));
    let server = Server::start(app).await;

    assert_eq!(client().request(server.get("/plain")).await.unwrap().status(), 500);
    for path in ["/plain", "/wrapped"] {
        let response = client().request(server.get(path)).await.unwrap();
        assert_eq!(response.status(), 503);
        let headers = response.headers().clone();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let length: usize = headers[header::CONTENT_LENGTH].to_str().unwrap().parse().unwrap();
        assert_eq!((headers[header::CONTENT_TYPE].as_bytes(), length), (&b"application/problem+json"[..], body.len()));
        let wait: u64 = headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert!(!format!("{headers:?} {body:?}").contains("internal"), "{headers:?} {body:?}");

        let mut head = server.get(path);
        *head.method_mut() = axum::http::Method::HEAD;
        let response = client().request(head).await.unwrap();
        assert_eq!(
            (response.status(), &response.headers()[header::CONTENT_LENGTH]),
            (StatusCode::SERVICE_UNAVAILABLE, &headers[header::CONTENT_LENGTH])
        );
        assert!(response.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
}

#[tokio::test]
async fn keyed_by_route_one_sick_route_leaves_the_others_alone() {
    let route = key::from_fn(|request: &Request| match request.extensions().get::<MatchedPath>() {
        Some(route) => Cow::Borrowed(route.as_str()),
        None => Cow::Borrowed(key::MISSING),
    });
    let circuits = Circuits::new(config(1));
    let app = Router::new()
        .route("/sick/{id}", get(sick))
        .route("/well/{id}", get(|| async { "well" }))
        .layer(KeyedCircuitBreakerLayer::http(circuits, route));
    let server = Server::start(app).await;

    let client = client();
    let mut statuses = Vec::new();
    for path in ["/sick/1", "/sick/2", "/well/1"] {
        statuses.push(client.request(server.get(path)).await.unwrap().status().as_u16());
    }
    assert_eq!(statuses, [500, 503, 200]);
}
