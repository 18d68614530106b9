//! The crate as its users see it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod browser;
mod events;
mod figures;
mod json;
mod key;
#[cfg(feature = "tracing")]
mod life;
mod log;
mod operator;
mod pace;
mod sockets;
mod support;
