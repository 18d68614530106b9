//! The stages around the call to the upstream: the one place where they meet.

use std::sync::Arc;

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, Response};
use tower::{ServiceBuilder, ServiceExt, layer::layer_fn};
use tower_breaker::{BulkheadLayer, CircuitBreakerLayer, FallbackLayer, refuse::AsResponse, resilience::AskFirst};

use crate::{
    answer,
    balanced::Balanced,
    config::Matched,
    fallback::Standby,
    forward::{Failure, Forward},
    judge::UpstreamsFault,
    stages::RouteStages,
    upload::Upload,
};

/// On answers that are not the upstream's own but a fallback's.
pub(crate) const MARK: HeaderName = HeaderName::from_static("x-fallback");

/// Makes the call, if the stages of the route let it through.
///
/// What they share is in `stages` and in the circuit, so layers put together for one call are as good as ones that are
/// kept. They are single ones, and no `ResilienceLayer`, because the circuits of a route with a key share its limits and its
/// retry budget. Dropped before its end, the call drops the circuit's permit, which is judged as the policy's `on_cancel` says.
pub(crate) async fn call(
    forward: &Forward,
    stages: &Arc<RouteStages>,
    found: Matched,
    request: Request<Upload>,
) -> Response<Body> {
    let circuit = found.circuit().unwrap_or(&stages.unguarded).clone();
    let standby = Standby::new(forward.clone(), found.clone());
    let fallback = FallbackLayer::http(standby)
        .header(MARK, HeaderValue::from_static("true"))
        .or_when(|result: &Result<Response<Body>, Failure>| {
            result.as_ref().is_err_and(|failure| !failure.is_the_callers())
        })
        .circuit(circuit.clone())
        .enabled(found.route().policy().extra().fallback.is_on());
    let service = ServiceBuilder::new()
        .layer(fallback)
        .layer(stages.timeout.clone())
        .layer(stages.retry.clone().ask(circuit.clone()))
        .layer(layer_fn(|inner| AskFirst::new(inner, Some(circuit.clone()), AsResponse)))
        .layer(stages.rate_limit.clone())
        .layer(BulkheadLayer::new(stages.bulkhead.clone()).refuse(AsResponse))
        .layer(CircuitBreakerLayer::http(circuit.clone()).classify(UpstreamsFault))
        .service(Balanced::new(forward.clone(), Arc::clone(stages), found));
    let answered = service.oneshot(request).await;
    answered.unwrap_or_else(|failure| answer::problem(failure.status(), &failure.to_string()))
}
