//! The stages around one call: the one place where they meet.

use std::{
    future::poll_fn,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Extensions;
use reqwest::{Request, Response, StatusCode};
use reqwest_middleware::{Error, Next};
use tokio::time::Instant;
use tower_breaker::{
    BulkheadLayer, Circuit, CircuitBreakerLayer, TimeoutLayer,
    resilience::{AskFirst, Guard},
};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    AsMiddlewareError, ReqwestClassifier, ReqwestRetry,
    next::{Attempts, Boxed},
    stages::Stages,
};

/// One call, and what it asks of its own.
pub(crate) struct Call<F> {
    pub(crate) circuit: Option<Circuit>,
    pub(crate) classify: ReqwestClassifier<F>,
    /// In place of the policy's timeout.
    pub(crate) limit: Option<Duration>,
    pub(crate) repeatable: bool,
    pub(crate) follows_redirects: bool,
}

impl<F: Fn(StatusCode) -> bool + Clone + Send + Sync + 'static> Call<F> {
    /// Makes the call, if the stages let it through.
    pub(crate) async fn run(
        self,
        stages: &Stages,
        request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let shared = Arc::new(Mutex::new(extensions.clone()));
        let result = self.stacked(stages, request, Attempts::new(next, &shared)).await;
        *extensions = mem::take(&mut shared.lock().unwrap_or_else(PoisonError::into_inner));
        result
    }

    /// What the stages share is in `stages` and in the circuit, so layers put together for one call are as good as ones that
    /// are kept.
    fn stacked<'a>(self, stages: &Stages, request: Request, service: Attempts<'a>) -> Boxed<'a> {
        let Self { circuit, classify, limit, repeatable, follows_redirects } = self;
        let whole = match limit {
            Some(limit) => TimeoutLayer::whole(limit).expiring().refuse(AsMiddlewareError),
            None => stages.timeout.clone(),
        };
        let deadline = whole.limit().and_then(|limit| Instant::now().checked_add(limit));
        let policy = ReqwestRetry::new().repeatable(repeatable).follows_redirects(follows_redirects).until(deadline);
        let tried = stages.attempt_timeout.layer(service);
        let guarded = match &circuit {
            Some(circuit) => {
                let breaker = CircuitBreakerLayer::new(circuit.clone()).classify(classify);
                Guard::on(breaker.refuse(AsMiddlewareError).layer(tried))
            }
            None => Guard::off(tried),
        };
        let placed = BulkheadLayer::new(stages.bulkhead.clone()).refuse(AsMiddlewareError).layer(guarded);
        let asked = AskFirst::new(stages.rate_limit.layer(placed), circuit.clone(), AsMiddlewareError);
        let retried = stages.retry.clone().policy(policy).ask(circuit).layer(asked);
        let mut service = whole.layer(retried);
        Box::pin(async move {
            poll_fn(|cx| service.poll_ready(cx)).await?;
            service.call(request).await
        })
    }
}
