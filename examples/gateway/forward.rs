//! The call to an upstream: connected, sent, and waited for until the head of its answer.

use std::{
    error::Error as StdError,
    fmt, io,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::{Instant, sleep_until};
use tower::Service;

use crate::{config::Matched, headers, reply::Reply, upload::Progress, upstream::Upstream};

/// Calls upstreams, over connections that it keeps.
#[derive(Clone, Debug)]
pub(crate) struct Forward {
    client: Client<HttpConnector, Body>,
    /// So long an upstream may be silent: before the head of its answer, counted from the last it was sent, where its
    /// policy does not say; and anywhere in the body, of which no policy says anything.
    patience: Duration,
}

/// Who sees to it that a call ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// Nobody else: it ends when the upstream is silent for too long.
    Ours,
    /// The timeout of the whole call, at this time. If the caller is waited for then, that is said here.
    Until(Instant),
    /// Somebody further out.
    Theirs,
}

/// Why there is no answer to pass on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There was nobody to connect to, and nothing was sent.
    Unreachable,
    /// The upstream broke the connection off, or said something that is no HTTP or in a coding that is not known here.
    Broken,
    /// The upstream did not answer in time.
    Silent,
    /// The caller broke its request off.
    CallerGone,
    /// The caller stopped sending its request.
    CallerSilent,
}

impl Failure {
    /// What the caller is told.
    pub(crate) const fn status(&self) -> StatusCode {
        match self {
            Self::Unreachable | Self::Broken => StatusCode::BAD_GATEWAY,
            Self::Silent => StatusCode::GATEWAY_TIMEOUT,
            Self::CallerGone => StatusCode::BAD_REQUEST,
            Self::CallerSilent => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// Whether it says nothing about the upstream.
    pub(crate) const fn is_the_callers(&self) -> bool {
        matches!(self, Self::CallerGone | Self::CallerSilent)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable | Self::Broken => "the service behind this address cannot be reached",
            Self::Silent => "the service behind this address did not answer in time",
            Self::CallerGone => "the request broke off",
            Self::CallerSilent => "the request did not come in time",
        })
    }
}

impl StdError for Failure {}

impl Forward {
    pub(crate) fn new(patience: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // A request that had not begun when its kept connection turned out to be closed is sent over another one. What has
        // begun is sent again only where the policy has a retry.
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .retry_canceled_requests(true)
            .build(connector);
        Self { client, patience }
    }

    /// Sends a request whose target and headers are those of the upstream.
    pub(crate) async fn call(
        &self,
        upstream: &Upstream,
        request: Request<Body>,
        patience: Patience,
    ) -> Result<Response<Body>, Failure> {
        let uploaded: Option<Arc<Progress>> = request.extensions().get().cloned();
        let begun = Instant::now();
        let mut answer = pin!(self.client.request(request));
        let answered = loop {
            let Some(progress) = &uploaded else { break answer.await };
            let deadline = match patience {
                Patience::Ours => progress.state().moved.max(begun) + self.patience,
                Patience::Until(end) => end,
                Patience::Theirs => break answer.await,
            };
            tokio::select! {
                biased;
                answered = &mut answer => break answered,
                () = sleep_until(deadline) => match patience {
                    Patience::Ours => late(progress, begun, self.patience)?,
                    _ if progress.state().waits_for_caller => return Err(Failure::CallerSilent),
                    // The timeout of the whole call ends it now, and tells the circuit.
                    _ => break answer.await,
                },
            }
        };
        match answered {
            // Nobody asked for another protocol, so there is no sense in agreeing to one.
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => Err(Failure::Broken),
            Ok(response) if headers::has_other_codings(response.headers()) => Err(Failure::Broken),
            Ok(response) => {
                upstream.is_up();
                Ok(response.map(|body| Body::new(Reply::new(body, self.patience))))
            }
            Err(_) if uploaded.as_ref().is_some_and(|progress| progress.state().slow) => Err(Failure::CallerSilent),
            Err(_) if uploaded.is_some_and(|progress| progress.state().broken) => Err(Failure::CallerGone),
            Err(error) if error.is_connect() => {
                upstream.is_down(&innermost(&error));
                Err(Failure::Unreachable)
            }
            Err(_) => Err(Failure::Broken),
        }
    }
}

/// When the time for a whole call is over: an extension of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End(pub(crate) Instant);

/// An upstream of one route, as a Tower service.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    forward: Forward,
    upstream: Arc<Upstream>,
    found: Matched,
}

impl Outbound {
    pub(crate) const fn new(forward: Forward, upstream: Arc<Upstream>, found: Matched) -> Self {
        Self { forward, upstream, found }
    }
}

impl Service<Request<Body>> for Outbound {
    type Response = Response<Body>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { forward, upstream, found } = self.clone();
        Box::pin(async move {
            // A policy that says how much time there is means that, be it more.
            let patience = match request.extensions().get::<End>() {
                Some(End(end)) => Patience::Until(*end),
                None if found.route().policy().attempt_timeout().is_some() => Patience::Theirs,
                None => Patience::Ours,
            };
            forward.call(&upstream, request, patience).await
        })
    }
}

/// The time is over, unless more of the request was sent meanwhile.
fn late(progress: &Progress, begun: Instant, patience: Duration) -> Result<(), Failure> {
    let state = progress.state();
    if Instant::now() < state.moved.max(begun) + patience {
        Ok(())
    } else if state.waits_for_caller {
        Err(Failure::CallerSilent)
    } else {
        Err(Failure::Silent)
    }
}

/// The cause of an error that says most: what the system said, or else the last there is.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = cause.source().filter(|_| !cause.is::<io::Error>()) {
        cause = next;
    }
    cause.to_string()
}
