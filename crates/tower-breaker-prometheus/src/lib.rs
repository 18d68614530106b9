//! Prometheus metrics of circuits and of the stages around them.
//!
//! A [`CircuitBreakerCollector`] reads [`Circuits`](tower_breaker_core::Circuits) and
//! [`Figures`](tower_breaker_core::Figures) when it is scraped. A call never pays for it, and nothing has to be counted a
//! second time.
//!
//! ```
//! use prometheus::{Registry, TextEncoder};
//! use tower_breaker_core::Circuits;
//! use tower_breaker_prometheus::CircuitBreakerCollector;
//!
//! let circuits = Circuits::builder().name("upstreams").build();
//! let registry = Registry::new();
//! let collector = CircuitBreakerCollector::builder().circuits(&circuits).build()?;
//! registry.register(Box::new(collector))?;
//!
//! circuits.get_or_create("orders").force_open();
//! let page = TextEncoder::new().encode_to_string(&registry.gather())?;
//! assert!(page.contains(r#"circuit_breaker_state{name="orders",set="upstreams"} 1"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Names
//!
//! Every series has the labels `name` (of the circuit or stage) and `set` (of the set of circuits, or of the register of
//! figures; empty for circuits in no set). All series of a circuit are there from the first scrape after its creation, and agree with each other.
//!
//! Counters of a circuit:
//!
//! | name | counts |
//! |---|---|
//! | `circuit_breaker_calls_total` | calls that ended: the sum of successes, failures, ignored, cancelled, stale and bypassed |
//! | `circuit_breaker_successes_total`, `circuit_breaker_failures_total` | what they were judged |
//! | `circuit_breaker_slow_calls_total` | of the successes and failures, those slower than the threshold |
//! | `circuit_breaker_ignored_total` | calls that say nothing about the dependency |
//! | `circuit_breaker_cancelled_total` | calls given up and not judged a failure |
//! | `circuit_breaker_stale_total` | outcomes of an older generation, which changed nothing |
//! | `circuit_breaker_bypassed_total` | calls let through although refused, by `observe` or `enforcement` |
//! | `circuit_breaker_calls_blocked_total{reason}` | calls refused: `open`, `half_open`, `forced_open`, `recovering`, `throttled` |
//! | `circuit_breaker_calls_blocked_detected_total` | calls that would have been refused, refused ones included |
//! | `circuit_breaker_fallback_used_total` | answers given in place of a call's |
//! | `circuit_breaker_opened_total`, `circuit_breaker_half_opened_total` | trips; entries to half-open by a probe |
//! | `circuit_breaker_state_transitions_total{from,to}` | changes of state: `closed`, `open`, `half_open` |
//!
//! Gauges of a circuit:
//!
//! | name | is |
//! |---|---|
//! | `circuit_breaker_state` | 0 closed, 1 open, 2 half-open; a forced state counts as that state |
//! | `circuit_breaker_mode` | 0 enforce, 1 observe, 2 forced open, 3 forced closed |
//! | `circuit_breaker_enforcement` | the share of refusals carried out, 0 to 1 |
//! | `circuit_breaker_failure_rate`, `circuit_breaker_slow_call_rate` | in the window, 0 to 1; `NaN` below the minimum of calls, and where no such rate is configured |
//! | `circuit_breaker_open_wait_seconds`, `circuit_breaker_open_remaining_seconds` | the whole wait while open, and what is left of it; 0 else |
//! | `circuit_breaker_ready_to_probe` | 1 while open with the wait over: the next call probes |
//! | `circuit_breaker_state_age_seconds` | how long it has been in its state |
//! | `circuit_breaker_throttle_share` | the share of calls that the throttle refuses, 0 to 0.9; 0 where it is off |
//!
//! Of a set: the gauge `circuit_breaker_circuits{set,state}`, how many of its circuits are in each state, those without series
//! of their own included.
//!
//! Of the stages, where there are any:
//!
//! | name | is |
//! |---|---|
//! | `resilience_retry_attempts_total{outcome}` | `first_try`, `retried`, `recovered`, `exhausted`, `over_budget`, `refused`: see [`RetryFigures`](tower_breaker_core::RetryFigures) |
//! | `resilience_retry_budget_balance` | retries that the budget would allow now |
//! | `resilience_bulkhead_in_use`, `resilience_bulkhead_queued`, `resilience_bulkhead_max_concurrent` | places taken, calls queued, places there are |
//! | `resilience_bulkhead_rejected_total` | calls refused by a full bulkhead |
//! | `resilience_rate_limited_total` | calls refused by a rate limit |
//! | `resilience_timeouts_total{kind}` | `whole` calls and `attempt`s that ran out of time |
//!
//! # The series cap and `other`
//!
//! Names of circuits may come from strangers, and every one costs some forty series in the database. At most
//! [`max_circuits`](CollectorBuilder::max_circuits) circuits have series of their own: those that were there first, among
//! those found at one scrape the ones that are not closed and the busiest. The counters of all others, and of circuits
//! that a set has let go of, are added up under the name `other`, which is there for every set and has no gauges. So sums
//! over a set neither lose a call nor count it twice. A circuit that is really named `other` is found there as well.
//!
//! # Coming from other conventions
//!
//! | there | here |
//! |---|---|
//! | `circuit_open_total`, `*_trips_total` | `circuit_breaker_opened_total` |
//! | `*_rejects_total`, `*_rejected_total`, `*_short_circuited_total` | `sum without (reason) (circuit_breaker_calls_blocked_total)` |
//! | `*_fallbacks_total` | `circuit_breaker_fallback_used_total` |
//! | `*_requests_total`, `*_calls_total{result}` | `circuit_breaker_calls_total` and the counters beside it |
//! | `resilience4j_circuitbreaker_state{state}`, one series a state | `circuit_breaker_state`, one series with a number |
//! | `resilience4j_circuitbreaker_calls_seconds_count{kind}` | `circuit_breaker_successes_total`, `circuit_breaker_failures_total`, `circuit_breaker_ignored_total` |
//! | `resilience4j_circuitbreaker_not_permitted_calls_total` | `sum without (reason) (circuit_breaker_calls_blocked_total)` |
//! | `resilience4j_circuitbreaker_failure_rate`, percent, -1 below the minimum | `circuit_breaker_failure_rate`, a share, `NaN` below the minimum |
//! | `resilience4j_circuitbreaker_slow_call_rate` | `circuit_breaker_slow_call_rate`, likewise |
//! | `resilience4j_circuitbreaker_slow_calls` | `circuit_breaker_slow_calls_total`, a counter |
//! | `resilience4j_retry_calls_total{kind}` | `resilience_retry_attempts_total{outcome}` |
//! | `resilience4j_bulkhead_available_concurrent_calls` | `resilience_bulkhead_max_concurrent - resilience_bulkhead_in_use` |
//! | `envoy_cluster_outlier_detection_ejections_active` | `circuit_breaker_circuits{state!="closed"}` |
//!
//! # Alerts
//!
//! Beside this crate's sources lie `alerts.yml`, `dashboards/grafana.json` and `alertmanager.yml`, a route with inhibitions.
//! [`runbook`] says what to do when an alert fires, how to roll a breaker out, and how to try all of it.
//!
//! # When not to use it
//!
//! Where metrics are pushed or kept by another library, read [`Circuit::snapshot`](tower_breaker_core::Circuit::snapshot) and
//! `Figures::list` yourself: that is all this crate does.

mod circuits;
mod collector;
mod family;
mod shown;
mod stages;

#[doc = include_str!("runbook.md")]
pub mod runbook {}

pub use self::collector::{CircuitBreakerCollector, CollectorBuilder};
