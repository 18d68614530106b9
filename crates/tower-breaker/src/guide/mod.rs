//! Pages to read: what to put where, and why.
//!
//! - [`order`]: in what order the stages stand around a service, and how their budgets fit together.
#![cfg_attr(
    all(feature = "fallback", feature = "http", feature = "resilience"),
    doc = "- With a framework, from ten lines to a protected call, to a circuit for each route, to a fallback: [`axum`],",
    doc = "  [`hyper`], [`tonic`]; for reqwest it is the page of the crate `tower-breaker-reqwest`."
)]
#![cfg_attr(
    feature = "fallback",
    doc = "- [Which fallback](crate::fallback#which-fallback): what to say when there is no answer, by strategy."
)]
#![cfg_attr(
    all(feature = "fallback", feature = "resilience"),
    doc = "- [`testing`]: a service that wears these layers, tested without waiting and without an outage."
)]
#![cfg_attr(
    feature = "config",
    doc = "- [`migrating`]: what the options of resilience4j, Polly, Hystrix, opossum, pybreaker, Envoy, Istio and gateways",
    doc = "  are called in a routes document, and what differs."
)]
//! - [`mesh`]: beside a mesh or an API gateway: what those do, what to leave to whom, how to run both.
//! - [`shares`]: a circuit that lets a share of the calls through: the recovery ramp and the throttle, and when they help.
//! - [`tuning`]: thresholds, windows, waits, timeouts and budgets from your own figures, with the odds worked out.
//! - [`checklist`]: what to have decided and tried before going live, with links to all of it.

#[doc = include_str!("order.md")]
pub mod order {}

#[doc = include_str!("mesh.md")]
pub mod mesh {}

#[cfg(feature = "config")]
#[doc = include_str!("migrating.md")]
pub mod migrating {}

#[doc = include_str!("shares.md")]
pub mod shares {}

#[doc = include_str!("tuning.md")]
pub mod tuning {}

#[doc = include_str!("checklist.md")]
pub mod checklist {}

// The snippets of these pages are doctests, which need their features.
#[cfg(all(feature = "fallback", feature = "resilience"))]
#[doc = include_str!("testing.md")]
pub mod testing {}

#[cfg(all(feature = "fallback", feature = "http", feature = "resilience"))]
#[doc = include_str!("axum.md")]
pub mod axum {}

// Not as doctests here: these need crates that only the workspace's package `tests` has at hand, which compiles them.
#[cfg(all(feature = "fallback", feature = "http", feature = "resilience"))]
#[cfg_attr(not(doctest), doc = include_str!("hyper.md"))]
#[cfg_attr(not(doctest), doc = "```ignore")]
#[cfg_attr(not(doctest), doc = include_str!("by_tower_http.rs"))]
#[cfg_attr(not(doctest), doc = "```")]
#[cfg_attr(not(doctest), doc = include_str!("by_tower_http.md"))]
pub mod hyper {}

#[cfg(all(feature = "fallback", feature = "http", feature = "resilience"))]
#[cfg_attr(not(doctest), doc = include_str!("tonic.md"))]
pub mod tonic {}
