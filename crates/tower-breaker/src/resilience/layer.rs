use std::fmt;

use tower_breaker_core::Circuit;
use tower_layer::{Identity, Layer};

use super::{Answers, AskFirst, Errors, Guard, Hold, ResilienceBuilder};
use crate::{
    breaker::CircuitBreakerLayer,
    bulkhead::{BulkheadLayer, BulkheadService},
    classify::ErrorsButRefusals,
    retry::{CloneRequest, Retry, RetryErrors, RetryLayer},
    timeout::{Attempt, Timeout, TimeoutLayer, WholeExpiring},
    until::Head,
};

type Tried<S, M, H> = Timeout<S, Attempt, <M as Answers>::First, <H as Hold>::Attempt, <M as Answers>::Caller>;
type Guarded<S, C, M, H> = Guard<Tried<S, M, H>, <M as Answers>::Judge<C>, <M as Answers>::Rest>;
type Placed<S, C, M, H> = BulkheadService<Guarded<S, C, M, H>, <M as Answers>::Rest, <H as Hold>::Place>;
type Asked<S, C, M, L, H> = AskFirst<<L as Layer<Placed<S, C, M, H>>>::Service, <M as Answers>::Rest>;

/// The stages around a service `S`, without the fallback: the service that [`ResilienceLayer`] makes, or wraps in one.
pub type Resilience<
    S,
    C = ErrorsButRefusals,
    P = RetryErrors,
    K = CloneRequest,
    M = Errors,
    L = Identity,
    H = (Head, Head, Head),
> = Timeout<
    Retry<Asked<S, C, M, L, H>, P, K, Option<Circuit>>,
    WholeExpiring,
    <M as Answers>::Rest,
    <H as Hold>::Whole,
    <M as Answers>::Caller,
>;

/// Puts every stage around a service. Made by [`ResilienceLayer::builder`]; an example, every default and its reason stand in
/// the [module](super).
///
/// All services it makes share circuit, bulkhead, rate limit and budget, and so do clones of the layer.
///
/// Of its type's parameters, `C` judges answers, `P` says what is retried, `K` makes requests again, `M` says how calls cut
/// short are answered, `L` is the rate limit, `F` the fallback, and `H` says until when stages hold on.
#[must_use = "a layer does nothing until it is applied to a service"]
pub struct ResilienceLayer<
    C = ErrorsButRefusals,
    P = RetryErrors,
    K = CloneRequest,
    M: Answers = Errors,
    L = Identity,
    F = Identity,
    H: Hold = (Head, Head, Head),
> {
    pub(super) fallback: F,
    pub(super) timeout: TimeoutLayer<WholeExpiring, M::Rest, H::Whole, M::Caller>,
    pub(super) retry: RetryLayer<P, K, Option<Circuit>>,
    pub(super) rate_limit: L,
    pub(super) bulkhead: BulkheadLayer<M::Rest, H::Place>,
    pub(super) circuit: Option<Circuit>,
    pub(super) classify: C,
    pub(super) attempt: TimeoutLayer<Attempt, M::First, H::Attempt, M::Caller>,
}

impl ResilienceLayer {
    /// A builder with every stage off.
    pub fn builder() -> ResilienceBuilder {
        ResilienceBuilder::new()
    }
}

impl<C, P, K, M: Answers, L, F, H: Hold> ResilienceLayer<C, P, K, M, L, F, H> {
    /// The circuit; `None`: no breaker.
    #[must_use]
    pub const fn circuit(&self) -> Option<&Circuit> {
        self.circuit.as_ref()
    }
}

impl<S, C, P, K, M, L, F, H> Layer<S> for ResilienceLayer<C, P, K, M, L, F, H>
where
    C: Clone,
    P: Clone,
    K: Clone,
    M: Answers,
    S: Clone,
    L: Layer<Placed<S, C, M, H>, Service: Clone>,
    F: Layer<Resilience<S, C, P, K, M, L, H>>,
    H: Hold,
{
    type Service = F::Service;

    fn layer(&self, inner: S) -> F::Service {
        let tried = self.attempt.layer(inner);
        let guarded = match &self.circuit {
            Some(circuit) => {
                let breaker = CircuitBreakerLayer::new(circuit.clone()).classify(M::judge(self.classify.clone()));
                Guard::on(breaker.refuse(M::Rest::default()).layer(tried))
            }
            None => Guard::off(tried),
        };
        let limited = self.rate_limit.layer(self.bulkhead.layer(guarded));
        let asked = AskFirst::new(limited, self.circuit.clone(), M::Rest::default());
        self.fallback.layer(self.timeout.layer(self.retry.layer(asked)))
    }
}

// By hand: a derive would ask the same of `M` and `H`, which are only names here.
impl<C: Clone, P: Clone, K: Clone, M: Answers, L: Clone, F: Clone, H: Hold> Clone
    for ResilienceLayer<C, P, K, M, L, F, H>
{
    fn clone(&self) -> Self {
        Self {
            fallback: self.fallback.clone(),
            timeout: self.timeout.clone(),
            retry: self.retry.clone(),
            rate_limit: self.rate_limit.clone(),
            bulkhead: self.bulkhead.clone(),
            circuit: self.circuit.clone(),
            classify: self.classify.clone(),
            attempt: self.attempt.clone(),
        }
    }
}

// By hand: classifiers and policies may be closures.
impl<C, P, K, M: Answers, L, F, H: Hold> fmt::Debug for ResilienceLayer<C, P, K, M, L, F, H> {
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
