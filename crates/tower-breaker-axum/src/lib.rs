//! tower-breaker for axum: a key for each route.

mod key;

pub use self::key::{MISSING, matched_path, method_and_matched_path};
