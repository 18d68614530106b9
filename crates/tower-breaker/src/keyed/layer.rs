use std::fmt;

use tower_breaker_core::Circuits;
use tower_layer::Layer;

use super::KeyedCircuitBreaker;
use crate::{classify::ErrorsAreFailures, refuse::AsError};
#[cfg(feature = "http")]
use crate::{
    classify::{GrpcClassifier, StatusClassifier},
    refuse::{AsResponse, AsWrappedResponse},
};

/// Guards each call by the circuit of its request's key.
///
/// All services it makes share the set of circuits, and so do clones of the layer.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct KeyedCircuitBreakerLayer<K, C = ErrorsAreFailures, R = AsError> {
    circuits: Circuits,
    key: K,
    classify: C,
    refuse: R,
}

impl<K> KeyedCircuitBreakerLayer<K> {
    /// Guards each call by the circuit in `circuits` that `key` names, made when first seen. Errors are failures, and a
    /// refused call ends in [`Error::CircuitOpen`](crate::Error::CircuitOpen).
    pub const fn new(circuits: Circuits, key: K) -> Self {
        Self { circuits, key, classify: ErrorsAreFailures, refuse: AsError }
    }
}

#[cfg(feature = "http")]
impl<K> KeyedCircuitBreakerLayer<K, StatusClassifier, AsResponse> {
    /// For services that answer HTTP responses: 5xx, 408 and 429 are failures, and a refused call is answered 503 with
    /// `Retry-After`.
    ///
    /// ```
    /// use axum::{Router, extract::Request, routing::get};
    /// use tower_breaker::{CircuitBreakerConfig, Circuits, KeyedCircuitBreakerLayer, key};
    ///
    /// // A proxy for several upstreams: one sick host opens one circuit.
    /// let upstreams = Circuits::new(CircuitBreakerConfig::default());
    /// let proxy: Router = Router::new()
    ///     .fallback(|request: Request| async move { format!("would ask {:?}", request.uri().host()) })
    ///     .layer(KeyedCircuitBreakerLayer::http(upstreams, key::host()));
    /// ```
    pub const fn http(circuits: Circuits, key: K) -> Self {
        Self { circuits, key, classify: StatusClassifier::new(), refuse: AsResponse }
    }
}

#[cfg(feature = "http")]
impl<K> KeyedCircuitBreakerLayer<K, GrpcClassifier, AsWrappedResponse> {
    /// For gRPC clients and servers, tonic's for one: calls are judged by `grpc-status`, from head or trailers
    /// ([`GrpcClassifier::client`]; for a server add `.classify(GrpcClassifier::server())`), and a refused call is answered
    /// UNAVAILABLE with `grpc-retry-pushback-ms` ([`AsWrappedResponse`]). [The guide](crate::guide) has a page on tonic.
    pub const fn grpc(circuits: Circuits, key: K) -> Self {
        Self { circuits, key, classify: GrpcClassifier::client(), refuse: AsWrappedResponse }
    }
}

impl<K, C, R> KeyedCircuitBreakerLayer<K, C, R> {
    /// Judges calls by `classify` instead: one of [`classify`](crate::classify), or a closure
    /// `|result: &Result<Res, E>| -> Outcome`.
    pub fn classify<D>(self, classify: D) -> KeyedCircuitBreakerLayer<K, D, R> {
        let Self { circuits, key, refuse, .. } = self;
        KeyedCircuitBreakerLayer { circuits, key, classify, refuse }
    }

    /// Answers refused calls by `refuse` instead: one of [`refuse`](crate::refuse), or a closure
    /// `|why: Interruption| -> Result<Res, E>`.
    pub fn refuse<Q>(self, refuse: Q) -> KeyedCircuitBreakerLayer<K, C, Q> {
        let Self { circuits, key, classify, .. } = self;
        KeyedCircuitBreakerLayer { circuits, key, classify, refuse }
    }

    /// The circuits.
    #[must_use]
    pub const fn circuits(&self) -> &Circuits {
        &self.circuits
    }
}

impl<S, K: Clone, C: Clone, R: Clone> Layer<S> for KeyedCircuitBreakerLayer<K, C, R> {
    type Service = KeyedCircuitBreaker<S, K, C, R>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { circuits, key, classify, refuse } = self.clone();
        KeyedCircuitBreaker::with(inner, circuits, key, classify, refuse)
    }
}

// By hand: closures are not `Debug`.
impl<K, C, R> fmt::Debug for KeyedCircuitBreakerLayer<K, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedCircuitBreakerLayer").field("circuits", &self.circuits).finish_non_exhaustive()
    }
}
