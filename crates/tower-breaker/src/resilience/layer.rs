use std::fmt;

use tower_breaker_core::Circuit;
use tower_layer::{Identity, Layer};

use super::{Answers, AskFirst, Errors, Guard, ResilienceBuilder};
use crate::{
    breaker::CircuitBreakerLayer,
    bulkhead::{BulkheadLayer, BulkheadService},
    classify::ErrorsAreFailures,
    retry::{CloneRequest, Retry, RetryErrors, RetryLayer},
    timeout::{Attempt, Timeout, TimeoutLayer, WholeExpiring},
};

type Tried<S, M> = Timeout<S, Attempt, <M as Answers>::First>;
type Guarded<S, C, M> = Guard<Tried<S, M>, <M as Answers>::Judge<C>, <M as Answers>::Rest>;
type Placed<S, C, M> = BulkheadService<Guarded<S, C, M>, <M as Answers>::Rest>;
type Asked<S, C, M, L> = AskFirst<<L as Layer<Placed<S, C, M>>>::Service, <M as Answers>::Rest>;

/// The stages around a service `S`, without the fallback: the service that [`ResilienceLayer`] makes, or wraps in one.
pub type Resilience<S, C = ErrorsAreFailures, P = RetryErrors, K = CloneRequest, M = Errors, L = Identity> =
    Timeout<Retry<Asked<S, C, M, L>, P, K, Option<Circuit>>, WholeExpiring, <M as Answers>::Rest>;

/// Puts every stage around a service. Made by [`ResilienceLayer::builder`].
///
/// All services it makes share circuit, bulkhead, rate limit and budget, and so do clones of the layer.
///
/// Of its type's parameters, `C` judges answers, `P` says what is retried, `K` makes requests again, `M` says how calls cut
/// short are answered, `L` is the rate limit and `F` the fallback.
#[derive(Clone)]
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct ResilienceLayer<
    C = ErrorsAreFailures,
    P = RetryErrors,
    K = CloneRequest,
    M: Answers = Errors,
    L = Identity,
    F = Identity,
> {
    pub(super) fallback: F,
    pub(super) timeout: TimeoutLayer<WholeExpiring, M::Rest>,
    pub(super) retry: RetryLayer<P, K, Option<Circuit>>,
    pub(super) rate_limit: L,
    pub(super) bulkhead: BulkheadLayer<M::Rest>,
    pub(super) circuit: Option<Circuit>,
    pub(super) classify: C,
    pub(super) attempt: TimeoutLayer<Attempt, M::First>,
}

impl ResilienceLayer {
    /// A builder with every stage off.
    pub fn builder() -> ResilienceBuilder {
        ResilienceBuilder::new()
    }
}

impl<C, P, K, M: Answers, L, F> ResilienceLayer<C, P, K, M, L, F> {
    /// The circuit; `None`: no breaker.
    #[must_use]
    pub const fn circuit(&self) -> Option<&Circuit> {
        self.circuit.as_ref()
    }
}

impl<S, C, P, K, M, L, F> Layer<S> for ResilienceLayer<C, P, K, M, L, F>
where
    C: Clone,
    P: Clone,
    K: Clone,
    M: Answers,
    L: Layer<Placed<S, C, M>>,
    F: Layer<Resilience<S, C, P, K, M, L>>,
{
    type Service = F::Service;

    fn layer(&self, inner: S) -> F::Service {
        let tried = self.attempt.layer(inner);
        let guarded = match &self.circuit {
            Some(circuit) => {
                let breaker = CircuitBreakerLayer::new(circuit.clone()).classify(M::judge(self.classify.clone()));
                Guard::On(breaker.refuse(M::Rest::default()).layer(tried))
            }
            None => Guard::Off(tried),
        };
        let limited = self.rate_limit.layer(self.bulkhead.layer(guarded));
        let asked = AskFirst::new(limited, self.circuit.clone(), M::Rest::default());
        self.fallback.layer(self.timeout.layer(self.retry.layer(asked)))
    }
}

// By hand: classifiers and policies may be closures.
impl<C, P, K, M: Answers, L, F> fmt::Debug for ResilienceLayer<C, P, K, M, L, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResilienceLayer")
            .field("timeout", &self.timeout)
            .field("retry", &self.retry)
            .field("bulkhead", &self.bulkhead.bulkhead())
            .field("circuit", &self.circuit)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
