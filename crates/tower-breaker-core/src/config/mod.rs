//! How a circuit decides: [`CircuitBreakerConfig`], its builder and its presets.

mod builder;
mod presets;
mod setting;
#[cfg(feature = "serde")]
mod text;

use std::time::Duration;

pub use self::builder::CircuitBreakerConfigBuilder;
#[cfg(feature = "serde")]
pub(crate) use self::setting::Period;

/// What the failure and slow call rates are taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SlidingWindow {
    /// The last so many calls, 1..=1,000,000: the next one pushes out the oldest.
    Calls(u32),
    /// The last so much time, at least 10 ms, in 1..=60 buckets aligned to the clock's origin.
    Time(Duration, u32),
}

impl SlidingWindow {
    /// How many buckets a time window has unless said otherwise.
    pub const DEFAULT_BUCKETS: u32 = 10;

    /// The last `calls` calls.
    #[must_use]
    pub const fn calls(calls: u32) -> Self {
        Self::Calls(calls)
    }

    /// The last `time`, in 10 buckets.
    #[must_use]
    pub const fn time(time: Duration) -> Self {
        Self::Time(time, Self::DEFAULT_BUCKETS)
    }

    /// The last `time`, in so many `buckets`.
    #[must_use]
    pub const fn time_in(time: Duration, buckets: u32) -> Self {
        Self::Time(time, buckets)
    }
}

/// How a half-open circuit comes to its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HalfOpenRule {
    /// Closes after `success_threshold` successes in a row, opens on any failure; at most `max_concurrent` probes are
    /// out at once, and never more than could still be needed.
    Consecutive {
        /// 1..=1,000,000, default 2.
        success_threshold: u32,
        /// 1..=1,000,000, default 1.
        max_concurrent: u32,
    },
    /// Admits `permitted_calls` in all and decides by the rate thresholds once the minimum of them is in (the meaning
    /// of resilience4j). With little traffic `half_open_timeout` reopens it: use the consecutive rule there.
    Rate {
        /// 1..=1,000,000.
        permitted_calls: u32,
    },
}

/// What a permit that is dropped without an outcome says: the caller went away, or a timeout outside fired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnCancel {
    /// Nothing.
    Ignore,
    /// The dependency failed.
    Failure,
    /// The dependency failed if it had been silent for at least this long (default, 1 s); otherwise nothing.
    FailureAfter(Duration),
}

/// From when on a call's duration decides anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    /// No duration does.
    Never,
    /// Only that of a call that has to wait for its answer and is dropped.
    WhileItWaits,
    /// That of every call.
    FromAdmission,
}

/// Whether refusals are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Mode {
    /// Calls are refused.
    Enforce,
    /// Calls that would have been refused go through and are counted: for trying thresholds on live traffic.
    #[doc(alias("metrics_only", "dry_run", "shadow"))]
    Observe,
}

impl Mode {
    /// The mode as a stable word for logs and metrics, the same as in a configuration file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enforce => "enforce",
            Self::Observe => "observe",
        }
    }
}

/// How one circuit decides. Built by [`CircuitBreakerConfig::builder`] or a preset; what could not work cannot be built.
///
/// ```
/// use std::time::Duration;
/// use tower_breaker_core::{CircuitBreakerConfig, SlidingWindow};
///
/// let config = CircuitBreakerConfig::builder()
///     .failure_threshold(None)
///     .failure_rate_threshold(0.3)
///     .sliding_window(SlidingWindow::time(Duration::from_secs(10)))
///     .open_duration(Duration::from_secs(5))
///     .build()?;
/// assert_eq!(config.minimum_calls(), 20);
///
/// let wrong = CircuitBreakerConfig::builder().failure_rate_threshold(30.0).build();
/// let says = wrong.map_err(|error| error.to_string());
/// assert_eq!(says, Err("failure_rate_threshold is 30.0; accepted: a share in (0, 1], or off".to_owned()));
/// # Ok::<(), tower_breaker_core::InvalidConfig>(())
/// ```
///
/// | field | default | accepted |
/// |---|---|---|
/// | `failure_threshold` | 5 | 1..=1,000,000, or off |
/// | `failure_rate_threshold` | 0.5, or 0.8 beside a throttle | (0, 1], or off |
/// | `sliding_window` | 5 s in 10 buckets | calls 1..=1,000,000; time >= 10 ms in 1..=60 buckets |
/// | `minimum_calls` | 20, or the count window if that is smaller | 1..; <= a count window |
/// | `max_age` | off | >= 1 s |
/// | `slow_call_duration_threshold` | off | > 0 |
/// | `slow_call_rate_threshold` | 1.0 | (0, 1] |
/// | `open_duration` | 2 s | >= 1 ms |
/// | `open_duration_multiplier` | 1.2 | >= 1 |
/// | `max_open_duration` | the larger of 60 s and 2 x `open_duration` | >= `open_duration` |
/// | `open_duration_jitter` | 0.1 | [0, 1) |
/// | `success_threshold` (consecutive rule) | 2 | 1..=1,000,000 |
/// | `half_open_max_concurrent` (consecutive rule) | 1 | 1..=1,000,000 |
/// | `permitted_calls` (rate rule, instead) | | 1..=1,000,000 |
/// | `half_open_timeout` | 60 s | >= 1 ms, or off |
/// | `on_cancel` | failure after 1 s | ignore, failure, failure after |
/// | `mode` | enforce | enforce or observe |
/// | `enforcement` | 1.0 | [0, 1] |
/// | `recovery_ramp` | off | >= 1 ms, or off |
/// | `throttle` | off | > 1 with a time window, or off |
#[derive(Debug, Clone, PartialEq)]
pub struct CircuitBreakerConfig {
    failure_threshold: Option<u32>,
    failure_rate_threshold: Option<f64>,
    sliding_window: SlidingWindow,
    minimum_calls: u32,
    max_age: Option<Duration>,
    slow_call_duration_threshold: Option<Duration>,
    slow_call_rate_threshold: f64,
    open_duration: Duration,
    open_duration_multiplier: f64,
    max_open_duration: Duration,
    open_duration_jitter: f64,
    half_open: HalfOpenRule,
    half_open_timeout: Option<Duration>,
    on_cancel: OnCancel,
    mode: Mode,
    enforcement: f64,
    recovery_ramp: Option<Duration>,
    throttle: Option<f64>,
}

impl CircuitBreakerConfig {
    /// A builder with every field unset; `build()` fills in the defaults.
    pub fn builder() -> CircuitBreakerConfigBuilder {
        CircuitBreakerConfigBuilder::default()
    }

    /// So many failures in a row open the circuit; beside a failure rate only while the window holds fewer than
    /// `minimum_calls`. `None`: off.
    #[must_use]
    pub const fn failure_threshold(&self) -> Option<u32> {
        self.failure_threshold
    }

    /// This share of failures in the sliding window opens the circuit. `None`: off.
    #[must_use]
    pub const fn failure_rate_threshold(&self) -> Option<f64> {
        self.failure_rate_threshold
    }

    /// What rates are taken over.
    #[must_use]
    pub const fn sliding_window(&self) -> SlidingWindow {
        self.sliding_window
    }

    /// Below so many calls in the window no rate decides.
    #[must_use]
    pub const fn minimum_calls(&self) -> u32 {
        self.minimum_calls
    }

    /// A row or a count window whose last outcome is older is forgotten. `None`: off.
    #[must_use]
    pub const fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    /// A call that takes longer is slow. `None`: no call is.
    #[must_use]
    pub const fn slow_call_duration_threshold(&self) -> Option<Duration> {
        self.slow_call_duration_threshold
    }

    /// This share of slow calls in the sliding window opens the circuit, where calls can be slow.
    #[must_use]
    pub const fn slow_call_rate_threshold(&self) -> f64 {
        self.slow_call_rate_threshold
    }

    /// The first open in a row waits this long.
    #[must_use]
    pub const fn open_duration(&self) -> Duration {
        self.open_duration
    }

    /// Each further open in a row waits so many times longer.
    #[must_use]
    pub const fn open_duration_multiplier(&self) -> f64 {
        self.open_duration_multiplier
    }

    /// No open waits longer.
    #[must_use]
    pub const fn max_open_duration(&self) -> Duration {
        self.max_open_duration
    }

    /// Each wait is shortened by a random share up to this one, so that a fleet does not probe in step.
    #[must_use]
    pub const fn open_duration_jitter(&self) -> f64 {
        self.open_duration_jitter
    }

    /// How half-open decides.
    #[must_use]
    pub const fn half_open(&self) -> HalfOpenRule {
        self.half_open
    }

    /// Consecutive rule: a probe that is still out after this long opens the circuit. Rate rule: the whole half-open
    /// state lasts at most this long. `None`: off.
    #[must_use]
    pub const fn half_open_timeout(&self) -> Option<Duration> {
        self.half_open_timeout
    }

    /// What a dropped permit says.
    #[must_use]
    pub const fn on_cancel(&self) -> OnCancel {
        self.on_cancel
    }

    /// Whether refusals are carried out.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The share of refusals really carried out.
    #[must_use]
    pub const fn enforcement(&self) -> f64 {
        self.enforcement
    }

    /// After the probes closed the circuit it lets a share through that grows from a tenth to all over this time.
    /// `None`: all at once.
    #[must_use]
    pub const fn recovery_ramp(&self) -> Option<Duration> {
        self.recovery_ramp
    }

    /// While closed, what is beyond so many times the successes in the window is refused by chance. `None`: off.
    #[must_use]
    pub const fn throttle(&self) -> Option<f64> {
        self.throttle
    }

    /// Whether any rate needs the window.
    pub(crate) const fn has_rates(&self) -> bool {
        self.failure_rate_threshold.is_some() || self.slow_call_duration_threshold.is_some()
    }

    /// The shortest duration that decides anything: the coarse clock must be far finer.
    pub(crate) fn shortest_duration(&self) -> Duration {
        let window = match self.sliding_window {
            SlidingWindow::Time(time, _) if self.has_rates() || self.throttle.is_some() => Some(time),
            _ => None,
        };
        let cancel = match self.on_cancel {
            OnCancel::FailureAfter(after) => Some(after),
            OnCancel::Ignore | OnCancel::Failure => None,
        };
        [window, cancel, self.max_age, self.slow_call_duration_threshold, self.half_open_timeout, self.recovery_ramp]
            .into_iter()
            .flatten()
            .fold(self.open_duration, Duration::min)
    }

    /// From when on a call's duration decides anything.
    pub(crate) const fn timing(&self) -> Timing {
        match self.on_cancel {
            _ if self.slow_call_duration_threshold.is_some() => Timing::FromAdmission,
            OnCancel::FailureAfter(_) => Timing::WhileItWaits,
            OnCancel::Ignore | OnCancel::Failure => Timing::Never,
        }
    }
}

impl Default for CircuitBreakerConfig {
    fn default() -> Self {
        presets::valid(Self::builder())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// Of a configuration whose only duration is `open_duration`, nine minutes, with what a test adds to it.
    fn shortest(with: fn(CircuitBreakerConfigBuilder) -> CircuitBreakerConfigBuilder) -> Duration {
        let config = CircuitBreakerConfig::builder()
            .open_duration(MINUTE * 9)
            .max_open_duration(MINUTE * 9)
            .half_open_timeout(None)
            .on_cancel(OnCancel::Ignore)
            .sliding_window(SlidingWindow::calls(100));
        with(config).build().expect("a valid configuration").shortest_duration()
    }

    #[test]
    fn the_shortest_duration_is_of_those_that_decide_something() {
        assert_eq!(shortest(|config| config), MINUTE * 9);
        assert_eq!(shortest(|config| config.half_open_timeout(MINUTE)), MINUTE);
        assert_eq!(shortest(|config| config.on_cancel(OnCancel::FailureAfter(MINUTE))), MINUTE);
        assert_eq!(shortest(|config| config.sliding_window(SlidingWindow::time(MINUTE))), MINUTE);
        let by_failures = shortest(|config| {
            config.failure_rate_threshold(None).failure_threshold(3).sliding_window(SlidingWindow::time(MINUTE))
        });
        assert_eq!(by_failures, MINUTE * 9, "nothing asks for the window");
    }
}
