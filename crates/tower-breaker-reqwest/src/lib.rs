//! Fault isolation for reqwest: a circuit breaker, and every stage around it.
mod breaker;
mod classify;
mod error;
mod extensions;
mod next;
mod origin;
mod policy;
mod resilience;
mod retry;
#[cfg(feature = "config")]
mod routes;
mod stack;
mod stages;

pub use self::{
    breaker::CircuitBreakerMiddleware,
    classify::ReqwestClassifier,
    error::{AsMiddlewareError, refusal, rejected, timed_out},
    extensions::{CallTimeout, CircuitName, PolicyName},
    origin::Origin,
    policy::{Policy, PolicyBuilder},
    resilience::{ResilienceMiddleware, UnknownPolicy},
    retry::{ReqwestRetry, ReqwestRetryState, TryClone},
};
