use std::{fmt, sync::Arc};

use tower_breaker_core::{Figures, RetryFigures};
use tower_layer::Layer;

use super::{
    Budget, CloneRequest, Nobody, Retry, RetryConfig, RetryErrors,
    shared::{Meter, Shared},
};
#[cfg(feature = "http")]
use super::{BufferBody, HttpRetry};

/// Tries failed calls again.
///
/// All services it makes share budget and figures, and so do clones of the layer.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct RetryLayer<P = RetryErrors, K = CloneRequest, A = Nobody> {
    shared: Arc<Shared>,
    policy: P,
    repeat: K,
    ask: A,
}

impl RetryLayer {
    /// Retries every error of requests that are `Clone` ([`RetryErrors`], [`CloneRequest`]): for requests that may be
    /// repeated whatever became of them.
    pub fn new(config: RetryConfig) -> Self {
        Self { shared: shared(config), policy: RetryErrors::new(), repeat: CloneRequest, ask: Nobody }
    }
}

#[cfg(feature = "http")]
impl RetryLayer<HttpRetry, BufferBody> {
    /// For services that answer HTTP responses: what is retried says [`HttpRetry`], and request bodies are kept while they
    /// are sent ([`BufferBody`]). The inner service gets `Request<ReplayBody<B>>`; [`map_body`](RetryLayer::map_body) makes
    /// the body type that it wants.
    ///
    /// ```
    /// use axum::{Router, body::Body, routing::get};
    /// use tower_breaker::retry::{RetryConfig, RetryLayer};
    ///
    /// let app: Router = Router::new()
    ///     .route("/quotes", get(|| async { "buy" }))
    ///     .layer(RetryLayer::http(RetryConfig::default()).map_body(Body::new));
    /// ```
    pub fn http(config: RetryConfig) -> Self {
        Self { shared: shared(config), policy: HttpRetry::new(), repeat: BufferBody::new(), ask: Nobody }
    }
}

#[cfg(feature = "http")]
impl<P, M, A> RetryLayer<P, BufferBody<M>, A> {
    /// Makes of the request's [`ReplayBody`](super::ReplayBody) what the inner service takes: `axum::body::Body::new`,
    /// `tonic::body::Body::new`.
    pub fn map_body<N>(self, map: N) -> RetryLayer<P, BufferBody<N>, A> {
        let Self { shared, policy, repeat, ask } = self;
        RetryLayer { shared, policy, repeat: repeat.map_body(map), ask }
    }
}

impl<P, K, A> RetryLayer<P, K, A> {
    /// Decides by `policy` instead what is retried: one of [`retry`](super), or a closure
    /// `|result: &Result<Res, E>| -> Verdict`.
    pub fn policy<Q>(self, policy: Q) -> RetryLayer<Q, K, A> {
        let Self { shared, repeat, ask, .. } = self;
        RetryLayer { shared, policy, repeat, ask }
    }

    /// Makes requests again by `repeat` instead.
    pub fn repeat<L>(self, repeat: L) -> RetryLayer<P, L, A> {
        let Self { shared, policy, ask, .. } = self;
        RetryLayer { shared, policy, repeat, ask }
    }

    /// Asks `ask` before each retry whether it would be refused: the [`Circuit`](crate::Circuit) further in.
    pub fn ask<B>(self, ask: B) -> RetryLayer<P, K, B> {
        let Self { shared, policy, repeat, .. } = self;
        RetryLayer { shared, policy, repeat, ask }
    }

    /// Shares `budget` with whoever else holds it, in place of one of its own.
    pub fn budget(mut self, budget: Budget) -> Self {
        let Shared { config, meter, .. } = &*self.shared;
        self.shared = Arc::new(Shared::new(config.clone(), Some(budget), self.shared.seed(), Arc::clone(meter)));
        self
    }

    /// The seed of the jitter, for tests. Unset, each layer has one of its own.
    pub fn seed(mut self, seed: u64) -> Self {
        let Shared { config, budget, meter, .. } = &*self.shared;
        self.shared = Arc::new(Shared::new(config.clone(), budget.clone(), seed, Arc::clone(meter)));
        self
    }

    /// Lists what becomes of the calls in `figures` under `name`, for exporters, as long as the layer or a service of it lives.
    pub fn register(self, figures: &Figures, name: impl Into<Arc<str>>) -> Self {
        figures.register(name, &self.shared.meter);
        self
    }

    /// What became of the calls so far.
    #[must_use]
    pub fn figures(&self) -> RetryFigures {
        self.shared.meter.figures()
    }
}

fn shared(config: RetryConfig) -> Arc<Shared> {
    let budget = config.new_budget();
    Arc::new(Shared::new(config, budget, fastrand::u64(..), Arc::new(Meter::default())))
}

impl<S: Clone, P: Clone, K: Clone, A: Clone> Layer<S> for RetryLayer<P, K, A> {
    type Service = Retry<S, P, K, A>;

    fn layer(&self, inner: S) -> Self::Service {
        let Self { shared, policy, repeat, ask } = self.clone();
        Retry::new(inner, shared, policy, repeat, ask)
    }
}

// By hand: closures are not `Debug`.
impl<P, K, A> fmt::Debug for RetryLayer<P, K, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RetryLayer").field("config", &self.shared.config).finish_non_exhaustive()
    }
}
