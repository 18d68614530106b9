//! HTTP responses by their status.

use std::fmt;

use http::{HeaderMap, Response, StatusCode};
use tower_breaker_core::{Outcome, Permit};

use super::{AtEndOfBody, Classify, Head, JudgeResponse, at_end::judge_head, retry_after};

/// Judges HTTP responses by their status.
///
/// - A failing status is a failure; its `Retry-After`, if any, is taken along: a circuit that opens by it waits at least
///   that long (at most `max_open_duration`). Every other status is a success.
/// - An `Err` of the service (nothing came back) is a failure. It may be of any type, and so is not looked into: around a
///   service whose own breaker refuses by errors, [`but_refusals`](super::but_refusals) ignores those.
/// - A response that carries a [`Refusal`](crate::Refusal) as an extension is ignored: another stage made it, not the dependency. One that
///   carries a [`TimedOut`](crate::TimedOut) is a failure, whatever its status; unless the time was the caller's, which follows
///   `on_cancel`.
///
/// | | failing statuses |
/// |---|---|
/// | [`new`](Self::new), [`client`](Self::client) | 5xx, 408, 429 |
/// | [`server`](Self::server) | 5xx |
/// | [`failing_on`](Self::failing_on) | as you say |
#[derive(Clone, Copy)]
pub struct StatusClassifier<F = fn(StatusCode) -> bool> {
    is_failure: F,
}

impl StatusClassifier {
    /// 5xx, 408 (Request Timeout) and 429 (Too Many Requests) are failures.
    #[must_use]
    pub const fn new() -> Self {
        Self::client()
    }

    /// For calls to another server, proxied ones included: 5xx, 408 and 429 are failures. Each of the three says that it
    /// has no room for us now.
    #[must_use]
    pub const fn client() -> Self {
        Self { is_failure: of_a_callee }
    }

    /// For one's own handlers: 5xx alone. A server's own 408 and 429 speak of the caller, and one caller who is too slow or
    /// too fast must not open the circuit for the others.
    #[must_use]
    pub const fn server() -> Self {
        Self { is_failure: of_our_own }
    }
}

impl<F: Fn(StatusCode) -> bool + Clone> StatusClassifier<F> {
    /// The statuses for which `is_failure` says so are failures. It is cloned for every call.
    ///
    /// ```
    /// use tower_breaker::classify::StatusClassifier;
    ///
    /// // This store answers 404 for whole buckets when its index is down.
    /// let classifier = StatusClassifier::failing_on(|status| status.is_server_error() || status == 404);
    /// # let _ = classifier;
    /// ```
    #[must_use]
    pub const fn failing_on(is_failure: F) -> Self {
        Self { is_failure }
    }

    /// Judges a good head by how its body ends: one that the server cuts off is a failure, and a call is as slow as its
    /// body. The response's body becomes a [`JudgedBody`](super::JudgedBody).
    #[must_use]
    pub const fn at_end_of_body(self) -> AtEndOfBody<Self> {
        AtEndOfBody::new(self)
    }
}

fn of_a_callee(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::TOO_MANY_REQUESTS
}

fn of_our_own(status: StatusCode) -> bool {
    status.is_server_error()
}

impl<F: Fn(StatusCode) -> bool> JudgeResponse for StatusClassifier<F> {
    fn head<B>(&self, response: &Response<B>) -> Head {
        if !(self.is_failure)(response.status()) {
            return Head::Good;
        }
        Head::Decides(retry_after(response.headers()).map_or(Outcome::Failure, Outcome::FailureRetryAfter))
    }

    fn end(&self, _: Option<&HeaderMap>) -> Outcome {
        Outcome::Success
    }

    fn unread(&self) -> Outcome {
        Outcome::Success
    }
}

impl<F, Req, B, E> Classify<Req, Response<B>, E> for StatusClassifier<F>
where
    F: Fn(StatusCode) -> bool + Clone,
{
    type State = Self;
    type Response = Response<B>;

    fn start(&self, _: &Req) -> Self {
        self.clone()
    }

    fn end(judge: Self, result: Result<Response<B>, E>, permit: Permit) -> Result<Response<B>, E> {
        let outcome = match &result {
            Err(_) => Some(Outcome::Failure),
            Ok(response) => judge_head(&judge, response).map(|head| match head {
                Head::Decides(outcome) => outcome,
                Head::Good => Outcome::Success,
            }),
        };
        match outcome {
            Some(outcome) => permit.record(outcome),
            None => drop(permit),
        }
        result
    }
}

impl Default for StatusClassifier {
    fn default() -> Self {
        Self::new()
    }
}

impl<F> fmt::Debug for StatusClassifier<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusClassifier").finish_non_exhaustive()
    }
}
