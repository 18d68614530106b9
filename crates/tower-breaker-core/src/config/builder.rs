use std::time::Duration;

use super::{
    CircuitBreakerConfig, HalfOpenRule, Mode, OnCancel, SlidingWindow,
    setting::{Period, Switch},
};
use crate::InvalidConfig;

const COUNT: u32 = 1_000_000;
const ACCEPTED_COUNT: &str = "1..=1000000";
const DEFAULT_MINIMUM_CALLS: u32 = 20;

/// Builds a [`CircuitBreakerConfig`]; the table of fields, defaults and ranges stands there.
///
/// Every field is unset at first. [`or`](Self::or) takes what is unset from a parent, which is how one policy extends
/// another; [`build`](Self::build) fills in the defaults.
///
/// With feature `serde` this is one table of a file: unknown fields are refused, durations are text such as `"30s"`, and
/// `false` switches a condition off.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields, default))]
#[must_use = "a builder does nothing until it is built"]
pub struct CircuitBreakerConfigBuilder {
    failure_threshold: Option<Switch<u32>>,
    failure_rate_threshold: Option<Switch<f64>>,
    sliding_window: Option<SlidingWindow>,
    minimum_calls: Option<u32>,
    max_age: Option<Switch<Period>>,
    slow_call_duration_threshold: Option<Switch<Period>>,
    slow_call_rate_threshold: Option<f64>,
    open_duration: Option<Period>,
    open_duration_multiplier: Option<f64>,
    max_open_duration: Option<Period>,
    open_duration_jitter: Option<f64>,
    success_threshold: Option<u32>,
    half_open_max_concurrent: Option<u32>,
    permitted_calls: Option<u32>,
    half_open_timeout: Option<Switch<Period>>,
    on_cancel: Option<OnCancel>,
    mode: Option<Mode>,
    enforcement: Option<f64>,
    recovery_ramp: Option<Switch<Period>>,
    throttle: Option<Switch<f64>>,
}

/// A setter for each field that is a plain value.
macro_rules! values {
    ($($(#[$doc:meta])* $name:ident: $type:ty $(as $wrap:path)?;)*) => {
        $($(#[$doc])* pub fn $name(mut self, value: $type) -> Self {
            self.$name = Some($($wrap)?(value));
            self
        })*
    };
}

/// A setter for each condition that `None` switches off.
macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident: $type:ty $(as $wrap:path)?;)*) => {
        $($(#[$doc])* pub fn $name(mut self, value: impl Into<Option<$type>>) -> Self {
            self.$name = Some(Switch::from(value.into()$(.map($wrap))?));
            self
        })*
    };
}

impl CircuitBreakerConfigBuilder {
    values! {
        /// What rates are taken over: the last so many calls, or the last so much time. Default: 5 s in 10 buckets.
        #[doc(alias("sliding_window_size", "sampling_duration"))]
        sliding_window: SlidingWindow;
        /// Below so many calls in the window no rate decides: 1.., at most a count window. Default: 20, or the count
        /// window if that is smaller.
        #[doc(alias("minimum_number_of_calls", "minimum_throughput", "request_volume_threshold"))]
        minimum_calls: u32;
        /// This share of slow calls opens the circuit: (0, 1], default 1.0. Without a duration threshold no call is slow.
        slow_call_rate_threshold: f64;
        /// The first open in a row waits this long: at least 1 ms, default 2 s.
        #[doc(alias("wait_duration_in_open_state", "break_duration", "sleep_window", "reset_timeout"))]
        open_duration: Duration as Period;
        /// Each further open in a row waits so many times longer: at least 1, default 1.2.
        #[doc(alias("backoff"))]
        open_duration_multiplier: f64;
        /// No open waits longer: at least `open_duration`. Default: the larger of 60 s and twice `open_duration`.
        max_open_duration: Duration as Period;
        /// Each wait is shortened by a random share up to this one: [0, 1), default 0.1.
        open_duration_jitter: f64;
        /// Consecutive rule: so many successes in a row close the circuit. 1..=1,000,000, default 2.
        #[doc(alias("consecutive_successes"))]
        success_threshold: u32;
        /// Consecutive rule: at most so many probes are out at once. 1..=1,000,000, default 1.
        half_open_max_concurrent: u32;
        /// Rate rule, instead of the consecutive one: so many calls are let through in all and judged by the rate
        /// thresholds. 1..=1,000,000.
        #[doc(alias("permitted_number_of_calls_in_half_open_state"))]
        permitted_calls: u32;
        /// What a permit dropped without an outcome says. Default: a failure if it had waited for 1 s.
        on_cancel: OnCancel;
        /// Whether refusals are carried out. Default: enforce.
        mode: Mode;
        /// The share of refusals really carried out: [0, 1], default 1.0.
        enforcement: f64;
    }

    switches! {
        /// So many failures in a row open the circuit; beside a failure rate only while the window holds fewer than
        /// `minimum_calls`. 1..=1,000,000, default 5; `None` switches it off.
        #[doc(alias("consecutive_failures", "consecutive_5xx"))]
        failure_threshold: u32;
        /// This share of failures in the window opens the circuit: (0, 1], default 0.5, or 0.8 beside a throttle; `None`
        /// switches it off.
        #[doc(alias("error_threshold_percentage", "failure_ratio"))]
        failure_rate_threshold: f64;
        /// A row or a count window whose last outcome is older than this is forgotten: at least 1 s. Default: off.
        max_age: Duration as Period;
        /// A call that takes longer is slow: more than 0. Default: off.
        slow_call_duration_threshold: Duration as Period;
        /// A probe still out after this long (consecutive rule), or half-open lasting this long (rate rule), opens the
        /// circuit: at least 1 ms, default 60 s; `None` switches it off.
        #[doc(alias("max_wait_duration_in_half_open_state"))]
        half_open_timeout: Duration as Period;
        /// After the probes closed the circuit it lets a share through that grows from a tenth to all over this time: at
        /// least 1 ms. Default: off.
        #[doc(alias("slow_start"))]
        recovery_ramp: Duration as Period;
        /// While closed, refuses what is beyond so many times the successes, by chance: more than 1, with a time window.
        /// 2.0 is gentle, 1.1 strict. Default: off.
        #[doc(alias("adaptive_throttling"))]
        throttle: f64;
    }

    /// Takes every field that is unset here from `parent`. A half-open rule begun here replaces the parent's.
    pub fn or(self, parent: &Self) -> Self {
        let own_consecutive = self.success_threshold.is_some() || self.half_open_max_concurrent.is_some();
        let own_rate = self.permitted_calls.is_some();
        Self {
            failure_threshold: self.failure_threshold.or(parent.failure_threshold),
            failure_rate_threshold: self.failure_rate_threshold.or(parent.failure_rate_threshold),
            sliding_window: self.sliding_window.or(parent.sliding_window),
            minimum_calls: self.minimum_calls.or(parent.minimum_calls),
            max_age: self.max_age.or(parent.max_age),
            slow_call_duration_threshold: self.slow_call_duration_threshold.or(parent.slow_call_duration_threshold),
            slow_call_rate_threshold: self.slow_call_rate_threshold.or(parent.slow_call_rate_threshold),
            open_duration: self.open_duration.or(parent.open_duration),
            open_duration_multiplier: self.open_duration_multiplier.or(parent.open_duration_multiplier),
            max_open_duration: self.max_open_duration.or(parent.max_open_duration),
            open_duration_jitter: self.open_duration_jitter.or(parent.open_duration_jitter),
            success_threshold: self.success_threshold.or(parent.success_threshold.filter(|_| !own_rate)),
            half_open_max_concurrent: self
                .half_open_max_concurrent
                .or(parent.half_open_max_concurrent.filter(|_| !own_rate)),
            permitted_calls: self.permitted_calls.or(parent.permitted_calls.filter(|_| !own_consecutive)),
            half_open_timeout: self.half_open_timeout.or(parent.half_open_timeout),
            on_cancel: self.on_cancel.or(parent.on_cancel),
            mode: self.mode.or(parent.mode),
            enforcement: self.enforcement.or(parent.enforcement),
            recovery_ramp: self.recovery_ramp.or(parent.recovery_ramp),
            throttle: self.throttle.or(parent.throttle),
        }
    }

    /// The configuration, with defaults for what is unset.
    ///
    /// # Errors
    ///
    /// The first field whose value is not accepted, with its value and what would be. What was set is never changed
    /// silently.
    pub fn build(self) -> Result<CircuitBreakerConfig, InvalidConfig> {
        let failure_threshold = switch(self.failure_threshold, Some(5));
        if let Some(failures) = failure_threshold {
            check("failure_threshold", failures, in_count(failures), "1..=1000000, or off")?;
        }
        // A throttle lets through what fails by a share of its own, and more at first: the circuit is for what is worse.
        let is_throttled = matches!(self.throttle, Some(Switch::On(_)));
        let failure_rate_threshold = switch(self.failure_rate_threshold, Some(if is_throttled { 0.8 } else { 0.5 }));
        if let Some(rate) = failure_rate_threshold {
            check("failure_rate_threshold", rate, is_rate(rate), "a share in (0, 1], or off")?;
        }
        let max_age = switch(self.max_age, None).map(|Period(age)| age);
        if let Some(age) = max_age {
            check("max_age", age, age >= Duration::from_secs(1), "at least 1 s, or off")?;
        }
        let slow_after = switch(self.slow_call_duration_threshold, None).map(|Period(after)| after);
        if let Some(after) = slow_after {
            check("slow_call_duration_threshold", after, !after.is_zero(), "more than 0, or off")?;
        }
        let slow_rate = self.slow_call_rate_threshold.unwrap_or(1.0);
        check("slow_call_rate_threshold", slow_rate, is_rate(slow_rate), "a share in (0, 1]")?;
        let half_open_timeout = switch(self.half_open_timeout, Some(Period(Duration::from_secs(60))));
        let half_open_timeout = half_open_timeout.map(|Period(timeout)| timeout);
        if let Some(timeout) = half_open_timeout {
            check("half_open_timeout", timeout, timeout >= Duration::from_millis(1), "at least 1 ms, or off")?;
        }
        let enforcement = self.enforcement.unwrap_or(1.0);
        check("enforcement", enforcement, (0.0..=1.0).contains(&enforcement), "a share in [0, 1]")?;
        if failure_threshold.is_none() && failure_rate_threshold.is_none() && slow_after.is_none() {
            return Err(InvalidConfig::new(
                "failure_threshold",
                format_args!("off"),
                "at least one of failure_threshold, failure_rate_threshold and slow_call_duration_threshold on",
            ));
        }

        let (sliding_window, minimum_calls) = self.window()?;
        let (recovery_ramp, throttle) = self.shares(sliding_window)?;
        let (open_duration, max_open_duration) = self.open_durations()?;
        let multiplier = self.open_duration_multiplier.unwrap_or(1.2);
        let grows = multiplier >= 1.0 && multiplier.is_finite();
        check("open_duration_multiplier", multiplier, grows, "a finite number, at least 1")?;
        let jitter = self.open_duration_jitter.unwrap_or(0.1);
        check("open_duration_jitter", jitter, (0.0..1.0).contains(&jitter), "a share in [0, 1)")?;
        let has_rate = failure_rate_threshold.is_some() || slow_after.is_some();

        Ok(CircuitBreakerConfig {
            failure_threshold,
            failure_rate_threshold,
            sliding_window,
            minimum_calls,
            max_age,
            slow_call_duration_threshold: slow_after,
            slow_call_rate_threshold: slow_rate,
            open_duration,
            open_duration_multiplier: multiplier,
            max_open_duration,
            open_duration_jitter: jitter,
            half_open: self.half_open_rule(has_rate)?,
            half_open_timeout,
            on_cancel: self.on_cancel.unwrap_or(OnCancel::FailureAfter(Duration::from_secs(1))),
            mode: self.mode.unwrap_or(Mode::Enforce),
            enforcement,
            recovery_ramp,
            throttle,
        })
    }

    fn window(&self) -> Result<(SlidingWindow, u32), InvalidConfig> {
        let window = self.sliding_window.unwrap_or(SlidingWindow::time(Duration::from_secs(5)));
        let most = match window {
            SlidingWindow::Calls(calls) => {
                check("sliding_window.calls", calls, in_count(calls), ACCEPTED_COUNT)?;
                calls
            }
            SlidingWindow::Time(time, buckets) => {
                check("sliding_window.time", time, time >= Duration::from_millis(10), "at least 10 ms")?;
                check("sliding_window.buckets", buckets, (1..=60).contains(&buckets), "1..=60")?;
                u32::MAX
            }
        };
        let minimum = self.minimum_calls.unwrap_or(DEFAULT_MINIMUM_CALLS.min(most));
        let fits = (1..=most).contains(&minimum);
        check("minimum_calls", minimum, fits, "at least 1, and at most the calls of a count window")?;
        Ok((window, minimum))
    }

    fn shares(&self, window: SlidingWindow) -> Result<(Option<Duration>, Option<f64>), InvalidConfig> {
        let ramp = switch(self.recovery_ramp, None).map(|Period(ramp)| ramp);
        if let Some(ramp) = ramp {
            check("recovery_ramp", ramp, ramp >= Duration::from_millis(1), "at least 1 ms, or off")?;
        }
        let throttle = switch(self.throttle, None);
        if let Some(factor) = throttle {
            check("throttle", factor, factor > 1.0 && factor.is_finite(), "a finite number, more than 1, or off")?;
            let is_of_time = matches!(window, SlidingWindow::Time(..));
            check("throttle", factor, is_of_time, "a sliding_window of time beside it: it looks at what came lately")?;
        }
        Ok((ramp, throttle))
    }

    fn open_durations(&self) -> Result<(Duration, Duration), InvalidConfig> {
        let open = self.open_duration.map_or(Duration::from_secs(2), |Period(open)| open);
        check("open_duration", open, open >= Duration::from_millis(1), "at least 1 ms")?;
        let default_most = Duration::from_secs(60).max(open.saturating_mul(2));
        let most = self.max_open_duration.map_or(default_most, |Period(most)| most);
        check("max_open_duration", most, most >= open, "at least open_duration")?;
        Ok((open, most))
    }

    fn half_open_rule(&self, has_rate: bool) -> Result<HalfOpenRule, InvalidConfig> {
        if let Some(permitted_calls) = self.permitted_calls {
            let alone = self.success_threshold.is_none() && self.half_open_max_concurrent.is_none();
            let accepted = "no success_threshold or half_open_max_concurrent beside it: the rules exclude each other";
            check("permitted_calls", permitted_calls, alone, accepted)?;
            check("permitted_calls", permitted_calls, in_count(permitted_calls), ACCEPTED_COUNT)?;
            let accepted = "a failure_rate_threshold or slow_call_duration_threshold that is on, to judge them by";
            check("permitted_calls", permitted_calls, has_rate, accepted)?;
            return Ok(HalfOpenRule::Rate { permitted_calls });
        }
        let success_threshold = self.success_threshold.unwrap_or(2);
        check("success_threshold", success_threshold, in_count(success_threshold), ACCEPTED_COUNT)?;
        let max_concurrent = self.half_open_max_concurrent.unwrap_or(1);
        check("half_open_max_concurrent", max_concurrent, in_count(max_concurrent), ACCEPTED_COUNT)?;
        Ok(HalfOpenRule::Consecutive { success_threshold, max_concurrent })
    }
}

fn switch<T>(set: Option<Switch<T>>, default: Option<T>) -> Option<T> {
    set.map_or(default, Switch::into_option)
}

fn in_count(count: u32) -> bool {
    (1..=COUNT).contains(&count)
}

fn is_rate(rate: f64) -> bool {
    rate > 0.0 && rate <= 1.0
}

fn check(
    field: &'static str,
    value: impl std::fmt::Debug,
    accepted: bool,
    what: &'static str,
) -> Result<(), InvalidConfig> {
    if accepted { Ok(()) } else { Err(InvalidConfig::new(field, value, what)) }
}
