//! The endpoints: small servers on loopback, one of which falls sick for a while.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use axum::{Router, http::StatusCode, routing::get};
use tokio::net::TcpListener;

/// A server, and what is known of it from its own side.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) sick: Arc<AtomicBool>,
    requests: Arc<AtomicU32>,
}

impl Endpoint {
    /// Starts it on a port that is free. It runs until the process ends.
    pub(crate) async fn start(name: &'static str) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let endpoint = Self { name, address, sick: Arc::default(), requests: Arc::default() };
        let server = endpoint.clone();
        let app = Router::new().route("/", get(move || async move { server.answer() }));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(endpoint)
    }

    fn answer(&self) -> (StatusCode, &'static str) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if self.sick.load(Ordering::Relaxed) {
            return (StatusCode::INTERNAL_SERVER_ERROR, "sick");
        }
        (StatusCode::OK, self.name)
    }

    /// Requests since this was last asked.
    pub(crate) fn requests(&self) -> u32 {
        self.requests.swap(0, Ordering::Relaxed)
    }
}
