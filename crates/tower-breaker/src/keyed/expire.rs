use std::pin::Pin;

use tower_breaker_core::Outcome;
use tower_service::Service;

use super::KeyedCircuitBreaker;
use crate::key::Key;
use crate::{classify::Classify, expire::Expire, refuse::Refuse};

impl<S, K, C, R, Req> Expire<Req> for KeyedCircuitBreaker<S, K, C, R>
where
    S: Service<Req>,
    K: Key<Req>,
    C: Classify<Req, S::Response, S::Error>,
    R: Refuse<Req, C::Response, S::Error>,
{
    /// Takes a permit of the request's circuit for the call that never began, where one can be had, and records a failure.
    /// Without a request there is no telling whose failure it is.
    fn expire_ready(&mut self, request: Option<&Req>) {
        let Some(request) = request else { return };
        let circuit = self.key.with(request, |name| self.circuits().get_or_create(name));
        if let Some(permit) = circuit.try_acquire_quietly() {
            permit.record(Outcome::Failure);
        }
    }

    fn expire_call(call: Pin<&mut Self::Future>) {
        call.expire();
    }
}
