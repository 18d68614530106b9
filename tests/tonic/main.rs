//! gRPC: tonic's servers and clients with breakers around them, on loopback.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod answers;
mod client;
mod limits;
mod server;
// The service of the examples.
#[allow(dead_code, reason = "these tests have a server of their own")]
#[path = "../../examples/shop/mod.rs"]
mod shop;
mod stack;
mod streams;
mod support;
