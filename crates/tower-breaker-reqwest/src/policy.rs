use std::time::Duration;

use tower_breaker::{
    Bulkhead, Circuit, CircuitBreakerConfig, InvalidConfig, RateLimitLayer, ResilienceLayer, retry::RetryConfig,
};

/// Which stages stand around a call, for [`ResilienceMiddleware`](crate::ResilienceMiddleware). Built by [`Policy::builder`].
///
/// What a stage counts and limits is for each circuit's name apart, and so for each origin: a hung one fills its own bulkhead
/// and spends its own retry budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: RetryConfig,
    pub(crate) repeatable: bool,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) bulkhead: Option<Places>,
    pub(crate) circuit_breaker: Option<CircuitBreakerConfig>,
    pub(crate) attempt_timeout: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RateLimit {
    pub(crate) per_second: f64,
    pub(crate) burst: u32,
    pub(crate) max_wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Places {
    pub(crate) max_concurrent: u32,
    pub(crate) max_queue: u32,
    pub(crate) max_wait: Option<Duration>,
}

impl Policy {
    /// A builder with every stage off.
    pub fn builder() -> PolicyBuilder {
        PolicyBuilder(Self::off())
    }

    pub(crate) fn off() -> Self {
        Self {
            timeout: None,
            retry: RetryConfig::off(),
            repeatable: false,
            rate_limit: None,
            bulkhead: None,
            circuit_breaker: None,
            attempt_timeout: None,
        }
    }
}

/// Builds a [`Policy`]: every stage is off until it is named.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct PolicyBuilder(Policy);

impl PolicyBuilder {
    /// Bounds the whole call to the head of its response: waiting, queueing, every attempt. When it is over, the attempt under
    /// way counts as a failure. `None`: off.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.0.timeout = limit.into();
        self
    }

    /// Tries again what failed and may be repeated ([`ReqwestRetry`](crate::ReqwestRetry)). [`RetryConfig::off`]: does not.
    pub fn retry(mut self, config: RetryConfig) -> Self {
        self.0.retry = config;
        self
    }

    /// Whether every request may be repeated, whatever its method. Default: false. For one call there is the extension
    /// [`Repeatable`](tower_breaker::retry::Repeatable).
    pub fn repeatable(mut self, repeatable: bool) -> Self {
        self.0.repeatable = repeatable;
        self
    }

    /// Lets `burst` attempts through at once and `per_second` in the long run. Another waits if its turn comes within
    /// `max_wait`, and is refused otherwise. Ranges: [`RateLimitLayer`].
    pub fn rate_limit(mut self, per_second: f64, burst: u32, max_wait: Duration) -> Self {
        self.0.rate_limit = Some(RateLimit { per_second, burst, max_wait });
        self
    }

    /// Lets `max_concurrent` attempts (1..=1,048,576) be under way at once and `max_queue` more (up to as many) wait, for at
    /// most `max_wait` if there is one. The rest is refused at once.
    pub fn bulkhead(mut self, max_concurrent: u32, max_queue: u32, max_wait: impl Into<Option<Duration>>) -> Self {
        self.0.bulkhead = Some(Places { max_concurrent, max_queue, max_wait: max_wait.into() });
        self
    }

    /// Refuses calls while the circuit is open, and records every attempt in it. `None`: off.
    pub fn circuit_breaker(mut self, config: impl Into<Option<CircuitBreakerConfig>>) -> Self {
        self.0.circuit_breaker = config.into();
        self
    }

    /// Bounds each attempt to the head of its response. The breaker sees a failure. `None`: off.
    pub fn attempt_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.0.attempt_timeout = limit.into();
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] names the field that is out of range, or that cannot work beside another: an attempt timeout that
    /// leaves no time for a second attempt, for one.
    pub fn build(self) -> Result<Policy, InvalidConfig> {
        let Policy { timeout, retry, rate_limit, bulkhead, circuit_breaker, attempt_timeout, .. } = &self.0;
        let bulkhead = bulkhead.as_ref().map(Places::open).transpose()?;
        // It knows which of them cannot work together.
        let _ = ResilienceLayer::builder()
            .timeout(*timeout)
            .retry(retry.clone())
            .bulkhead(bulkhead)
            .circuit(circuit_breaker.clone().map(|config| Circuit::new("policy", config)))
            .attempt_timeout(*attempt_timeout)
            .build()?;
        if let Some(limit) = rate_limit {
            let _ = limit.layer()?;
        }
        Ok(self.0)
    }
}

impl Places {
    pub(crate) fn open(&self) -> Result<Bulkhead, InvalidConfig> {
        Bulkhead::builder(self.max_concurrent).max_queue(self.max_queue).max_wait(self.max_wait).build()
    }
}

impl RateLimit {
    pub(crate) fn layer(&self) -> Result<RateLimitLayer, InvalidConfig> {
        Ok(RateLimitLayer::new(self.per_second, self.burst)?.max_wait(self.max_wait))
    }
}
