use std::borrow::Cow;

use http::Request;

use super::{Key, MISSING, cut};

/// The gRPC service; made by [`grpc_service`].
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct GrpcService;

/// The gRPC service and method; made by [`grpc_method`].
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct GrpcMethod;

/// The gRPC service a call is for, with its package: `shop.Orders` of `/shop.Orders/Place`. [`MISSING`] for a path that is not
/// `/service/method`. No allocation.
///
/// For clients of a server that has several services, and for such servers. A path in front of the service, as of a gateway that
/// routes by one, is part of the name.
#[must_use]
pub const fn grpc_service() -> GrpcService {
    GrpcService
}

/// The gRPC service and method a call is for: `shop.Orders/Place`. [`MISSING`] for a path that is not `/service/method`. No
/// allocation.
///
/// Where methods fail apart: one writes to a database, the other reads from a cache.
///
/// ```
/// use tower_breaker::{CircuitBreakerConfig, Circuits, KeyedCircuitBreakerLayer, key};
///
/// let methods = Circuits::new(CircuitBreakerConfig::default());
/// let layer = KeyedCircuitBreakerLayer::grpc(methods, key::grpc_method());
/// # let _ = layer;
/// ```
#[must_use]
pub const fn grpc_method() -> GrpcMethod {
    GrpcMethod
}

impl<B> Key<Request<B>> for GrpcService {
    fn of<'a>(&self, request: &'a Request<B>) -> Cow<'a, str> {
        cut(parts(request).map_or(MISSING, |(_, service)| service)).into()
    }
}

impl<B> Key<Request<B>> for GrpcMethod {
    fn of<'a>(&self, request: &'a Request<B>) -> Cow<'a, str> {
        cut(parts(request).map_or(MISSING, |(method, _)| method)).into()
    }
}

/// Service and method together, and the service alone. What is behind the last slash is the method, as for grpc-go.
fn parts<B>(request: &Request<B>) -> Option<(&str, &str)> {
    let whole = request.uri().path().strip_prefix('/')?;
    let (service, method) = whole.rsplit_once('/')?;
    (!service.is_empty() && !method.is_empty()).then_some((whole, service))
}
