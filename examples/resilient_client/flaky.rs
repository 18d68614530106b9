//! The server: well, broken, hung or down, in an order that is always the same.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::net::TcpListener;

/// Starts it on a port that is free. It runs until the process ends.
pub(crate) async fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let server = Arc::new(Flaky::default());
    let app = Router::new().route("/tea", get(move || async move { server.answer().await }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

#[derive(Default)]
struct Flaky {
    requests: AtomicU32,
}

impl Flaky {
    async fn answer(&self) -> Response {
        match self.requests.fetch_add(1, Ordering::Relaxed) + 1 {
            2 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            4 => std::future::pending().await,
            6..=9 => (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")]).into_response(),
            _ => "3.20".into_response(),
        }
    }
}
