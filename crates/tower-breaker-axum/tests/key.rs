//! Circuits by route.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
    routing::{any, get},
};
use tower::ServiceExt;
use tower_breaker::{CircuitBreakerConfig, Circuits, KeyedCircuitBreakerLayer};
use tower_breaker_axum::{MISSING, matched_path, method_and_matched_path};

fn circuits() -> Circuits {
    Circuits::new(CircuitBreakerConfig::builder().failure_threshold(1).build().unwrap())
}

fn names(circuits: &Circuits) -> Vec<String> {
    let mut names: Vec<_> = circuits.list().iter().map(|circuit| circuit.name().to_owned()).collect();
    names.sort();
    names
}

async fn sick() -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

async fn status(app: &Router, method: &str, path: &str) -> u16 {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn one_sick_route_leaves_the_others_alone() {
    let circuits = circuits();
    let inner = Router::new().route("/{item}", get(async || "well"));
    let app = Router::new()
        .route("/sick/{id}", get(sick))
        .nest("/shop/{tenant}", inner)
        .layer(KeyedCircuitBreakerLayer::http(circuits.clone(), matched_path));
    assert_eq!([status(&app, "GET", "/sick/1").await, status(&app, "GET", "/sick/2").await], [500, 503]);
    assert_eq!(status(&app, "GET", "/shop/a/tea").await, 200);
    assert_eq!(status(&app, "GET", "/shop/b/tea").await, 200);
    assert_eq!(status(&app, "GET", "/nowhere").await, 404);
    assert_eq!(names(&circuits), [MISSING, "/shop/{tenant}/{item}", "/sick/{id}"]);
}

#[tokio::test]
async fn methods_of_one_route_may_be_told_apart() {
    let circuits = circuits();
    let app = Router::new()
        .route("/orders/{id}", any(async || "well").post(sick))
        .layer(KeyedCircuitBreakerLayer::http(circuits.clone(), method_and_matched_path));
    assert_eq!([status(&app, "POST", "/orders/1").await, status(&app, "POST", "/orders/2").await], [500, 503]);
    for method in ["GET", "SPLIT", "JOIN"] {
        assert_eq!(status(&app, method, "/orders/1").await, 200);
    }
    assert_eq!(
        names(&circuits),
        ["/orders/{id}", "GET /orders/{id}", "POST /orders/{id}"],
        "made-up methods share one"
    );
}

#[test]
fn each_method_of_a_standard_has_a_name() {
    for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT"] {
        let request = Request::builder().method(method).body(()).unwrap();
        assert_eq!(method_and_matched_path(&request), format!("{method} {MISSING}"));
    }
}

#[test]
fn a_known_route_allocates_no_name() {
    let request = Request::new(());
    assert!(matches!(matched_path(&request), std::borrow::Cow::Borrowed(MISSING)));
}
