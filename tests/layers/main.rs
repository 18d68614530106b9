//! The layers around real servers and clients, on loopback.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod bodies;
mod client;
mod retry;
mod server;
mod support;
