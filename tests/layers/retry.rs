//! Retry around a hyper-util client.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Method, Request, StatusCode},
};
use hyper_util::client::legacy::Error;
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};
use tower_breaker::retry::{BufferBody, HttpRetry, Jitter, ReplayBody, RetryConfig, RetryLayer};

use crate::support::{Server, client};

type IsConnect = fn(&Error) -> bool;
type Map = fn(ReplayBody<Body>) -> Body;

/// Three attempts without much of a wait; what a connect error is, says the client.
fn layer() -> RetryLayer<HttpRetry<IsConnect>, BufferBody<Map>> {
    let config = RetryConfig::builder().base(Duration::from_millis(1)).max(Duration::from_millis(2)).build().unwrap();
    RetryLayer::http(config)
        .policy(HttpRetry::new().connect_errors(Error::is_connect as IsConnect))
        .map_body(Body::new as Map)
}

/// Answers 503 twice, having read no body, and then what it was sent.
fn recovering() -> (Arc<AtomicU32>, Router) {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let app = Router::new().fallback(move |request: Request<Body>| async move {
        if counted.fetch_add(1, Ordering::Relaxed) < 2 {
            return (StatusCode::SERVICE_UNAVAILABLE, Bytes::new());
        }
        (StatusCode::OK, axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap())
    });
    (asked, app)
}

fn with_body(server: &Server, method: Method, body: Vec<u8>) -> Request<Body> {
    let (mut head, _) = server.get("/").into_parts();
    head.method = method;
    Request::from_parts(head, Body::from(body))
}

#[tokio::test]
async fn a_put_is_repeated_with_its_body() {
    let (asked, app) = recovering();
    let server = Server::start(app).await;
    let sent: Vec<u8> = (0..60_000_u32).map(|i| (i % 251) as u8).collect();
    let response = layer().layer(client()).oneshot(with_body(&server, Method::PUT, sent.clone())).await.unwrap();
    assert_eq!((response.status(), asked.load(Ordering::Relaxed)), (StatusCode::OK, 3));
    assert_eq!(axum::body::to_bytes(Body::new(response.into_body()), 1 << 20).await.unwrap(), sent);
}

#[tokio::test]
async fn a_post_is_not_and_neither_is_a_put_too_large_to_keep() {
    let (asked, app) = recovering();
    let server = Server::start(app).await;
    let response = layer().layer(client()).oneshot(with_body(&server, Method::POST, vec![7; 10])).await.unwrap();
    assert_eq!((response.status(), asked.load(Ordering::Relaxed)), (StatusCode::SERVICE_UNAVAILABLE, 1));
    let response = layer().layer(client()).oneshot(with_body(&server, Method::PUT, vec![7; 70_000])).await.unwrap();
    assert_eq!((response.status(), asked.load(Ordering::Relaxed)), (StatusCode::SERVICE_UNAVAILABLE, 2));
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_for_a_post_too() {
    // A port that was free a moment ago.
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let nobody = || Request::post(format!("http://{nobody}/")).body(Body::from("17")).unwrap();
    let layer = layer();
    assert!(layer.layer(client()).oneshot(nobody()).await.unwrap_err().is_connect());
    assert_eq!(layer.figures().retries, 2);
    // Known by its source, too.
    let asked_nobody = layer.policy(HttpRetry::new());
    assert!(asked_nobody.layer(client()).oneshot(nobody()).await.unwrap_err().is_connect());
    assert_eq!(asked_nobody.figures().retries, 4);
}

/// A body that never ends, and tells when the server lets go of it: when its connection is gone.
struct Endless(Arc<AtomicU32>);

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, std::convert::Infallible>>> {
        Poll::Pending
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn during_the_wait_the_connection_of_the_failed_response_is_gone() {
    let gone = Arc::new(AtomicU32::new(0));
    let lets_go = Arc::clone(&gone);
    let app = Router::new()
        .fallback(move || async move { (StatusCode::SERVICE_UNAVAILABLE, Body::new(Endless(Arc::clone(&lets_go)))) });
    let server = Server::start(app).await;
    let minute = Duration::from_secs(60);
    let config = RetryConfig::builder().base(minute).max(minute).jitter(Jitter::None).build().unwrap();
    let layer = RetryLayer::http(config).map_body(Body::new as Map);
    let call = tokio::spawn(layer.layer(client()).oneshot(with_body(&server, Method::PUT, Vec::new())));
    let let_go = async {
        while gone.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(minute / 2, let_go).await.expect("long before the next attempt");
    assert!(!call.is_finished());
    call.abort();
}
