//! Keys from what axum knows of a request, for `KeyedCircuitBreakerLayer` and whatever else takes a
//! `for<'a> Fn(&'a Request<B>) -> Cow<'a, str>`.

use std::borrow::Cow;

use axum::extract::MatchedPath;
use http::Request;

/// The key of a request that matched no route: it went to the router's fallback, or the layer stands outside the router.
pub const MISSING: &str = "-";

/// The pattern of the route that a request matched, nested prefixes included: `/orders/{id}`. [`MISSING`] without one. No
/// allocation.
///
/// Routes are known beforehand, so there is one circuit for each and none that a stranger can name. All methods of a route
/// share it; take [`method_and_matched_path`] where they call different things.
///
/// ```
/// use axum::{Router, routing::get};
/// use tower_breaker::{Circuits, CircuitBreakerConfig, KeyedCircuitBreakerLayer};
/// use tower_breaker_axum::matched_path;
///
/// let circuits = Circuits::new(CircuitBreakerConfig::default());
/// let app: Router = Router::new()
///     .route("/orders/{id}", get(async || "an order"))
///     .layer(KeyedCircuitBreakerLayer::http(circuits, matched_path));
/// ```
#[must_use]
pub fn matched_path<B>(request: &Request<B>) -> Cow<'_, str> {
    Cow::Borrowed(pattern(request))
}

/// Method and pattern: `GET /orders/{id}`. Allocates the name for each call.
///
/// A method may be any word a stranger likes, so those of no standard share the name of the pattern alone.
#[must_use]
pub fn method_and_matched_path<B>(request: &Request<B>) -> Cow<'_, str> {
    let pattern = pattern(request);
    match request.method().as_str() {
        method @ ("GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "TRACE" | "CONNECT") => {
            Cow::Owned(format!("{method} {pattern}"))
        }
        _ => Cow::Borrowed(pattern),
    }
}

fn pattern<B>(request: &Request<B>) -> &str {
    request.extensions().get::<MatchedPath>().map_or(MISSING, MatchedPath::as_str)
}
