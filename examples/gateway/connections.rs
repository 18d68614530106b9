//! Connections of callers: taken up to a bound, served in HTTP/1.1 or HTTP/2, closed where nothing goes on, and drained at the
//! end.

use std::{
    convert::Infallible,
    io,
    net::IpAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    time::{Instant, sleep, timeout},
};

use crate::{
    caller::{Answer, Caller},
    proxy::Proxy,
    report,
    wire::Wire,
};

/// How long a silent connection may take to say goodbye, and one too many to be told that there is no place.
const GOODBYE: Duration = Duration::from_secs(1);
/// So many at once are told that there is no place; beyond it they are only cut off.
const TOLD_AT_ONCE: usize = 64;
/// Between two lines about it.
const SAY_EVERY: Duration = Duration::from_secs(60);

const NO_PLACE: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n\
    connection: close\r\ncontent-length: 111\r\n\r\n\
    {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"too many connections are open here\"}";

/// The places of connections, and what became of those that had none.
#[derive(Debug)]
pub(crate) struct Connections {
    most: usize,
    patience: Duration,
    places: Arc<Semaphore>,
    told: Arc<Semaphore>,
    stop: watch::Sender<()>,
    turned_away: AtomicU64,
    silent: AtomicU64,
}

impl Connections {
    /// At most so many at once, each of whose callers is waited for so long.
    pub(crate) fn new(most: usize, patience: Duration) -> Arc<Self> {
        let (places, told) = (Arc::new(Semaphore::new(most)), Arc::new(Semaphore::new(TOLD_AT_ONCE)));
        let stop = watch::Sender::new(());
        Arc::new(Self { most, patience, places, told, stop, turned_away: AtomicU64::new(0), silent: AtomicU64::new(0) })
    }

    pub(crate) const fn most(&self) -> usize {
        self.most
    }

    pub(crate) fn open(&self) -> usize {
        self.most - self.places.available_permits()
    }

    /// How many have found no place.
    pub(crate) fn turned_away(&self) -> u64 {
        self.turned_away.load(Relaxed)
    }

    /// How many were closed because nothing went on on them.
    pub(crate) fn silent(&self) -> u64 {
        self.silent.load(Relaxed)
    }

    /// Takes connections for as long as it is polled.
    pub(crate) async fn take(self: &Arc<Self>, listener: &TcpListener, proxy: &Arc<Proxy>) {
        let mut server = auto::Builder::new(TokioExecutor::new());
        // A slow head is a silent caller, which has one clock here for both protocols.
        server.http1().timer(TokioTimer::new()).header_read_timeout(None);
        server.http2().timer(TokioTimer::new());
        let server = Arc::new(server);
        let (mut fails, mut said) = (false, None);
        loop {
            let (stream, caller) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, most likely: some are given back soon.
                    if !std::mem::replace(&mut fails, true) {
                        report::event(format_args!("cannot take a connection: {error}"));
                    }
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            fails = false;
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                self.turn_away(stream);
                if said.is_none_or(|said: Instant| said.elapsed() > SAY_EVERY) {
                    said = Some(Instant::now());
                    let (most, all) = (self.most, self.turned_away());
                    report::event(format_args!(
                        "{most} connections are open, the most there may be; others get 503 ({all} so far)"
                    ));
                }
                continue;
            };
            // Small answers go out at once; where that cannot be set they go out later.
            let _ = stream.set_nodelay(true);
            let (this, proxy, server) = (Arc::clone(self), Arc::clone(proxy), Arc::clone(&server));
            tokio::spawn(async move {
                this.serve(stream, caller.ip(), proxy, &server).await;
                drop(place);
            });
        }
    }

    /// Serves one connection to its end.
    async fn serve(&self, stream: TcpStream, from: IpAddr, proxy: Arc<Proxy>, server: &auto::Builder<TokioExecutor>) {
        let caller = Caller::new();
        let wire = TokioIo::new(Wire::new(stream, Arc::clone(&caller), self.patience));
        let service = service_fn(|request| {
            let (proxy, under_way) = (Arc::clone(&proxy), caller.begin());
            async move {
                let answer = proxy.answer(request, from).await;
                Ok::<_, Infallible>(answer.map(|body| Answer::new(body, under_way)))
            }
        });
        let mut stop = self.stop.subscribe();
        let mut connection = pin!(server.serve_connection(wire, service));
        // A connection that ends in an error has no one left to be told.
        let goodbye = tokio::select! {
            _ = connection.as_mut() => return,
            () = caller.silent_for(self.patience) => {
                self.silent.fetch_add(1, Relaxed);
                GOODBYE
            }
            _ = stop.changed() => self.patience,
        };
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection => {}
            // A head that is still on its way would keep it, and so would streams that nobody takes.
            () = caller.silent_for(goodbye) => {}
        }
    }

    fn turn_away(&self, mut stream: TcpStream) {
        self.turned_away.fetch_add(1, Relaxed);
        if let Ok(place) = Arc::clone(&self.told).try_acquire_owned() {
            tokio::spawn(async move {
                let _ = timeout(GOODBYE, tell(&mut stream)).await;
                drop(place);
            });
        }
    }

    /// Lets what is under way end, and waits until all have ended.
    pub(crate) async fn drained(&self) {
        self.stop.send_replace(());
        let all = u32::try_from(self.most).unwrap_or(u32::MAX);
        // Never closed, so never an error.
        let _ = self.places.acquire_many(all).await;
    }
}

/// Closed on a request that is on its way, the connection would take the answer down with it: so that is read away.
async fn tell(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(NO_PLACE).await?;
    stream.shutdown().await?;
    let mut away = [0; 1024];
    while stream.read(&mut away).await? > 0 {}
    Ok(())
}
