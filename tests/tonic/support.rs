//! A server that does what its callers ask for, and circuits on a clock that only the tests move.

use std::{
    future::{Future, pending},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};
use tokio_stream::{Stream, StreamExt, iter};
use tonic::{
    Code, Status, Streaming,
    transport::{Channel, Endpoint, server::TcpIncoming},
};
use tower_breaker::{Circuit, CircuitBreakerConfig, ManualClock, Totals};

use crate::shop::{Answers, Prices};

/// The wait of an open circuit.
pub(crate) const WAIT: Duration = Duration::from_secs(10);

/// A server with a runtime of its own, so that dropping it cuts every connection off.
pub(crate) struct Server {
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Server {
    pub(crate) fn start<F, E>(serve: impl FnOnce(TcpIncoming) -> F) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Send + 'static,
    {
        Self::start_at("127.0.0.1:0".parse().unwrap(), serve)
    }

    /// Where another one was.
    pub(crate) fn start_at<F, E>(address: SocketAddr, serve: impl FnOnce(TcpIncoming) -> F) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Send + 'static,
    {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let entered = runtime.enter();
        let incoming = TcpIncoming::bind(address).unwrap().with_nodelay(Some(true));
        let address = incoming.local_addr().unwrap();
        runtime.spawn(serve(incoming));
        drop(entered);
        Self { address, runtime: Some(runtime) }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Gone, with all of its connections, when this returns.
    pub(crate) fn kill(mut self) {
        // On a thread of its own: a runtime must not wait inside another.
        let runtime = self.runtime.take();
        std::thread::spawn(move || drop(runtime)).join().unwrap();
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::from_shared(format!("http://{}", self.address)).unwrap()
    }

    pub(crate) fn channel(&self) -> Channel {
        self.endpoint().connect_lazy()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Reads what it is to do out of the request.
///
/// Words, one after the other: a number is so many messages; `hang` answers no more; `cut` breaks the stream off; the name
/// of a code ends with that status. A method of one answer ends with it before any message.
#[derive(Debug, Default, Clone)]
pub(crate) struct Told {
    calls: Arc<AtomicUsize>,
}

impl Told {
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    fn called(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }
}

impl Prices for Told {
    async fn quote(&self, told: String) -> Result<String, Status> {
        self.called();
        match told.as_str() {
            "hang" => pending().await,
            _ => code(&told).map_or(Ok(format!("{told} it is")), |code| Err(Status::new(code, "as you say"))),
        }
    }

    async fn watch(&self, told: String) -> Result<Answers, Status> {
        self.called();
        Ok(Box::pin(script(&told)))
    }

    async fn total(&self, mut items: Streaming<String>) -> Result<String, Status> {
        self.called();
        let mut count = 0;
        while let Some(item) = items.message().await? {
            if let Some(code) = code(&item) {
                return Err(Status::new(code, "as you say"));
            }
            count += 1;
        }
        Ok(count.to_string())
    }

    async fn haggle(&self, offers: Streaming<String>) -> Result<Answers, Status> {
        self.called();
        Ok(Box::pin(offers.map(|offer| match offer {
            Ok(offer) => code(&offer).map_or(Ok(format!("not for {offer}")), |code| Err(Status::new(code, "enough"))),
            Err(status) => Err(status),
        })))
    }
}

fn script(told: &str) -> impl Stream<Item = Result<String, Status>> + Send + use<> {
    let words: Vec<_> = told.split_whitespace().map(str::to_owned).collect();
    let steps = words.into_iter().flat_map(|word| match word.parse() {
        Ok(messages) => vec![String::new(); messages],
        Err(_) => vec![word],
    });
    iter(steps).then(async |step| match step.as_str() {
        "" => Ok("tick".to_owned()),
        "hang" => pending().await,
        step => Err(Status::new(code(step).unwrap_or(Code::Ok), "as you say")),
    })
}

pub(crate) const CODES: [(&str, Code); 16] = [
    ("CANCELLED", Code::Cancelled),
    ("UNKNOWN", Code::Unknown),
    ("INVALID_ARGUMENT", Code::InvalidArgument),
    ("DEADLINE_EXCEEDED", Code::DeadlineExceeded),
    ("NOT_FOUND", Code::NotFound),
    ("ALREADY_EXISTS", Code::AlreadyExists),
    ("PERMISSION_DENIED", Code::PermissionDenied),
    ("RESOURCE_EXHAUSTED", Code::ResourceExhausted),
    ("FAILED_PRECONDITION", Code::FailedPrecondition),
    ("ABORTED", Code::Aborted),
    ("OUT_OF_RANGE", Code::OutOfRange),
    ("UNIMPLEMENTED", Code::Unimplemented),
    ("INTERNAL", Code::Internal),
    ("UNAVAILABLE", Code::Unavailable),
    ("DATA_LOSS", Code::DataLoss),
    ("UNAUTHENTICATED", Code::Unauthenticated),
];

fn code(word: &str) -> Option<Code> {
    CODES.iter().find(|(name, _)| *name == word).map(|(_, code)| *code)
}

/// `failures` in a row open it, one success closes it.
pub(crate) fn config(failures: u32) -> CircuitBreakerConfig {
    CircuitBreakerConfig::builder()
        .failure_threshold(failures)
        .failure_rate_threshold(None)
        .open_duration(WAIT)
        .open_duration_jitter(0.0)
        .success_threshold(1)
        .build()
        .unwrap()
}

pub(crate) fn circuit(failures: u32) -> (Circuit, ManualClock) {
    let clock = ManualClock::new();
    (Circuit::builder("prices").config(config(failures)).clock(clock.clone()).build(), clock)
}

pub(crate) fn only(set: impl FnOnce(&mut Totals)) -> Totals {
    let mut totals = Totals::default();
    set(&mut totals);
    totals
}

pub(crate) fn totals(circuit: &Circuit) -> Totals {
    circuit.snapshot().totals
}

/// Waits for what the other side does in its own time.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "not after 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The circuit's totals, once they are these.
pub(crate) async fn ends_as(circuit: &Circuit, expected: Totals) {
    until("one call has ended", || totals(circuit).calls() == expected.calls()).await;
    assert_eq!(totals(circuit), expected);
}

/// All there is in a stream: how many messages, and how it ended.
pub(crate) async fn drain(stream: &mut Streaming<String>) -> (usize, Code) {
    let mut messages = 0;
    loop {
        match stream.message().await {
            Ok(Some(_)) => messages += 1,
            Ok(None) => return (messages, Code::Ok),
            Err(status) => return (messages, status.code()),
        }
    }
}
