//! What others call the fields of a circuit breaker, and the tables themselves. The guide's page on migrating says more of
//! each.

use super::{
    Level::{self, CircuitBreaker, Document, Policy, Route, SlidingWindow},
    plain, stages,
};

/// A name from abroad.
#[derive(Debug, Clone, Copy)]
pub(super) struct Abroad {
    /// As it is written there.
    pub(super) name: &'static str,
    /// The table where we have it, or where it is looked for.
    pub(super) level: Level,
    /// What we call it. `None`: there is no field for it.
    pub(super) field: Option<&'static str>,
    /// What is another unit or meaning here.
    pub(super) remark: &'static str,
}

impl Abroad {
    /// What is meant by a plain name: in this table rather than in another one.
    pub(super) fn find(name: &str, here: Level) -> Option<&'static Self> {
        let rows = Self::all().filter(|row| here != Level::Own && plain(row.name).as_deref() == Some(name));
        rows.min_by_key(|row| row.level != here)
    }

    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        TABLE.iter().chain(stages::TABLE)
    }

    pub(super) fn told(&self, here: Level) -> String {
        match self.field {
            None => self.remark.to_owned(),
            Some(field) if self.remark.is_empty() => self.level.named(field, here),
            Some(field) => format!("{} {}", self.level.named(field, here), self.remark),
        }
    }
}

pub(super) const fn to(name: &'static str, level: Level, field: &'static str, remark: &'static str) -> Abroad {
    Abroad { name, level, field: Some(field), remark }
}

pub(super) const fn none(name: &'static str, level: Level, remark: &'static str) -> Abroad {
    Abroad { name, level, field: None, remark }
}

pub(super) const TEXT: &str = "text with its unit, such as \"30s\"";
pub(super) const MILLIS: &str = "text with its unit: 5000 milliseconds are \"5s\"";
pub(super) const SHARE: &str = "a share: 50 percent are 0.5";
pub(super) const CODE: &str = "no field: which outcomes are failures is said in code, by a classifier";
const EITHER: &str = "text with its unit, \"30s\", in place of seconds or milliseconds";
const OF_TIME: &str = "written { time = \"10s\" }";
const NO_SWITCH: &str =
    "no field: `circuit_breaker = false` switches it off, `mode = \"observe\"` lets all calls through";

const TABLE: &[Abroad] = &[
    // resilience4j
    to("failureRateThreshold", CircuitBreaker, "failure_rate_threshold", SHARE),
    to("slowCallRateThreshold", CircuitBreaker, "slow_call_rate_threshold", SHARE),
    to("slowCallDurationThreshold", CircuitBreaker, "slow_call_duration_threshold", TEXT),
    to("permittedNumberOfCallsInHalfOpenState", CircuitBreaker, "permitted_calls", ""),
    to("maxWaitDurationInHalfOpenState", CircuitBreaker, "half_open_timeout", "false in place of 0"),
    to(
        "slidingWindowType",
        CircuitBreaker,
        "sliding_window",
        "{ calls = 100 } or { time = \"10s\" } says both type and size",
    ),
    to(
        "slidingWindowSize",
        CircuitBreaker,
        "sliding_window",
        "{ calls = 100 } or { time = \"10s\" } says both type and size",
    ),
    to("minimumNumberOfCalls", CircuitBreaker, "minimum_calls", ""),
    to("waitDurationInOpenState", CircuitBreaker, "open_duration", TEXT),
    to("waitIntervalFunctionInOpenState", CircuitBreaker, "open_duration_multiplier", ""),
    to("enableExponentialBackoff", CircuitBreaker, "open_duration_multiplier", "1.0 is without growth"),
    to("exponentialBackoffMultiplier", CircuitBreaker, "open_duration_multiplier", ""),
    to("exponentialMaxWaitDurationInOpenState", CircuitBreaker, "max_open_duration", TEXT),
    to("randomizedWaitFactor", CircuitBreaker, "open_duration_jitter", "it only shortens the wait"),
    none(
        "automaticTransitionFromOpenToHalfOpenEnabled",
        CircuitBreaker,
        "no field: the first call after the wait is the probe, and nothing runs without a call",
    ),
    none("recordExceptions", CircuitBreaker, CODE),
    none("ignoreExceptions", CircuitBreaker, CODE),
    none("recordFailurePredicate", CircuitBreaker, CODE),
    none("ignoreExceptionPredicate", CircuitBreaker, CODE),
    // Polly, versions 8 and 7
    to("FailureRatio", CircuitBreaker, "failure_rate_threshold", ""),
    to("SamplingDuration", CircuitBreaker, "sliding_window", OF_TIME),
    to("MinimumThroughput", CircuitBreaker, "minimum_calls", ""),
    to("BreakDuration", CircuitBreaker, "open_duration", TEXT),
    to("BreakDurationGenerator", CircuitBreaker, "open_duration_multiplier", "a factor, not a function"),
    none("ShouldHandle", CircuitBreaker, CODE),
    none("ManualControl", CircuitBreaker, "no field: circuits are forced live, by `Circuit::force_open`"),
    to("handledEventsAllowedBeforeBreaking", CircuitBreaker, "failure_threshold", ""),
    to("exceptionsAllowedBeforeBreaking", CircuitBreaker, "failure_threshold", ""),
    to("durationOfBreak", CircuitBreaker, "open_duration", TEXT),
    // Hystrix
    to("requestVolumeThreshold", CircuitBreaker, "minimum_calls", ""),
    to("sleepWindowInMilliseconds", CircuitBreaker, "open_duration", MILLIS),
    to("errorThresholdPercentage", CircuitBreaker, "failure_rate_threshold", SHARE),
    to("timeInMilliseconds", CircuitBreaker, "sliding_window", OF_TIME),
    to("numBuckets", SlidingWindow, "buckets", ""),
    none("forceOpen", CircuitBreaker, "no field: circuits are forced live, by `Circuit::force_open`"),
    none("forceClosed", CircuitBreaker, "no field: circuits are forced live, by `Circuit::force_closed`"),
    none("enabled", CircuitBreaker, NO_SWITCH),
    // opossum
    to("resetTimeout", CircuitBreaker, "open_duration", EITHER),
    to("volumeThreshold", CircuitBreaker, "minimum_calls", ""),
    to("rollingCountTimeout", CircuitBreaker, "sliding_window", OF_TIME),
    to("rollingCountBuckets", SlidingWindow, "buckets", ""),
    to("maxFailures", CircuitBreaker, "failure_threshold", "in a row"),
    none("errorFilter", CircuitBreaker, CODE),
    to("allowWarmUp", CircuitBreaker, "minimum_calls", "a window with fewer calls decides by failure_threshold alone"),
    // pybreaker and other libraries for Python
    to("fail_max", CircuitBreaker, "failure_threshold", ""),
    to("recovery_timeout", CircuitBreaker, "open_duration", TEXT),
    none("exclude", CircuitBreaker, CODE),
    none("expected_exception", CircuitBreaker, CODE),
    // Envoy and Istio
    to("consecutive5xxErrors", CircuitBreaker, "failure_threshold", ""),
    to("consecutive_5xx", CircuitBreaker, "failure_threshold", ""),
    to("consecutiveErrors", CircuitBreaker, "failure_threshold", ""),
    to("consecutiveGatewayErrors", CircuitBreaker, "failure_threshold", "a classifier says which statuses count"),
    to("consecutive_gateway_failure", CircuitBreaker, "failure_threshold", "a classifier says which statuses count"),
    to("consecutiveLocalOriginFailures", CircuitBreaker, "failure_threshold", "a classifier says which errors count"),
    to("consecutive_local_origin_failure", CircuitBreaker, "failure_threshold", "a classifier says which errors count"),
    to("failure_percentage_threshold", CircuitBreaker, "failure_rate_threshold", SHARE),
    to("failure_percentage_request_volume", CircuitBreaker, "minimum_calls", ""),
    to("baseEjectionTime", CircuitBreaker, "open_duration", "it grows by open_duration_multiplier"),
    to("max_ejection_time", CircuitBreaker, "max_open_duration", TEXT),
    to("max_ejection_time_jitter", CircuitBreaker, "open_duration_jitter", "a share of the wait, which it shortens"),
    to("enforcing_consecutive_5xx", CircuitBreaker, "enforcement", "a share of the refusals: 50 percent are 0.5"),
    to("enforcing_failure_percentage", CircuitBreaker, "enforcement", "a share of the refusals: 50 percent are 0.5"),
    none(
        "maxEjectionPercent",
        CircuitBreaker,
        "no field: `EjectionGroup` caps the circuits of a balancer, in code, by a share",
    ),
    none(
        "minHealthPercent",
        CircuitBreaker,
        "no field: `EjectionGroup` caps the circuits of a balancer, in code, by a share",
    ),
    none("interval", CircuitBreaker, "no field: outcomes are judged as they come"),
    // Whole tables, and what they are called at the top
    to("outlierDetection", Policy, "circuit_breaker", ""),
    to("breaker", Policy, "circuit_breaker", ""),
    to("baseConfig", Policy, "extends", ""),
    to("instances", Document, "policies", ""),
    to("configs", Document, "policies", ""),
    to("resilience4j", Document, "policies", ""),
    to("hystrix", Document, "policies", ""),
    to("virtualHosts", Document, "routes", ""),
    // Routes
    to("prefix", Route, "path", "whole, or with its rest, as in \"/static/{*rest}\""),
    to("match", Route, "path", ""),
    to("verbs", Route, "methods", ""),
    to("domains", Route, "host", "one; another route for each further one"),
];
