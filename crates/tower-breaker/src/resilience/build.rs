//! What can be built, and how its stages are put together.

use std::{sync::Arc, time::Duration};

use tower_breaker_core::{CircuitBreakerConfig, InvalidConfig, SlidingWindow};

use super::{Answers, Hold, Outermost, ResilienceBuilder, ResilienceLayer, builder::Settings};
use crate::{bulkhead::BulkheadLayer, retry::RetryLayer, timeout::TimeoutLayer};

impl<C, P, K, M: Answers, L, F, H: Hold> ResilienceBuilder<C, P, K, M, L, F, H> {
    /// The layer.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] for what cannot work: an attempt timeout that leaves no time for a second attempt, or a time window
    /// that forgets slow failures before they are enough to decide.
    #[expect(clippy::type_complexity, reason = "the layer has a parameter for each choice, and all have defaults")]
    pub fn build(self) -> Result<ResilienceLayer<C, P, K, M, L, F, H>, InvalidConfig>
    where
        F: Outermost,
    {
        let Settings { timeout, attempt_timeout, retry, bulkhead, circuit, figures, .. } = self.settings;
        if let Some((whole, attempt)) = timeout.zip(attempt_timeout)
            && attempt >= whole
        {
            return Err(InvalidConfig::new("attempt_timeout", attempt, "less than timeout, which bounds all attempts"));
        }
        if let Some((attempt, circuit)) = attempt_timeout.zip(circuit.as_ref()) {
            fits_the_window(attempt, &circuit.config())?;
        }
        let mut whole = TimeoutLayer::whole(timeout).expiring().refuse(M::Rest::default()).within();
        let mut attempt = TimeoutLayer::attempt(attempt_timeout).refuse(M::First::default()).within();
        let retries = retry.attempts() > 1;
        let retry = RetryLayer::new(retry.within(timeout)).policy(self.policy).repeat(self.repeat);
        let mut retry = retry.ask(circuit.clone());
        if let Some((figures, name)) = &figures {
            let name = || Arc::clone(name);
            if timeout.is_some() {
                whole = whole.register(figures, name());
            }
            if retries {
                retry = retry.register(figures, name());
            }
            #[cfg(feature = "rate-limit")]
            if let Some(limit) = self.settings.limit {
                drop(limit.register(figures, name()));
            }
            if let Some(bulkhead) = &bulkhead {
                bulkhead.register(figures, name());
            }
            if attempt_timeout.is_some() {
                attempt = attempt.register(figures, name());
            }
        }
        Ok(ResilienceLayer {
            fallback: match &circuit {
                Some(circuit) => self.fallback.counted_in(circuit),
                None => self.fallback,
            },
            timeout: whole,
            retry,
            rate_limit: self.rate_limit,
            bulkhead: BulkheadLayer::new(bulkhead).refuse(M::Rest::default()).until(),
            circuit,
            classify: self.classify,
            attempt,
        })
    }
}

/// Where no row of failures decides, a window must hold failures that each take a whole attempt timeout.
fn fits_the_window(attempt: Duration, config: &CircuitBreakerConfig) -> Result<(), InvalidConfig> {
    match config.sliding_window() {
        SlidingWindow::Time(window, _)
            if config.failure_threshold().is_none() && window < attempt.saturating_mul(2) =>
        {
            let accepted = "at least twice attempt_timeout, or a failure_threshold beside it";
            Err(InvalidConfig::new("sliding_window.time", window, accepted))
        }
        _ => Ok(()),
    }
}
