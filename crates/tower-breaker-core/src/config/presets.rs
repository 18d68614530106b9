//! Named starting points. Each is a plain configuration; what a preset does not name has its default, but a failure rate
//! is on only where the preset names one.

use std::time::Duration;

use super::{CircuitBreakerConfig, CircuitBreakerConfigBuilder, HalfOpenRule, SlidingWindow};

/// Builds what is known to be valid; a test builds every preset.
pub(super) fn valid(builder: CircuitBreakerConfigBuilder) -> CircuitBreakerConfig {
    builder.build().expect("the defaults and presets are valid")
}

fn in_a_row(failures: u32, open_seconds: u64) -> CircuitBreakerConfigBuilder {
    CircuitBreakerConfig::builder()
        .failure_threshold(failures)
        .failure_rate_threshold(None)
        .open_duration(Duration::from_secs(open_seconds))
}

impl CircuitBreakerConfig {
    /// A builder with every field set as it is here: a preset with a change.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_breaker_core::CircuitBreakerConfig;
    ///
    /// let patient = CircuitBreakerConfig::batch().to_builder().max_age(Duration::from_secs(3600)).build()?;
    /// assert_eq!(patient.failure_threshold(), Some(10));
    /// # Ok::<(), tower_breaker_core::InvalidConfig>(())
    /// ```
    ///
    /// What was a default is set here too and follows nothing any more: an `open_duration` beyond the `max_open_duration` it
    /// began with is refused until that is set as well. For another half-open rule, let a builder with it stand before:
    /// `CircuitBreakerConfig::builder().permitted_calls(10).or(&preset.to_builder())`.
    pub fn to_builder(&self) -> CircuitBreakerConfigBuilder {
        let builder = Self::builder()
            .failure_threshold(self.failure_threshold)
            .failure_rate_threshold(self.failure_rate_threshold)
            .sliding_window(self.sliding_window)
            .minimum_calls(self.minimum_calls)
            .max_age(self.max_age)
            .slow_call_duration_threshold(self.slow_call_duration_threshold)
            .slow_call_rate_threshold(self.slow_call_rate_threshold)
            .open_duration(self.open_duration)
            .open_duration_multiplier(self.open_duration_multiplier)
            .max_open_duration(self.max_open_duration)
            .open_duration_jitter(self.open_duration_jitter)
            .half_open_timeout(self.half_open_timeout)
            .on_cancel(self.on_cancel)
            .mode(self.mode)
            .enforcement(self.enforcement)
            .recovery_ramp(self.recovery_ramp)
            .throttle(self.throttle);
        match self.half_open {
            HalfOpenRule::Consecutive { success_threshold, max_concurrent } => {
                builder.success_threshold(success_threshold).half_open_max_concurrent(max_concurrent)
            }
            HalfOpenRule::Rate { permitted_calls } => builder.permitted_calls(permitted_calls),
        }
    }

    /// Opens early, closes carefully: 3 failures in a row, 30 s, 3 successes.
    #[must_use]
    pub fn high_availability() -> Self {
        valid(in_a_row(3, 30).success_threshold(3))
    }

    /// Patient with jobs that may fail: 10 failures in a row, 300 s, 2 successes.
    #[must_use]
    pub fn batch() -> Self {
        valid(in_a_row(10, 300).success_threshold(2))
    }

    /// For calls that must be answered now or not at all: 2 failures in a row, 15 s, 5 successes.
    #[must_use]
    pub fn realtime() -> Self {
        valid(in_a_row(2, 15).success_threshold(5))
    }

    /// Opens on little evidence, and soon tries again: 3 failures in a row or a rate of 0.3, 10 s.
    #[must_use]
    pub fn aggressive() -> Self {
        valid(in_a_row(3, 10).failure_rate_threshold(0.3))
    }

    /// Opens on much evidence: 10 failures in a row or a rate of 0.7, 60 s.
    #[must_use]
    pub fn conservative() -> Self {
        valid(in_a_row(10, 60).failure_rate_threshold(0.7))
    }

    /// For what must not be hurt while it is down: 3 failures in a row or a rate of 0.3, 120 s, 3 successes.
    #[must_use]
    pub fn critical() -> Self {
        valid(in_a_row(3, 120).failure_rate_threshold(0.3).success_threshold(3))
    }

    /// What resilience4j does unless told otherwise: a count window of 100 with a minimum of 100, a failure rate of 0.5,
    /// calls over 60 s are slow with a rate of 1.0, open for 60 s without growth or jitter, half-open by the rate of 10
    /// calls without a deadline.
    #[must_use]
    pub fn resilience4j() -> Self {
        valid(
            Self::builder()
                .failure_threshold(None)
                .failure_rate_threshold(0.5)
                .sliding_window(SlidingWindow::calls(100))
                .minimum_calls(100)
                .slow_call_duration_threshold(Duration::from_secs(60))
                .slow_call_rate_threshold(1.0)
                .open_duration(Duration::from_secs(60))
                .open_duration_multiplier(1.0)
                .open_duration_jitter(0.0)
                .permitted_calls(10)
                .half_open_timeout(None),
        )
    }
}
