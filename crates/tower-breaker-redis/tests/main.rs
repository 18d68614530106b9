//! What needs a server starts its own, on a port of its own: `cargo test -p tower-breaker-redis -- --ignored`.

mod fleet;
mod settings;
