//! The Tower layers.

#[cfg(feature = "config")]
pub mod routes;

pub use tower_breaker_core::*;
