use std::time::Duration;

use tower_breaker_core::InvalidConfig;

use super::{
    Jitter,
    backoff::Backoff,
    budget::{Budget, valid_share},
};

/// How often, how soon and how much is retried. Built by [`RetryConfig::builder`].
///
/// ```
/// use std::time::Duration;
/// use tower_breaker::retry::RetryConfig;
///
/// // One more attempt, half a second later at most, for a tenth of the calls.
/// let config = RetryConfig::builder().attempts(2).base(Duration::from_millis(500)).budget(0.1).build()?;
/// assert_eq!(config.attempts(), 2);
/// # Ok::<(), tower_breaker::InvalidConfig>(())
/// ```
///
/// | field | default | accepted |
/// |---|---|---|
/// | `attempts`, the first one included | 3 | 1..=1000; 1 is no retry |
/// | `base`, the backoff before the first retry | 100 ms | > 0, <= max |
/// | `multiplier` of each further one | 2.0 | >= 1 |
/// | `max`, of any wait, a server's wish included | 10 s | >= base |
/// | `jitter` | [`Jitter::Full`] | |
/// | `budget`, a share of the calls of the last 10 s | 0.2 | 0..=1, or off |
/// | `budget_floor`, retries a second beside the share | 10 | any |
/// | `total_timeout` known from further out | off | > 0, or off |
#[derive(Debug, Clone, PartialEq)]
pub struct RetryConfig {
    pub(super) attempts: u32,
    pub(super) backoff: Backoff,
    pub(super) budget: Option<f64>,
    pub(super) floor: u32,
    pub(super) total_timeout: Option<Duration>,
}

impl RetryConfig {
    /// Everything at its default.
    pub fn builder() -> RetryConfigBuilder {
        RetryConfigBuilder(Self::default())
    }

    /// No retry: a call is its first attempt, and nothing is kept, counted or paid for.
    #[must_use]
    pub fn off() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// Attempts in all, the first one included.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The same, within the timeout of the whole call.
    #[cfg(feature = "resilience")]
    pub(crate) const fn within(mut self, total_timeout: Option<Duration>) -> Self {
        // What was set by hand stays, if it is the smaller.
        self.total_timeout = match (self.total_timeout, total_timeout) {
            (Some(own), Some(total)) if own.as_nanos() > total.as_nanos() => Some(total),
            (None, total) => total,
            (own, _) => own,
        };
        self
    }

    pub(super) fn new_budget(&self) -> Option<Budget> {
        self.budget.map(|share| Budget::valid(share, self.floor))
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        let (base, max) = (Duration::from_millis(100), Duration::from_secs(10));
        Self {
            attempts: 3,
            backoff: Backoff { base, multiplier: 2.0, max, jitter: Jitter::Full },
            budget: Some(0.2),
            floor: 10,
            total_timeout: None,
        }
    }
}

/// Builds a [`RetryConfig`]; the table of fields, defaults and ranges stands there.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct RetryConfigBuilder(RetryConfig);

impl RetryConfigBuilder {
    /// Attempts in all, the first one included.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = attempts;
        self
    }

    /// The backoff before the first retry.
    pub fn base(mut self, base: Duration) -> Self {
        self.0.backoff.base = base;
        self
    }

    /// How many times longer each further backoff is.
    pub fn multiplier(mut self, multiplier: f64) -> Self {
        self.0.backoff.multiplier = multiplier;
        self
    }

    /// The longest wait. A server that asks for a longer one is not asked again.
    pub fn max(mut self, max: Duration) -> Self {
        self.0.backoff.max = max;
        self
    }

    /// How chance spreads the waits.
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.0.backoff.jitter = jitter;
        self
    }

    /// The retries there may be, as a share of the calls of the last 10 s. `None`: any number of them, for tests and for
    /// callers who are few.
    pub fn budget(mut self, share: impl Into<Option<f64>>) -> Self {
        self.0.budget = share.into();
        self
    }

    /// The retries a second there may be beside that share, for when there are few calls.
    pub fn budget_floor(mut self, per_second: u32) -> Self {
        self.0.floor = per_second;
        self
    }

    /// The timeout of the whole call, where one stands around the retry: a wait that would not end before it is not begun,
    /// and the caller has the failure at once. It times nothing out by itself.
    pub fn total_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.0.total_timeout = timeout.into();
        self
    }

    /// The configuration.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] names the first field that is out of range.
    pub fn build(self) -> Result<RetryConfig, InvalidConfig> {
        let RetryConfig { attempts, backoff, budget, total_timeout, .. } = &self.0;
        if !(1..=1_000).contains(attempts) {
            return Err(InvalidConfig::new("attempts", attempts, "1..=1000"));
        }
        if backoff.base.is_zero() {
            return Err(InvalidConfig::new("base", backoff.base, "more than 0"));
        }
        if !(backoff.multiplier >= 1.0 && backoff.multiplier.is_finite()) {
            return Err(InvalidConfig::new("multiplier", backoff.multiplier, "a finite number, at least 1"));
        }
        if backoff.max < backoff.base {
            return Err(InvalidConfig::new("max", backoff.max, "at least base"));
        }
        budget.map_or(Ok(()), valid_share)?;
        if let Some(Duration::ZERO) = total_timeout {
            return Err(InvalidConfig::new("total_timeout", Duration::ZERO, "more than 0, or off"));
        }
        Ok(self.0)
    }
}
