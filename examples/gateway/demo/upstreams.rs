//! Upstreams with a script: what they do depends on how long they have been running.

use std::{convert::Infallible, future::Future, io, net::SocketAddr, ops::Range, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

/// The seconds of each cycle in which the flaky one fails, and how long a cycle is.
pub(super) const OUTAGE: Range<u64> = 8..20;
pub(super) const FLAKY_CYCLE: u64 = 30;

/// The same for the slow one.
pub(super) const SLOWNESS: Range<u64> = 25..35;
pub(super) const SLOW_CYCLE: u64 = 50;

/// What an upstream does with one request, given the seconds since its start.
pub(super) async fn steady(_: u64) -> StatusCode {
    StatusCode::OK
}

pub(super) async fn flaky(second: u64) -> StatusCode {
    if OUTAGE.contains(&(second % FLAKY_CYCLE)) { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
}

pub(super) async fn slow(second: u64) -> StatusCode {
    let slow = SLOWNESS.contains(&(second % SLOW_CYCLE));
    sleep(Duration::from_millis(if slow { 900 } else { 60 })).await;
    StatusCode::OK
}

/// Serves a script on a free port.
pub(super) async fn start<F, Fut>(script: F) -> io::Result<SocketAddr>
where
    F: Fn(u64) -> Fut + Copy + Send + 'static,
    Fut: Future<Output = StatusCode> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let at = listener.local_addr()?;
    let since = Instant::now();
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let service = service_fn(move |_: Request<Incoming>| async move {
                let status = script(since.elapsed().as_secs()).await;
                let text = if status.is_success() { "all is well\n" } else { "out of order\n" };
                let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
                *response.status_mut() = status;
                Ok::<_, Infallible>(response)
            });
            let mut server = hyper::server::conn::http1::Builder::new();
            let connection = server.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
            tokio::spawn(async {
                // The gateway may close a connection when it likes.
                let _ = connection.await;
            });
        }
    });
    Ok(at)
}
