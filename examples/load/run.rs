//! The load: arrivals on time, whatever becomes of those before.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, header::HOST};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until, timeout_at},
};

use crate::{args::Plan, report::Report, seen::Seen};

/// What all calls share.
pub(crate) struct Load {
    plan: Plan,
    client: Client<HttpConnector, Full<Bytes>>,
    places: Arc<Semaphore>,
    under_way: AtomicUsize,
    report: Mutex<Report>,
    start: Instant,
}

impl Load {
    pub(crate) fn new(plan: Plan) -> Arc<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new()).build(connector);
        let places = Arc::new(Semaphore::new(plan.connections));
        Arc::new(Self {
            plan,
            client,
            places,
            under_way: AtomicUsize::new(0),
            report: Mutex::default(),
            start: Instant::now(),
        })
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    pub(crate) fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Relaxed)
    }

    /// Begins each call when it is due. Those under way when the last one has begun are waited for.
    pub(crate) async fn run(self: &Arc<Self>) {
        for number in 0..self.plan.rate * self.plan.seconds {
            let due = self.start + Duration::from_nanos(1_000_000_000 / self.plan.rate * number);
            sleep_until(due).await;
            self.report().late(due.elapsed());
            let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
                self.report().not_sent();
                continue;
            };
            let load = Arc::clone(self);
            load.under_way.fetch_add(1, Relaxed);
            tokio::spawn(async move {
                // From when it was due: what a late start of ours costs is not the service's, but a user would wait it too.
                let seen = timeout_at(due + load.plan.deadline, load.call()).await.unwrap_or(Seen::TooLate);
                load.report().add(load.start.elapsed(), due.elapsed(), seen);
                load.under_way.fetch_sub(1, Relaxed);
                drop(place);
            });
        }
        let all = u32::try_from(self.plan.connections).unwrap_or(u32::MAX);
        // Never closed, so never an error. Each ends by its deadline.
        let _ = self.places.acquire_many(all).await;
    }

    async fn call(&self) -> Seen {
        let mut request = Request::new(Full::from(self.plan.body.clone()));
        *request.method_mut() = self.plan.method.clone();
        *request.uri_mut() = self.plan.target.uri.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.plan.target.host.clone());
        for (name, value) in &self.plan.headers {
            headers.append(name, value.clone());
        }
        let response = match self.client.request(request).await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Seen::NoConnection,
            Err(_) => return Seen::NoAnswer,
        };
        let seen = Seen::head(&response);
        let mut body = response.into_body();
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return Seen::BrokeOff;
            }
        }
        seen
    }
}
