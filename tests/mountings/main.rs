//! Every place a layer can be put, with every layer that fits there: that it compiles, and lets a call through.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

mod axum;
mod hyper;
mod reqwest;
#[path = "../../examples/shop/mod.rs"]
mod shop;
mod tonic;
