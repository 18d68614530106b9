//! What others call the fields of the stages around a circuit breaker.

use super::{
    Level::{Bulkhead, Policy, RateLimit, Retry, SlidingWindow},
    abroad::{Abroad, CODE, MILLIS, SHARE, TEXT, none, to},
};

const ONE_MORE: &str = "the first one included: 2 retries are 3";
const PER_SECOND: &str = "divided by the period in seconds";
const DOUBLES: &str = "no field: the wait doubles with each retry";

pub(super) const TABLE: &[Abroad] = &[
    // Timeouts: resilience4j, Hystrix, opossum, Istio and Envoy
    to("timeoutDuration", Policy, "attempt_timeout", TEXT),
    to("timeLimiter", Policy, "attempt_timeout", TEXT),
    to("timeoutInMilliseconds", Policy, "attempt_timeout", MILLIS),
    to("perTryTimeout", Policy, "attempt_timeout", TEXT),
    none("cancelRunningFuture", Policy, "no field: a call whose time is over is dropped"),
    // Retry: resilience4j
    to("retries", Policy, "retry", ""),
    to("retryPolicy", Policy, "retry", ""),
    to("maxAttempts", Retry, "attempts", ""),
    to("waitDuration", Retry, "base", TEXT),
    to("exponentialMaxWaitDuration", Retry, "max", TEXT),
    to("enableRandomizedWait", Retry, "jitter", "\"full\", \"equal\", \"decorrelated\" or \"none\""),
    to("randomizedWaitFactor", Retry, "jitter", "\"full\", \"equal\", \"decorrelated\" or \"none\""),
    none("enableExponentialBackoff", Retry, DOUBLES),
    none("exponentialBackoffMultiplier", Retry, DOUBLES),
    none("retryExceptions", Retry, CODE),
    none("ignoreExceptions", Retry, CODE),
    // Polly
    to("MaxRetryAttempts", Retry, "attempts", ONE_MORE),
    to("retryCount", Retry, "attempts", ONE_MORE),
    to("Delay", Retry, "base", TEXT),
    to("MaxDelay", Retry, "max", TEXT),
    to("UseJitter", Retry, "jitter", "\"full\", \"equal\", \"decorrelated\" or \"none\""),
    none("BackoffType", Retry, DOUBLES),
    none("ShouldHandle", Retry, CODE),
    // Envoy and Istio
    to("numRetries", Retry, "attempts", ONE_MORE),
    to("maxRetries", Retry, "attempts", ONE_MORE),
    to("baseInterval", Retry, "base", TEXT),
    to("maxInterval", Retry, "max", TEXT),
    to("budgetPercent", Retry, "budget", SHARE),
    none("retryOn", Retry, CODE),
    // Bulkhead: resilience4j, Polly, Hystrix, opossum, Envoy and Istio
    to("connectionPool", Policy, "bulkhead", ""),
    to("concurrencyLimiter", Policy, "bulkhead", ""),
    to("maxConcurrentCalls", Bulkhead, "max_concurrent", ""),
    to("maxWaitDuration", Bulkhead, "max_wait", TEXT),
    to("maxThreadPoolSize", Bulkhead, "max_concurrent", "of calls, as there are no threads"),
    to("queueCapacity", Bulkhead, "max_queue", ""),
    to("PermitLimit", Bulkhead, "max_concurrent", ""),
    to("QueueLimit", Bulkhead, "max_queue", ""),
    to("maxParallelization", Bulkhead, "max_concurrent", ""),
    to("maxQueuingActions", Bulkhead, "max_queue", ""),
    to("maxConcurrentRequests", Bulkhead, "max_concurrent", ""),
    to("coreSize", Bulkhead, "max_concurrent", "of calls, as there are no threads"),
    to("maxQueueSize", Bulkhead, "max_queue", "0 in place of -1"),
    to("queueSizeRejectionThreshold", Bulkhead, "max_queue", ""),
    to("capacity", Bulkhead, "max_concurrent", ""),
    to("maxRequests", Bulkhead, "max_concurrent", ""),
    to("http2MaxRequests", Bulkhead, "max_concurrent", ""),
    to("maxPendingRequests", Bulkhead, "max_queue", ""),
    to("http1MaxPendingRequests", Bulkhead, "max_queue", ""),
    none("maxConnections", Bulkhead, "no field: connections are the client's"),
    // Rate limit: resilience4j and Polly
    to("rateLimiter", Policy, "rate_limit", ""),
    to("throttling", Policy, "rate_limit", ""),
    to("limitForPeriod", RateLimit, "per_second", PER_SECOND),
    to("limitRefreshPeriod", RateLimit, "per_second", "the period is a second"),
    to("timeoutDuration", RateLimit, "max_wait", TEXT),
    to("TokenLimit", RateLimit, "burst", ""),
    to("TokensPerPeriod", RateLimit, "per_second", PER_SECOND),
    to("ReplenishmentPeriod", RateLimit, "per_second", "the period is a second"),
    // Gateways: AWS, Spring Cloud, Traefik, Kong, nginx, Apigee, Envoy
    to("rateLimit", RateLimit, "per_second", ""),
    to("burstLimit", RateLimit, "burst", ""),
    to("throttlingRateLimit", RateLimit, "per_second", ""),
    to("throttlingBurstLimit", RateLimit, "burst", ""),
    to("replenishRate", RateLimit, "per_second", ""),
    to("burstCapacity", RateLimit, "burst", ""),
    to("average", RateLimit, "per_second", PER_SECOND),
    to("period", RateLimit, "per_second", "the period is a second"),
    to("second", RateLimit, "per_second", ""),
    to("minute", RateLimit, "per_second", "divided by 60"),
    to("hour", RateLimit, "per_second", "divided by 3600"),
    to("rate", RateLimit, "per_second", "a number: 10r/s is 10, 30r/m is 0.5"),
    to("nodelay", RateLimit, "max_wait", "\"0s\" is without delay"),
    to("maxTokens", RateLimit, "burst", ""),
    to("tokensPerFill", RateLimit, "per_second", PER_SECOND),
    to("fillInterval", RateLimit, "per_second", "the period is a second"),
    to("requestsPerSecond", RateLimit, "per_second", ""),
    // What says how a window is cut, where the window itself is meant
    to("slidingWindowSize", SlidingWindow, "calls", "or time, as in { time = \"10s\" }"),
    to("timeInMilliseconds", SlidingWindow, "time", MILLIS),
    to("rollingCountTimeout", SlidingWindow, "time", MILLIS),
    to("samplingDuration", SlidingWindow, "time", TEXT),
    // opossum's is for one attempt
    to(
        "timeout",
        Policy,
        "attempt_timeout",
        "for one attempt; timeout is for the whole call, both as text with a unit",
    ),
];
