//! Callers who never stop: each has a connection, over HTTP/1.1 or HTTP/2, and its next call follows its last.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::TcpStream,
    runtime::Handle,
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::{
    tally::{Seen, Tally},
    upstream::real,
};

/// A caller waits longer than any timeout of the gateway.
const PATIENCE: Duration = Duration::from_secs(15);

/// One connection.
enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    async fn connect(to: SocketAddr, two: bool) -> Option<Self> {
        let stream = TcpStream::connect(to).await.ok()?;
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(stream);
        if two {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io).await.ok()?;
            tokio::spawn(connection);
            Some(Self::Two(sender))
        } else {
            let (sender, connection) = http1::handshake(io).await.ok()?;
            tokio::spawn(connection);
            Some(Self::One(sender))
        }
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => sender.ready().await?,
            Self::Two(sender) => sender.ready().await?,
        }
        match self {
            Self::One(sender) => sender.send_request(request).await,
            Self::Two(sender) => sender.send_request(request).await,
        }
    }
}

/// What is called: paths of the upstream's own, GET and PUT, bodies of all sizes.
fn request(to: SocketAddr, two: bool, round: usize) -> (Request<Full<Bytes>>, &'static str, usize) {
    let path = if round % 16 == 7 { "/missing" } else { "/a" };
    let size = if round.is_multiple_of(3) { round * 37 % 5_000 } else { 0 };
    let target = if two { format!("http://{to}{path}") } else { path.to_owned() };
    let method = if size > 0 { "PUT" } else { "GET" };
    let request = Request::builder().method(method).uri(target);
    // Over HTTP/2 the target names it.
    let request = if two { request } else { request.header(HOST, to.to_string()) };
    (request.body(Full::new(vec![b'z'; size].into())).unwrap(), path, size)
}

/// One call over a connection that may have been used before. `None`: it was closed before anything was sent.
async fn call(sender: &mut Sender, to: SocketAddr, round: usize) -> Option<Seen> {
    let (request, path, size) = request(to, matches!(sender, Sender::Two(_)), round);
    let response = match sender.send(request).await {
        Ok(response) => response,
        Err(error) if error.is_canceled() || error.is_closed() => return None,
        Err(error) => {
            println!("no answer to call {round} on {path}: {error:?}");
            return Some(Seen::NoAnswer);
        }
    };
    let status = response.status();
    let own = response.headers().get("content-type").is_some_and(|value| value == "application/problem+json");
    Some(match response.into_body().collect().await {
        Err(_) => Seen::Cut,
        Ok(_) if own => Seen::Own(status.as_u16()),
        Ok(body) => {
            if (status, body.to_bytes()) == real(path, size) {
                Seen::Real
            } else {
                Seen::Wrong
            }
        }
    })
}

/// One caller, until it is over.
pub(crate) async fn caller(to: SocketAddr, number: usize, pause: Duration, tally: Arc<Tally>, over: Arc<AtomicBool>) {
    let two = number % 4 == 3;
    let mut kept = None;
    for round in number.. {
        if over.load(SeqCst) {
            return;
        }
        let (mut sender, fresh) = match kept.take() {
            Some(sender) => (sender, false),
            None => match Sender::connect(to, two).await {
                Some(sender) => (sender, true),
                None => {
                    tally.add(Seen::NoConnection);
                    sleep(pause).await;
                    continue;
                }
            },
        };
        match timeout(PATIENCE, call(&mut sender, to, round)).await {
            Err(_) => tally.add(Seen::Silence),
            // A kept connection may be closed; then the call is made over a new one.
            Ok(None) if !fresh => continue,
            Ok(None) => tally.add(Seen::NoAnswer),
            Ok(Some(seen)) => {
                tally.add(seen);
                if matches!(seen, Seen::Real | Seen::Own(_)) {
                    kept = Some(sender);
                }
            }
        }
        sleep(pause).await;
    }
}

/// Many of them.
pub(crate) struct Load {
    over: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(runtime: &Handle, to: SocketAddr, callers: usize, pause: Duration, tally: &Arc<Tally>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let one = |number| runtime.spawn(caller(to, number, pause, Arc::clone(tally), Arc::clone(&over)));
        Self { callers: (0..callers).map(one).collect(), over }
    }

    /// Lets every call end, and hangs up.
    pub(crate) fn stop(self, runtime: &Handle) {
        self.over.store(true, SeqCst);
        for caller in self.callers {
            runtime.block_on(caller).unwrap();
        }
    }
}
