//! The Tower layers.

#[cfg(feature = "config")]
pub mod routes;

pub use tower_breaker_core::*;

// The snippets of the README, as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
