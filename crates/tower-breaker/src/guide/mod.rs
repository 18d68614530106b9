//! Pages to read: what to put where, and why.
//!
//! - [`order`]: in what order the stages stand around a service, and how their budgets fit together.
#![cfg_attr(
    feature = "fallback",
    doc = "- [Which fallback](crate::fallback#which-fallback): what to say when there is no answer, by strategy."
)]
#![cfg_attr(
    all(feature = "fallback", feature = "resilience"),
    doc = "- [`testing`]: a service that wears these layers, tested without waiting and without an outage."
)]
//! - [`shares`]: a circuit that lets a share of the calls through: the recovery ramp and the throttle, and when they help.

#[doc = include_str!("order.md")]
pub mod order {}

#[doc = include_str!("shares.md")]
pub mod shares {}

// Its snippets are doctests, which need both.
#[cfg(all(feature = "fallback", feature = "resilience"))]
#[doc = include_str!("testing.md")]
pub mod testing {}
