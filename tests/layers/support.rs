//! A server on a port of its own, and a client to it.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Body, http::Request};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tower_breaker::CircuitBreakerConfig;

/// Stops when it is dropped.
pub(crate) struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(crate) async fn start(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, task }
    }

    pub(crate) fn get(&self, path: &str) -> Request<Body> {
        Request::get(format!("http://{}{path}", self.address)).body(Body::empty()).unwrap()
    }

    /// The key of its requests.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) type HyperClient = Client<HttpConnector, Body>;

pub(crate) fn client() -> HyperClient {
    Client::builder(TokioExecutor::new()).build_http()
}

/// `failures` in a row open it, for a minute: longer than any test.
pub(crate) fn config(failures: u32) -> CircuitBreakerConfig {
    CircuitBreakerConfig::builder()
        .failure_threshold(failures)
        .failure_rate_threshold(None)
        .open_duration(Duration::from_secs(60))
        .open_duration_jitter(0.0)
        .success_threshold(1)
        .build()
        .unwrap()
}
