//! A server that answers as it is told.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::Bytes,
    http::{self, Extensions, StatusCode},
};
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Error, Middleware, Next};
use tokio::net::TcpListener;
use tokio_stream::StreamExt;
use tower_breaker::{CircuitBreakerConfig, CircuitBreakerConfigBuilder, retry::RetryConfig};

/// How the server answers a call.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Status(u16),
    /// 503, with that `Retry-After`.
    Later(&'static str),
    /// The body it got.
    Echo,
    /// To the same place again.
    Redirect,
    /// To another port here, after what was asked was done.
    DoneSee(u16),
    Never,
    /// 200, and a body that breaks off after "part".
    Cut,
}

use Answer::{Cut, DoneSee, Echo, Later, Never, Redirect, Status};

pub(crate) struct Server {
    pub(crate) url: String,
    hits: Arc<AtomicUsize>,
}

impl Server {
    /// Answers the n-th call, counted from 0, by `answer(n)`.
    pub(crate) async fn new(answer: impl Fn(usize) -> Answer + Clone + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let hits = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&hits);
        let app = Router::new().fallback(async move |body: Bytes| {
            let response = |status| http::Response::builder().status(StatusCode::from_u16(status).unwrap());
            let empty = axum::body::Body::empty();
            match answer(count.fetch_add(1, Ordering::SeqCst)) {
                Status(status) => response(status).body(empty).unwrap(),
                Later(when) => response(503).header("retry-after", when).body(empty).unwrap(),
                Echo => http::Response::new(body.into()),
                Redirect => response(302).header("location", "/").body(empty).unwrap(),
                DoneSee(port) => {
                    response(303).header("location", format!("http://127.0.0.1:{port}/")).body(empty).unwrap()
                }
                Never => pending().await,
                Cut => {
                    let parts = [Ok("part"), Err(std::io::Error::other("cut off"))];
                    // The part goes out before the end comes: a server sends what it has when there is no more yet.
                    let parts = tokio_stream::iter(parts).then(async |part| {
                        tokio::task::yield_now().await;
                        part
                    });
                    http::Response::new(axum::body::Body::from_stream(parts))
                }
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, hits }
    }

    pub(crate) async fn status(status: u16) -> Self {
        Self::new(move |_| Status(status)).await
    }

    /// Calls that arrived.
    pub(crate) fn hits(&self) -> usize {
        self.hits.load(Ordering::SeqCst)
    }
}

/// An origin that refuses connections.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// Counts what gets to it: every attempt of the stages further out, however soon it is given up.
#[derive(Clone, Default)]
pub(crate) struct Attempts(Arc<AtomicUsize>);

impl Attempts {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Middleware for Attempts {
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response, Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        next.run(request, extensions).await
    }
}

/// A client that gives up by itself in the end, so that a test that fails does not hang.
pub(crate) fn bare() -> reqwest::Client {
    reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap()
}

pub(crate) fn client(middleware: impl Middleware) -> ClientWithMiddleware {
    ClientBuilder::new(bare()).with(middleware).build()
}

/// Opens after so many failures in a row, for a minute and without jitter.
pub(crate) fn after(failures: u32) -> CircuitBreakerConfigBuilder {
    CircuitBreakerConfig::builder()
        .failure_threshold(failures)
        .open_duration(Duration::from_secs(60))
        .open_duration_jitter(0.0)
}

/// Three attempts, almost without waits.
pub(crate) fn soon() -> RetryConfig {
    RetryConfig::builder().base(Duration::from_millis(1)).max(Duration::from_millis(20)).build().unwrap()
}

/// Waits until `condition` holds, for twenty seconds at most.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    waited.await.expect("it came true");
}
