//! One attempt: an endpoint is chosen, called, and judged by its circuit.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, header::HOST};
use http_body::{Frame, SizeHint};
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt};
use tower_breaker::{Outcome, Permit, classify::Classify};

use crate::{
    config::Matched,
    endpoints::{Busy, Endpoint},
    forward::{End, Failure, Forward, Outbound},
    judge::UpstreamsFault,
    stages::RouteStages,
};

/// Which endpoint the latest attempt of a call went to: an extension of requests on routes with several.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice(Arc<Mutex<Option<Chosen>>>);

#[derive(Debug, Clone)]
struct Chosen {
    endpoint: Arc<Endpoint>,
    /// By its own circuit.
    judged: bool,
}

impl Choice {
    fn get(&self) -> Option<Chosen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, chosen: Chosen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(chosen);
    }

    /// Whether a failure is for ejection to mend, and not yet for the route's own circuit.
    pub(crate) fn spares_the_route(&self) -> bool {
        self.get().is_some_and(|chosen| chosen.judged && chosen.endpoint.can_be_ejected())
    }
}

/// The endpoints of one route, as a Tower service.
#[derive(Debug, Clone)]
pub(crate) struct Balanced {
    forward: Forward,
    stages: Arc<RouteStages>,
    found: Matched,
}

impl Balanced {
    pub(crate) const fn new(forward: Forward, stages: Arc<RouteStages>, found: Matched) -> Self {
        Self { forward, stages, found }
    }

    async fn attempt(self, mut request: Request<Body>) -> Result<Response<Body>, Failure> {
        let Self { forward, stages, found } = self;
        let choice = request.extensions().get::<Choice>().cloned();
        let last = choice.as_ref().and_then(Choice::get).map(|chosen| chosen.endpoint);
        let (endpoint, permit) = stages.endpoints.choose(last.as_ref());
        if let Some(choice) = choice {
            choice.set(Chosen { endpoint: Arc::clone(&endpoint), judged: permit.is_some() });
            let target = endpoint.upstream.target(request.uri().path_and_query());
            *request.uri_mut() = target;
            request.headers_mut().insert(HOST, endpoint.upstream.host());
        }
        let busy = endpoint.busy();
        let end = request.extensions().get::<End>().map(|End(end)| *end);
        let mut pending = Pending { permit, end };
        let state = UpstreamsFault::of_endpoint();
        let outbound = Outbound::new(forward, Arc::clone(&endpoint.upstream), found);
        let result = stages.attempt_timeout.layer(outbound).oneshot(request).await;
        let result = match pending.permit.take() {
            Some(permit) => <UpstreamsFault as Classify<Request<Body>, _, _>>::end(state, result, permit),
            None => result,
        };
        result.map(|response| response.map(|body| Body::new(Counted { body, _busy: busy })))
    }
}

impl Service<Request<Body>> for Balanced {
    type Response = Response<Body>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.clone().attempt(request))
    }
}

/// A call whose end is awaited. Dropped because the time for the whole call is over, it is a failure of the endpoint;
/// dropped by the caller, `on_cancel` judges.
struct Pending {
    permit: Option<Permit>,
    end: Option<Instant>,
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take()
            && self.end.is_some_and(|end| Instant::now() >= end)
        {
            permit.record(Outcome::Failure);
        }
    }
}

/// A response's body, whose endpoint is busy until its end.
struct Counted {
    body: Body,
    _busy: Busy,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
