//! The stages around the call to the upstream: the one place where they meet.

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, Response};
use tower::{Service, ServiceBuilder, ServiceExt, layer::layer_fn, service_fn};
use tower_breaker::{
    BulkheadLayer, Circuit, CircuitBreakerLayer, FallbackLayer, Interruption, Refusal,
    refuse::{AsResponse, Refuse},
};

use crate::{
    answer,
    config::Matched,
    fallback::Standby,
    forward::{Failure, Forward, Outbound},
    judge::UpstreamsFault,
    stages::RouteStages,
    upload::Upload,
};

/// On answers that are not the upstream's own but a fallback's.
pub(crate) const MARK: HeaderName = HeaderName::from_static("x-fallback");

/// Makes the call, if the stages of the route let it through.
///
/// What they share is in `stages` and in the circuit, so layers put together for one call are as good as ones that are
/// kept. Dropped before its end, the call drops the circuit's permit, which is judged as the policy's `on_cancel` says.
pub(crate) async fn call(
    forward: &Forward,
    stages: &RouteStages,
    found: Matched,
    request: Request<Upload>,
) -> Response<Body> {
    let circuit = found.circuit().cloned();
    let standby = Standby::new(forward.clone(), found.clone());
    let mut fallback = FallbackLayer::http(standby)
        .header(MARK, HeaderValue::from_static("true"))
        .or_when(|result: &Result<Response<Body>, Failure>| {
            result.as_ref().is_err_and(|failure| !failure.is_the_callers())
        })
        .enabled(found.route().policy().extra().fallback.is_on());
    if let Some(circuit) = &circuit {
        fallback = fallback.circuit(circuit.clone());
    }
    let breaker = circuit.clone().map(|circuit| CircuitBreakerLayer::http(circuit).classify(UpstreamsFault));
    let service = ServiceBuilder::new()
        .layer(fallback)
        .layer(stages.timeout.clone())
        .layer(stages.retry.clone().ask(circuit.clone()))
        .layer(layer_fn(|inner| ask(circuit.clone(), inner)))
        .layer(stages.rate_limit.clone())
        .layer(BulkheadLayer::new(stages.bulkhead.clone()).refuse(AsResponse))
        .option_layer(breaker)
        .layer(stages.attempt_timeout.clone())
        .service(Outbound::new(forward.clone(), found));
    let answered = service.oneshot(request).await;
    answered.unwrap_or_else(|failure| answer::problem(failure.status(), &failure.to_string()))
}

/// Asks the circuit before a token of the rate limit is spent or a place in the bulkhead waited for: one that is open refuses
/// at once, however many calls hang in the bulkhead.
fn ask<S>(
    circuit: Option<Circuit>,
    inner: S,
) -> impl Service<Request<Body>, Response = Response<Body>, Error = Failure, Future: Send> + Clone
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Failure, Future: Send> + Clone + Send,
{
    service_fn(move |request: Request<Body>| {
        let (circuit, inner) = (circuit.clone(), inner.clone());
        async move {
            match circuit.as_ref().map(Circuit::check) {
                Some(Err(refused)) => {
                    let dialect = <AsResponse as Refuse<_, Response<Body>, Failure>>::start(&AsResponse, &request);
                    let why = Interruption::Refused(Refusal::CircuitOpen(refused));
                    <AsResponse as Refuse<Request<Body>, Response<Body>, Failure>>::refuse(dialect, why)
                }
                _ => inner.oneshot(request).await,
            }
        }
    })
}
