//! The crate as its users see it.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod browser;
mod events;
mod figures;
mod hosts;
mod json;
mod key;
mod late;
mod life;
#[cfg(feature = "tracing")]
mod log;
mod operator;
mod pace;
mod sets;
mod sockets;
mod support;
