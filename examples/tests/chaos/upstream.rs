//! What the gateway of these tests proxies to: well, hung, cutting, or killed and started again on the same port.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU8, Ordering::SeqCst},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    runtime::Handle,
    task::{JoinHandle, JoinSet},
};

use crate::until;

#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(u8)]
pub(crate) enum Mood {
    Well,
    /// Takes requests and never answers.
    Hung,
    /// Breaks every answer off in its body.
    Cutting,
}

/// More than the sockets in between take.
static LARGE: LazyLock<Bytes> = LazyLock::new(|| vec![b'x'; 16 << 20].into());

/// What it answers to a request with a body of so many bytes when it is well: callers know it too.
pub(crate) fn real(path: &str, sent: usize) -> (StatusCode, Bytes) {
    match path {
        "/missing" => (StatusCode::NOT_FOUND, Bytes::from_static(b"there is no such thing")),
        "/free/large" => (StatusCode::OK, LARGE.clone()),
        _ => (StatusCode::OK, format!("{sent} bytes {}", "y".repeat(sent / 2)).into()),
    }
}

pub(crate) struct Upstream {
    runtime: Handle,
    pub(crate) at: SocketAddr,
    mood: Arc<AtomicU8>,
    /// With all of its connections in it. `None`: killed.
    life: Option<JoinHandle<()>>,
}

impl Upstream {
    pub(crate) fn start(runtime: &Handle) -> Self {
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let at = listener.local_addr().unwrap();
        let mood = Arc::new(AtomicU8::new(Mood::Well as u8));
        let life = Some(runtime.spawn(live(listener, Arc::clone(&mood))));
        Self { runtime: runtime.clone(), at, mood, life }
    }

    pub(crate) fn is(&self, mood: Mood) {
        self.mood.store(mood as u8, SeqCst);
    }

    /// As a process that is killed: its connections end, and nobody listens any more.
    pub(crate) fn kill(&mut self) {
        let life = self.life.take().unwrap();
        life.abort();
        let _ = self.runtime.block_on(life);
    }

    pub(crate) fn restart(&mut self) {
        let listener = until("the port", || self.runtime.block_on(TcpListener::bind(self.at)).ok());
        self.life = Some(self.runtime.spawn(live(listener, Arc::clone(&self.mood))));
    }
}

async fn live(listener: TcpListener, mood: Arc<AtomicU8>) {
    // Dropped with this task, and their sockets with them.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let _ = stream.set_nodelay(true);
        let mood = Arc::clone(&mood);
        let service = service_fn(move |request| answer(request, Arc::clone(&mood)));
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .serve_connection(TokioIo::new(stream), service);
        connections.spawn(async {
            let _ = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(request: Request<Incoming>, mood: Arc<AtomicU8>) -> Result<Response<Reply>, Infallible> {
    let path = request.uri().path().to_owned();
    // Broken off by the gateway, it is answered all the same: nobody listens.
    let sent = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
    let mood = mood.load(SeqCst);
    if mood == Mood::Hung as u8 {
        std::future::pending::<()>().await;
    }
    let (status, body) = real(&path, sent);
    let mut response = Response::new(Reply {
        cut: mood == Mood::Cutting as u8,
        length: body.len() as u64,
        rest: Some(body),
        flushed: false,
    });
    *response.status_mut() = status;
    Ok(response)
}

/// A whole body, or the beginning of one.
struct Reply {
    length: u64,
    rest: Option<Bytes>,
    cut: bool,
    /// What there was has been sent.
    flushed: bool,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_none() && self.cut && !std::mem::replace(&mut self.flushed, true) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let cut = self.cut;
        let part = |body: Bytes| if cut { body.slice(..body.len() / 2) } else { body };
        Poll::Ready(match self.rest.take() {
            Some(body) => Some(Ok(Frame::data(part(body)))),
            None if cut => Some(Err(io::ErrorKind::ConnectionAborted.into())),
            None => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(if self.rest.is_some() { self.length } else { 0 })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_none() && !self.cut
    }
}
