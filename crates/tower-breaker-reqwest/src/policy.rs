use std::time::Duration;

use tower_breaker::{
    Bulkhead, BulkheadBuilder, Circuit, CircuitBreakerConfig, InvalidConfig, RateLimitLayer, ResilienceLayer,
    retry::RetryConfig,
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
        PolicyBuilder { policy: Self::off(), bulkhead: None }
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
pub struct PolicyBuilder {
    policy: Policy,
    // A policy has places of it for each name, so that what is built here is only looked at.
    bulkhead: Option<BulkheadBuilder>,
}

impl PolicyBuilder {
    /// Bounds the whole call to the head of its response: waiting, queueing, every attempt. When it is over, the attempt under
    /// way counts as a failure. `None`: off.
    pub fn timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.policy.timeout = limit.into();
        self
    }

    /// Tries again what failed and may be repeated ([`ReqwestRetry`](crate::ReqwestRetry)). [`RetryConfig::off`]: does not.
    pub fn retry(mut self, config: RetryConfig) -> Self {
        self.policy.retry = config;
        self
    }

    /// Whether every request may be repeated, whatever its method. Default: false. For one call there is the extension
    /// [`Repeatable`](tower_breaker::retry::Repeatable).
    pub fn repeatable(mut self, repeatable: bool) -> Self {
        self.policy.repeatable = repeatable;
        self
    }

    /// Lets `burst` attempts through at once and `per_second` in the long run. Another waits if its turn comes within
    /// `max_wait`, and is refused otherwise. Ranges: [`RateLimitLayer`].
    pub fn rate_limit(mut self, per_second: f64, burst: u32, max_wait: Duration) -> Self {
        self.policy.rate_limit = Some(RateLimit { per_second, burst, max_wait });
        self
    }

    /// Bounds how many attempts are under way at once and how many wait, as [`Bulkhead::builder`] says; each name has a
    /// bulkhead of its own. `None`: off.
    pub fn bulkhead(mut self, bulkhead: impl Into<Option<BulkheadBuilder>>) -> Self {
        self.bulkhead = bulkhead.into();
        self
    }

    /// Refuses calls while the circuit is open, and records every attempt in it. `None`: off.
    pub fn circuit_breaker(mut self, config: impl Into<Option<CircuitBreakerConfig>>) -> Self {
        self.policy.circuit_breaker = config.into();
        self
    }

    /// Bounds each attempt to the head of its response. The breaker sees a failure. `None`: off.
    pub fn attempt_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.policy.attempt_timeout = limit.into();
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] names the field that is out of range, or that cannot work beside another: an attempt timeout that
    /// leaves no time for a second attempt, for one.
    pub fn build(self) -> Result<Policy, InvalidConfig> {
        let Self { mut policy, bulkhead } = self;
        let bulkhead = bulkhead.map(BulkheadBuilder::build).transpose()?;
        policy.bulkhead = bulkhead.as_ref().map(Places::of);
        let Policy { timeout, retry, rate_limit, circuit_breaker, attempt_timeout, .. } = &policy;
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
        Ok(policy)
    }
}

impl Places {
    fn of(bulkhead: &Bulkhead) -> Self {
        Self {
            max_concurrent: bulkhead.max_concurrent(),
            max_queue: bulkhead.max_queue(),
            max_wait: bulkhead.max_wait(),
        }
    }

    pub(crate) fn open(&self) -> Result<Bulkhead, InvalidConfig> {
        Bulkhead::builder(self.max_concurrent).max_queue(self.max_queue).max_wait(self.max_wait).build()
    }
}

impl RateLimit {
    pub(crate) fn layer(&self) -> Result<RateLimitLayer, InvalidConfig> {
        Ok(RateLimitLayer::new(self.per_second, self.burst)?.max_wait(self.max_wait))
    }
}
