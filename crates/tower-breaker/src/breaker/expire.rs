//! The time of a call is over: a failure of the attempt under way.

use std::pin::Pin;

use tower_breaker_core::Outcome;
use tower_service::Service;

use super::{CircuitBreaker, guard};
use crate::{classify::Classify, expire::Expire, refuse::Refuse};

impl<S, C, R, Req> Expire<Req> for CircuitBreaker<S, C, R>
where
    S: Service<Req>,
    C: Classify<Req, S::Response, S::Error>,
    R: Refuse<Req, C::Response, S::Error>,
{
    /// Takes a permit for the call that never began, where one can be had, and records a failure.
    fn expire_ready(&mut self, _: Option<&Req>) {
        if let Some(permit) = guard::unready(&mut self.turn) {
            permit.record(Outcome::Failure);
        }
    }

    fn expire_call(call: Pin<&mut Self::Future>) {
        call.expire();
    }
}
