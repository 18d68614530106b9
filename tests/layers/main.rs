//! The layers around real servers and clients, on loopback.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod bodies;
#[path = "../../crates/tower-breaker/src/guide/by_tower_http.rs"]
mod by_tower_http;
mod client;
mod retry;
mod server;
mod support;
mod tower_http;
