//! `AsResponse` around a body that cannot be made of text, such as hyper's `Incoming`.

use std::convert::Infallible;

use http::{Request, Response};
use tower::{Layer, Service, util::BoxService};
use tower_breaker::{Circuit, CircuitBreakerLayer};

struct Incoming;

fn guarded(files: BoxService<Request<()>, Response<Incoming>, Infallible>) -> impl Service<Request<()>> {
    CircuitBreakerLayer::http(Circuit::new("files", Default::default())).layer(files)
}

fn main() {
    let _ = guarded;
}
