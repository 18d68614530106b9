//! Upstreams with a script: what they do depends on how long they have been running.

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};

/// Of so many calls the steady one fails one.
pub(super) const ONE_FAILS_OF: u64 = 5;

/// The seconds of each cycle in which the flaky one fails, and how long a cycle is. They end before the second probe, however
/// the jitter falls.
pub(super) const OUTAGE: Range<u64> = 8..19;
pub(super) const FLAKY_CYCLE: u64 = 30;

/// The same for the one that hangs.
pub(super) const HANGING: Range<u64> = 25..35;
pub(super) const HUNG_CYCLE: u64 = 50;

/// A request: how long its upstream has been running, and how many have come before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    second: u64,
    number: u64,
}

pub(super) async fn steady(asked: Asked) -> StatusCode {
    sleep(Duration::from_millis(40)).await;
    if asked.number % ONE_FAILS_OF == 1 { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
}

pub(super) async fn flaky(asked: Asked) -> StatusCode {
    if OUTAGE.contains(&(asked.second % FLAKY_CYCLE)) { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
}

pub(super) async fn slow(asked: Asked) -> StatusCode {
    let hangs = HANGING.contains(&(asked.second % HUNG_CYCLE));
    sleep(if hangs { Duration::from_secs(60) } else { Duration::from_millis(60) }).await;
    StatusCode::OK
}

/// Serves a script on a free port.
pub(super) async fn start<F, Fut>(script: F) -> io::Result<SocketAddr>
where
    F: Fn(Asked) -> Fut + Copy + Send + 'static,
    Fut: Future<Output = StatusCode> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let at = listener.local_addr()?;
    let since = Instant::now();
    let count = Arc::new(AtomicU64::new(0));
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let count = Arc::clone(&count);
            let service = service_fn(move |_: Request<Incoming>| {
                let asked = Asked { second: since.elapsed().as_secs(), number: count.fetch_add(1, Relaxed) };
                async move {
                    let status = script(asked).await;
                    let text = if status.is_success() { "all is well\n" } else { "out of order\n" };
                    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
                    *response.status_mut() = status;
                    Ok::<_, Infallible>(response)
                }
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
