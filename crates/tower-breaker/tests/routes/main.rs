//! Routes documents: what they mean, and what is said about mistakes in them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod documents;
mod finding;
mod fuzz;
mod migrating;
mod mistakes;
mod pages;
mod policies;
mod settings;
mod table;

use serde::Deserialize;
use tower_breaker::routes::RoutesConfig;

/// A caller's own field of a route.
#[derive(Debug, Deserialize)]
struct Proxied {
    upstream: String,
}

fn read(text: &str) -> RoutesConfig {
    RoutesConfig::from_toml(text).unwrap()
}

/// What is said about a document without fields of the caller's.
fn refusal(text: &str) -> String {
    RoutesConfig::<tower_breaker::routes::NoExtra>::from_toml(text).unwrap_err().to_string()
}

/// A document with one policy, called `default`, with this breaker.
fn with_breaker(fields: &str) -> String {
    format!("[policies.default.circuit_breaker]\n{fields}\n\n[[routes]]\npath = \"/\"\n")
}
