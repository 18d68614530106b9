use std::{fmt, future::poll_fn};

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response, StatusCode};
use reqwest_middleware::{Error, Middleware, Next};
use tower_breaker::{Circuit, CircuitBreakerConfig, CircuitBreakerLayer, Circuits, TimeoutLayer, key::Key};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    AsMiddlewareError, CallTimeout, CircuitName, Origin, ReqwestClassifier,
    next::{Boxed, Once},
};

/// A circuit breaker for each origin that a client calls.
///
/// Of a request's extensions, [`CircuitName`] picks another circuit and [`CallTimeout`] bounds the call.
///
/// ```
/// use reqwest_middleware::ClientBuilder;
/// use tower_breaker::{CircuitBreakerConfig, Circuits};
/// use tower_breaker_reqwest::CircuitBreakerMiddleware;
///
/// let circuits = Circuits::new(CircuitBreakerConfig::default());
/// let client = ClientBuilder::new(reqwest::Client::new())
///     .with(CircuitBreakerMiddleware::with_circuits(circuits.clone()))
///     .build();
/// # drop(client);
/// ```
///
/// Refused calls end at once in an error that [`rejected`](crate::rejected) knows. Middlewares that were named before it see
/// that error; those named after it see only calls that were let through.
#[derive(Clone)]
pub struct CircuitBreakerMiddleware<K = Origin, F = fn(StatusCode) -> bool> {
    circuits: Circuits,
    key: K,
    classify: ReqwestClassifier<F>,
}

impl CircuitBreakerMiddleware {
    /// Guards calls by new circuits that decide by `config`: a set named `origins`.
    #[must_use]
    pub fn new(config: CircuitBreakerConfig) -> Self {
        Self::with_circuits(Circuits::builder().name("origins").config(config).build())
    }

    /// Guards calls by circuits of that set.
    #[must_use]
    pub const fn with_circuits(circuits: Circuits) -> Self {
        Self { circuits, key: Origin, classify: ReqwestClassifier::new() }
    }
}

impl<K, F> CircuitBreakerMiddleware<K, F> {
    /// Names circuits by `key` instead: a `fn(&reqwest::Request) -> Cow<str>`, or a closure in
    /// [`key::from_fn`](tower_breaker::key::from_fn).
    #[must_use]
    pub fn key<L>(self, key: L) -> CircuitBreakerMiddleware<L, F> {
        CircuitBreakerMiddleware { circuits: self.circuits, key, classify: self.classify }
    }

    /// Judges calls by `classify` instead.
    #[must_use]
    pub fn classify<G>(self, classify: ReqwestClassifier<G>) -> CircuitBreakerMiddleware<K, G> {
        CircuitBreakerMiddleware { circuits: self.circuits, key: self.key, classify }
    }

    /// The circuits.
    #[must_use]
    pub const fn circuits(&self) -> &Circuits {
        &self.circuits
    }
}

impl<K: Key<Request>, F> CircuitBreakerMiddleware<K, F> {
    fn circuit(&self, request: &Request, extensions: &Extensions) -> Circuit {
        match extensions.get::<CircuitName>() {
            Some(name) => self.circuits.get_or_create(name.as_str()),
            None => self.key.with(request, |name| self.circuits.get_or_create(name)),
        }
    }
}

#[async_trait]
impl<K, F> Middleware for CircuitBreakerMiddleware<K, F>
where
    K: Key<Request> + Send + Sync + 'static,
    F: Fn(StatusCode) -> bool + Clone + Send + Sync + 'static,
{
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response, Error> {
        let circuit = self.circuit(&request, extensions);
        let limit = extensions.get::<CallTimeout>().copied();
        guarded(circuit, &self.classify, limit, request, Once::new(next, extensions)).await
    }
}

fn guarded<'a, F>(
    circuit: Circuit,
    classify: &ReqwestClassifier<F>,
    limit: Option<CallTimeout>,
    request: Request,
    service: Once<'a>,
) -> Boxed<'a>
where
    F: Fn(StatusCode) -> bool + Clone + Send + 'static,
{
    let bounded = TimeoutLayer::attempt(limit.map(|limit| limit.limit())).refuse(AsMiddlewareError).layer(service);
    let breaker = CircuitBreakerLayer::new(circuit).classify(classify.clone()).refuse(AsMiddlewareError);
    let mut service = breaker.layer(bounded);
    Box::pin(async move {
        poll_fn(|cx| service.poll_ready(cx)).await?;
        service.call(request).await
    })
}

// By hand: keys and classifiers may be closures.
impl<K, F> fmt::Debug for CircuitBreakerMiddleware<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerMiddleware").field("circuits", &self.circuits).finish_non_exhaustive()
    }
}
