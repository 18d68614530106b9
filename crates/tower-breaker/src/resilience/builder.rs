use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use tower_breaker_core::{Bulkhead, Circuit, Figures};
use tower_layer::Identity;

use super::{Answers, BoxErrors, Errors, Hold};
#[cfg(feature = "http")]
use super::{GrpcResponses, Responses, WrappedResponses};
#[cfg(feature = "rate-limit")]
use crate::rate_limit::RateLimitLayer;
use crate::{
    classify::{Boxed, ErrorsButRefusals},
    retry::{CloneRequest, RetryConfig, RetryErrors},
    until::Head,
};
#[cfg(feature = "http")]
use crate::{
    classify::{ButRefusals, GrpcClassifier, StatusClassifier, but_refusals},
    retry::{BufferBody, HttpRetry},
    until::EndOfBody,
};

/// Builds a [`ResilienceLayer`](super::ResilienceLayer): every stage is off until it is named.
#[derive(Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct ResilienceBuilder<
    C = ErrorsButRefusals,
    P = RetryErrors,
    K = CloneRequest,
    M = Errors,
    L = Identity,
    F = Identity,
    H = (Head, Head, Head),
> {
    pub(super) settings: Settings,
    pub(super) classify: C,
    pub(super) policy: P,
    pub(super) repeat: K,
    pub(super) rate_limit: L,
    pub(super) fallback: F,
    answers: PhantomData<fn() -> (M, H)>,
}

/// What does not depend on a type of the user's.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) timeout: Option<Duration>,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) retry: RetryConfig,
    pub(super) bulkhead: Option<Bulkhead>,
    pub(super) circuit: Option<Circuit>,
    /// For its figures: the one that limits is of a type of the user's.
    #[cfg(feature = "rate-limit")]
    pub(super) limit: Option<RateLimitLayer>,
    pub(super) figures: Option<(Figures, Arc<str>)>,
}

impl ResilienceBuilder {
    pub(super) fn new() -> Self {
        let settings = Settings {
            timeout: None,
            attempt_timeout: None,
            retry: RetryConfig::off(),
            bulkhead: None,
            circuit: None,
            #[cfg(feature = "rate-limit")]
            limit: None,
            figures: None,
        };
        Self {
            settings,
            classify: ErrorsButRefusals::new(),
            policy: RetryErrors::new(),
            repeat: CloneRequest,
            rate_limit: Identity::new(),
            fallback: Identity::new(),
            answers: PhantomData,
        }
    }

    /// Answers what the stages cut short by boxed errors, for services whose error is one. To be named first of all.
    pub fn boxed(self) -> ResilienceBuilder<ErrorsButRefusals<Boxed>, RetryErrors<Boxed>, CloneRequest, BoxErrors> {
        let policy = RetryErrors::new().boxed();
        self.with(ErrorsButRefusals::new().boxed(), policy, CloneRequest)
    }

    /// For services that answer HTTP responses: statuses judge and are retried, request bodies are kept while they are sent,
    /// and what the stages cut short is answered 503, 429 or 504. To be named first of all.
    ///
    /// The service gets `Request<ReplayBody<B>>`; `repeat(BufferBody::new().map_body(Body::new))` makes the body type that it
    /// wants. Its responses need a body that can be made of a `&'static str`, such as axum's; for any other there is
    /// [`wrapped`](ResilienceBuilder::wrapped).
    #[cfg(feature = "http")]
    pub fn http(self) -> ResilienceBuilder<ButRefusals<StatusClassifier>, HttpRetry, BufferBody, Responses> {
        self.with(but_refusals(StatusClassifier::new()), HttpRetry::new(), BufferBody::new())
    }

    /// For gRPC clients and servers, tonic's for one: calls are judged by `grpc-status`, from head or trailers
    /// ([`GrpcClassifier::client`]; for a server add `.classify(GrpcClassifier::server())`), and what the stages cut short is
    /// answered UNAVAILABLE, `RESOURCE_EXHAUSTED` or `DEADLINE_EXCEEDED`, whatever the body. To be named first of all.
    ///
    /// Of `grpc-timeout` and [`timeout`](ResilienceBuilder::timeout) the smaller bounds a call, and each attempt tells the
    /// service what is left ([`TimeoutLayer::grpc_timeout`](crate::TimeoutLayer::grpc_timeout)).
    ///
    /// The service gets `Request<ReplayBody<B>>`, as with [`http`](Self::http). Every gRPC call is a POST: it is retried where
    /// nothing was sent, and where its request is marked [`Repeatable`](crate::retry::Repeatable).
    #[cfg(feature = "http")]
    pub fn grpc(self) -> ResilienceBuilder<ButRefusals<GrpcClassifier>, HttpRetry, BufferBody, GrpcResponses> {
        self.with(but_refusals(GrpcClassifier::client()), HttpRetry::new(), BufferBody::new())
    }

    fn with<C, P, K, M>(self, classify: C, policy: P, repeat: K) -> ResilienceBuilder<C, P, K, M> {
        let Self { settings, rate_limit, fallback, .. } = self;
        ResilienceBuilder { settings, classify, policy, repeat, rate_limit, fallback, answers: PhantomData }
    }
}

#[cfg(feature = "http")]
impl<C, P, K, L, F, H> ResilienceBuilder<C, P, K, Responses, L, F, H> {
    /// Answers around any body, which becomes a [`RefusalBody`](crate::refuse::RefusalBody): for hyper's `Incoming` and others
    /// that cannot be made of text.
    pub fn wrapped(self) -> ResilienceBuilder<C, P, K, WrappedResponses, L, F, H> {
        self.retyped()
    }
}

#[cfg(feature = "http")]
impl<C, P, K, M, L, F, A, B, W> ResilienceBuilder<C, P, K, M, L, F, (A, B, W)> {
    /// Bounds the response's body by [`timeout`](Self::timeout) as well: one that goes on longer ends in an error, which is a
    /// failure where the classifier waits for the end of the body. Not for event streams and downloads of any size.
    pub fn timeout_until_end_of_body(self) -> ResilienceBuilder<C, P, K, M, L, F, (A, B, EndOfBody)> {
        self.retyped()
    }

    /// Bounds the response's body by [`attempt_timeout`](Self::attempt_timeout) as well. A body is not retried.
    pub fn attempt_timeout_until_end_of_body(self) -> ResilienceBuilder<C, P, K, M, L, F, (EndOfBody, B, W)> {
        self.retyped()
    }

    /// Holds the place in the bulkhead until the end of the response's body. For bodies that keep the dependency busy; a
    /// caller who reads slowly keeps the place as long as they read.
    pub fn bulkhead_until_end_of_body(self) -> ResilienceBuilder<C, P, K, M, L, F, (A, EndOfBody, W)> {
        self.retyped()
    }
}

impl<C, P, K, M, L, F, H> ResilienceBuilder<C, P, K, M, L, F, H> {
    /// The same, where only what is answered or held differs, which is nothing but a type.
    #[cfg(feature = "http")]
    fn retyped<N, J>(self) -> ResilienceBuilder<C, P, K, N, L, F, J> {
        let Self { settings, classify, policy, repeat, rate_limit, fallback, .. } = self;
        ResilienceBuilder { settings, classify, policy, repeat, rate_limit, fallback, answers: PhantomData }
    }

    /// Bounds the whole call: waiting, queueing, every attempt. When it is over, the attempt under way counts as a failure.
    /// No retry waits beyond it. `None`: off.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.timeout = limit.into();
        self
    }

    /// Bounds each attempt, from the call of the service to its response (not the response's body). The breaker sees a failure.
    /// `None`: off.
    pub fn attempt_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.settings.attempt_timeout = limit.into();
        self
    }

    /// Tries again what failed. [`RetryConfig::off`]: does not. Of its `total_timeout` and [`timeout`](Self::timeout) the
    /// smaller bounds the waits.
    pub fn retry(mut self, config: RetryConfig) -> Self {
        self.settings.retry = config;
        self
    }

    /// Bounds how many attempts are under way at once. A call that waits for its next attempt holds no place. `None`: off.
    pub fn bulkhead(mut self, bulkhead: impl Into<Option<Bulkhead>>) -> Self {
        self.settings.bulkhead = bulkhead.into();
        self
    }

    /// Refuses calls while the circuit is open, and records every attempt in it. `None`: off.
    pub fn circuit(mut self, circuit: impl Into<Option<Circuit>>) -> Self {
        self.settings.circuit = circuit.into();
        self
    }

    /// Lists what the stages that are on count in `figures` under `name`, for exporters, as long as the layer or what it made
    /// lives. What the circuit counts, the fallback's answers among it, is in the circuit's snapshot.
    pub fn register(mut self, figures: &Figures, name: impl Into<Arc<str>>) -> Self {
        self.settings.figures = Some((figures.clone(), name.into()));
        self
    }

    /// Judges the service's own answers by `classify` instead: one of [`classify`](crate::classify), or a closure.
    pub fn classify<D>(self, classify: D) -> ResilienceBuilder<D, P, K, M, L, F, H> {
        let Self { settings, policy, repeat, rate_limit, fallback, answers, .. } = self;
        ResilienceBuilder { settings, classify, policy, repeat, rate_limit, fallback, answers }
    }

    /// Decides by `policy` instead what is retried: one of [`retry`](crate::retry), or a closure.
    pub fn policy<Q>(self, policy: Q) -> ResilienceBuilder<C, Q, K, M, L, F, H> {
        let Self { settings, classify, repeat, rate_limit, fallback, answers, .. } = self;
        ResilienceBuilder { settings, classify, policy, repeat, rate_limit, fallback, answers }
    }

    /// Makes requests again by `repeat` instead.
    pub fn repeat<N>(self, repeat: N) -> ResilienceBuilder<C, P, N, M, L, F, H> {
        let Self { settings, classify, policy, rate_limit, fallback, answers, .. } = self;
        ResilienceBuilder { settings, classify, policy, repeat, rate_limit, fallback, answers }
    }

    /// Puts `fallback` outermost. `FallbackLayer::new` (feature `fallback`) fits this stack, `FallbackLayer::http` one that
    /// answers in responses, `FallbackLayer::on_errors` (with `AsBoxError`) one of boxed errors. Its answers are counted in the
    /// stack's circuit, unless it was given one. Any other layer goes in an [`AnyLayer`](super::AnyLayer).
    ///
    /// A fallback answers in the stack's own response type. Where that has wrapped bodies, `RefusalBody::new` and
    /// [`Unjudged::unjudged`](crate::classify::Unjudged::unjudged) make them.
    pub fn fallback<G>(self, fallback: G) -> ResilienceBuilder<C, P, K, M, L, G, H> {
        let Self { settings, classify, policy, repeat, rate_limit, answers, .. } = self;
        ResilienceBuilder { settings, classify, policy, repeat, rate_limit, fallback, answers }
    }
}

impl<C, P, K, M: Answers, L, F, H: Hold> ResilienceBuilder<C, P, K, M, L, F, H> {
    /// Bounds how many attempts there are in a second. It answers as the rest of the stack does, whatever
    /// [`RateLimitLayer::refuse`] was told.
    #[cfg(feature = "rate-limit")]
    pub fn rate_limit<N, R>(
        self,
        rate_limit: RateLimitLayer<N, R>,
    ) -> ResilienceBuilder<C, P, K, M, RateLimitLayer<N, M::Rest>, F, H> {
        let Self { mut settings, classify, policy, repeat, fallback, answers, .. } = self;
        settings.limit = Some(rate_limit.limit());
        let rate_limit = rate_limit.refuse(M::Rest::default());
        ResilienceBuilder { settings, classify, policy, repeat, rate_limit, fallback, answers }
    }
}

// By hand: classifiers and policies may be closures.
impl<C, P, K, M, L, F, H> fmt::Debug for ResilienceBuilder<C, P, K, M, L, F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResilienceBuilder").field("settings", &self.settings).finish_non_exhaustive()
    }
}
