use std::{fmt, sync::Arc};

use tower_breaker_core::{Circuit, CircuitBreakerConfig};
use tower_layer::Layer;

use super::CircuitBreaker;
use crate::{classify::ErrorsAreFailures, refuse::AsError};
#[cfg(feature = "http")]
use crate::{
    classify::{GrpcClassifier, StatusClassifier},
    refuse::{AsResponse, AsWrappedResponse},
};

/// Guards services by one circuit.
///
/// All services it makes share the circuit, and so do clones of the layer. It is `Clone`, `Send` and `Sync` whenever
/// classifier and refuser are, which it holds by value.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct CircuitBreakerLayer<C = ErrorsAreFailures, R = AsError> {
    circuit: Circuit,
    classify: C,
    refuse: R,
    backpressure: bool,
}

impl CircuitBreakerLayer {
    /// Guards services by `circuit`: errors are failures, and a refused call ends in
    /// [`Error::CircuitOpen`](crate::Error::CircuitOpen).
    ///
    /// On an axum route this never trips, because its errors are `Infallible`: use `CircuitBreakerLayer::http` there.
    pub const fn new(circuit: Circuit) -> Self {
        Self { circuit, classify: ErrorsAreFailures, refuse: AsError, backpressure: false }
    }

    /// As [`new`](Self::new), with a new circuit of that name.
    pub fn from_config(name: impl Into<Arc<str>>, config: CircuitBreakerConfig) -> Self {
        Self::new(Circuit::new(name, config))
    }
}

#[cfg(feature = "http")]
impl CircuitBreakerLayer<StatusClassifier, AsResponse> {
    /// For services that answer HTTP responses: 5xx, 408 and 429 are failures
    /// ([`StatusClassifier`]), and a refused call is answered 503 with `Retry-After` ([`AsResponse`]).
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use tower_breaker::{Circuit, CircuitBreakerConfig, CircuitBreakerLayer};
    ///
    /// let quotes = Circuit::new("quotes", CircuitBreakerConfig::default());
    /// let app: Router = Router::new()
    ///     .route("/quotes", get(quote).layer(CircuitBreakerLayer::http(quotes)))
    ///     .route("/about", get(|| async { "unaffected" }));
    ///
    /// async fn quote() -> Result<&'static str, axum::http::StatusCode> {
    ///     Err(axum::http::StatusCode::BAD_GATEWAY)
    /// }
    /// ```
    ///
    /// # One sick part takes down all
    ///
    /// Put around a whole router, the one circuit counts all routes together: when `/quotes` fails often enough, `/about`
    /// is refused with it. For a whole router take one circuit for each route:
    ///
    /// ```
    /// use std::borrow::Cow;
    /// use axum::{Router, extract::{MatchedPath, Request}, routing::get};
    /// use tower_breaker::{CircuitBreakerConfig, Circuits, KeyedCircuitBreakerLayer, key};
    ///
    /// let circuits = Circuits::new(CircuitBreakerConfig::default());
    /// let route = key::from_fn(|request: &Request| match request.extensions().get::<MatchedPath>() {
    ///     Some(route) => Cow::Borrowed(route.as_str()),
    ///     None => Cow::Borrowed(key::MISSING),
    /// });
    /// let app: Router = Router::new()
    ///     .route("/quotes", get(|| async { "buy" }))
    ///     .route("/about", get(|| async { "unaffected" }))
    ///     .layer(KeyedCircuitBreakerLayer::http(circuits, route));
    /// ```
    pub const fn http(circuit: Circuit) -> Self {
        Self { circuit, classify: StatusClassifier::new(), refuse: AsResponse, backpressure: false }
    }
}

#[cfg(feature = "http")]
impl CircuitBreakerLayer<GrpcClassifier, AsWrappedResponse> {
    /// For gRPC clients and servers, tonic's for one: calls are judged by `grpc-status`, from head or trailers
    /// ([`GrpcClassifier::client`]; for a server add `.classify(GrpcClassifier::server())`), and a refused call is answered
    /// UNAVAILABLE with `grpc-retry-pushback-ms` ([`AsWrappedResponse`]). [The guide](crate::guide) has a page on tonic.
    pub const fn grpc(circuit: Circuit) -> Self {
        Self { circuit, classify: GrpcClassifier::client(), refuse: AsWrappedResponse, backpressure: false }
    }
}

impl<C, R> CircuitBreakerLayer<C, R> {
    /// Judges calls by `classify` instead: one of [`classify`](crate::classify), or a closure
    /// `|result: &Result<Res, E>| -> Outcome`.
    pub fn classify<D>(self, classify: D) -> CircuitBreakerLayer<D, R> {
        let Self { circuit, refuse, backpressure, .. } = self;
        CircuitBreakerLayer { circuit, classify, refuse, backpressure }
    }

    /// Answers refused calls by `refuse` instead: one of [`refuse`](crate::refuse), or a closure
    /// `|why: Interruption| -> Result<Res, E>`.
    pub fn refuse<Q>(self, refuse: Q) -> CircuitBreakerLayer<C, Q> {
        let Self { circuit, classify, backpressure, .. } = self;
        CircuitBreakerLayer { circuit, classify, refuse, backpressure }
    }

    /// Makes `poll_ready` pending while the circuit refuses, instead of ready with a refusal to come.
    ///
    /// For endpoints below a balancer, which then sends calls to the others. A waiter is woken by the end of the wait and by
    /// transitions, without polling; when probes may go, one waiter for each free place is, and the place is kept for it
    /// until it calls, is dropped, or `half_open_timeout` is over (60 s where that is off). Newcomers queue behind.
    ///
    /// Not for a service that stands alone: its callers would wait where they could be told. A call that is refused all the
    /// same (the circuit opened between `poll_ready` and `call`) is answered as usual.
    ///
    /// # Panics
    ///
    /// The services panic when they have to wait outside a tokio runtime with its timer on.
    pub fn backpressure(mut self) -> Self {
        self.backpressure = true;
        self
    }

    /// The circuit.
    #[must_use]
    pub const fn circuit(&self) -> &Circuit {
        &self.circuit
    }
}

impl<S, C: Clone, R: Clone> Layer<S> for CircuitBreakerLayer<C, R> {
    type Service = CircuitBreaker<S, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { circuit, classify, refuse, backpressure } = self;
        CircuitBreaker::with(inner, circuit.clone(), classify.clone(), refuse.clone(), *backpressure)
    }
}

// By hand: closures are not `Debug`.
impl<C, R> fmt::Debug for CircuitBreakerLayer<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreakerLayer")
            .field("circuit", &self.circuit)
            .field("backpressure", &self.backpressure)
            .finish_non_exhaustive()
    }
}
