//! The circuit breaker around the call to the upstream: the one place where the two meet.

use axum::body::Body;
use http::{Request, Response};
use tower::{Layer, ServiceExt};
use tower_breaker::{
    CircuitBreakerLayer, Outcome, Permit,
    classify::{Classify, StatusClassifier},
};

use crate::{
    answer,
    config::Matched,
    forward::{Failure, Forward, Outbound},
    upload::Upload,
};

/// Makes the call, if the circuit of the route lets it through. Dropped before its end it drops the circuit's permit, which
/// is judged as the policy's `on_cancel` says.
pub(crate) async fn call(forward: &Forward, found: Matched, request: Request<Upload>) -> Response<Body> {
    let circuit = found.circuit().cloned();
    let outbound = Outbound::new(forward.clone(), found);
    let answered = match circuit {
        None => outbound.oneshot(request).await,
        Some(circuit) => {
            // The state is the circuit's, so a layer made for one call is as good as one that is kept.
            let breaker = CircuitBreakerLayer::http(circuit).classify(UpstreamsFault);
            breaker.layer(outbound).oneshot(request).await
        }
    };
    answered.unwrap_or_else(|failure| answer::problem(failure.status(), &failure.to_string()))
}

/// Judges by status, as for any callee; but what went wrong on the caller's side says nothing about the upstream.
#[derive(Debug, Clone, Copy)]
struct UpstreamsFault;

impl Classify<Request<Upload>, Response<Body>, Failure> for UpstreamsFault {
    type State = <StatusClassifier as Classify<Request<Upload>, Response<Body>, Failure>>::State;
    type Response = Response<Body>;

    fn start(&self, request: &Request<Upload>) -> Self::State {
        <StatusClassifier as Classify<_, Response<Body>, Failure>>::start(&StatusClassifier::client(), request)
    }

    fn end(
        state: Self::State,
        result: Result<Response<Body>, Failure>,
        permit: Permit,
    ) -> Result<Response<Body>, Failure> {
        match result {
            Err(failure) if failure.is_the_callers() => {
                permit.record(Outcome::Ignored);
                Err(failure)
            }
            result => <StatusClassifier as Classify<Request<Upload>, _, _>>::end(state, result, permit),
        }
    }
}
