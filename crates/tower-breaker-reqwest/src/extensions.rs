//! What a request may ask of the middlewares, as extensions of it.

use std::{sync::Arc, time::Duration};

/// Names the circuit that guards this call, in place of the one by origin.
///
/// ```
/// # fn ask(client: &reqwest_middleware::ClientWithMiddleware) {
/// use tower_breaker_reqwest::CircuitName;
///
/// let request = client.get("http://shop.internal/search").with_extension(CircuitName::new("search"));
/// # drop(request);
/// # }
/// ```
///
/// The set of circuits is bounded; give names that you know, not what strangers send.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CircuitName(Arc<str>);

impl CircuitName {
    /// The circuit of that name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names the policy that this call goes by: one that was given to
/// [`ResilienceMiddleware::policy`](crate::ResilienceMiddleware::policy), or of the routes document. A call that names one
/// there is not ends in an [`UnknownPolicy`](crate::UnknownPolicy), unsent.
///
/// A [`CircuitBreakerMiddleware`](crate::CircuitBreakerMiddleware) has no policies and does not look at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PolicyName(Arc<str>);

impl PolicyName {
    /// The policy of that name.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So much time for this call, to the head of the response.
///
/// With a [`ResilienceMiddleware`](crate::ResilienceMiddleware) it takes the place of the policy's `timeout`, be it longer or
/// shorter: retries, waits and queues are within it. With a [`CircuitBreakerMiddleware`](crate::CircuitBreakerMiddleware) it
/// is the time of the call itself. A call that is not answered by then ends in [`TimedOut`](tower_breaker::TimedOut)
/// ([`timed_out`](crate::timed_out)), and is a failure to its circuit: it is your own limit, not a stranger's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallTimeout(Duration);

impl CallTimeout {
    /// So long. Zero leaves time for nothing; what is beyond the end of time, as `Duration::MAX` is, never ends.
    #[must_use]
    pub const fn new(limit: Duration) -> Self {
        Self(limit)
    }

    /// How long.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.0
    }
}
