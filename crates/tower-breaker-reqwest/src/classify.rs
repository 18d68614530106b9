use std::{error::Error, fmt, iter, marker::PhantomData};

use reqwest::{Response, StatusCode};
use tower_breaker::{
    Interruption, Outcome, Permit, Refusal, TimedOut, TimeoutKind,
    classify::{Boxed, Classify, ErrorView, Typed, retry_after},
};

use crate::{body::judged, error::of_reqwest};

/// Judges the calls of reqwest, by the status of the response or by the error.
///
/// | | |
/// |---|---|
/// | 5xx, 408, 429, or as [`failing_on`](Self::failing_on) says | a failure; `Retry-After` is taken along |
/// | every other status | a success |
/// | an error of the builder (a URL or header that cannot be sent) or of following redirects | ignored: it is the caller's |
/// | connecting, a timeout, sending, the response's body or its decoding | a failure |
/// | an error of status ([`Response::error_for_status`]) | as that status |
/// | a refusal of a stage further in, as error or response | ignored |
/// | a time limit of a stage further in | a failure; the caller's own follows `on_cancel` |
/// | any other error, of a middleware further in for one | a failure |
///
/// The error may be [`reqwest::Error`], [`reqwest_middleware::Error`] or whatever has one of them along its `source()`s; for
/// `Box<dyn Error + Send + Sync>` there is [`boxed`](Self::boxed). An error that reqwest-retry hands on from further in hides
/// what kind it was, and is a failure.
///
/// It looks at heads; [`at_end_of_body`](Self::at_end_of_body) looks further.
pub struct ReqwestClassifier<F = fn(StatusCode) -> bool, V = Typed> {
    is_failure: F,
    at_end_of_body: bool,
    view: PhantomData<fn() -> V>,
}

impl ReqwestClassifier {
    /// 5xx, 408 (Request Timeout) and 429 (Too Many Requests) are failures.
    #[must_use]
    pub const fn new() -> Self {
        Self { is_failure: of_a_callee, at_end_of_body: false, view: PhantomData }
    }
}

impl<F: Fn(StatusCode) -> bool + Clone> ReqwestClassifier<F> {
    /// The statuses for which `is_failure` says so are failures. It is cloned for every call.
    #[must_use]
    pub const fn failing_on(is_failure: F) -> Self {
        Self { is_failure, at_end_of_body: false, view: PhantomData }
    }
}

impl<F, V> ReqwestClassifier<F, V> {
    /// Judges a good head by how its body ends ([`JudgedBody`](tower_breaker::classify::JudgedBody)): one that breaks off, that
    /// reqwest's own timeout cuts off or that cannot be decoded is a failure; dropped before its end it is a success after its
    /// first frame or if nobody asked for one, and ignored while somebody waited for the first. A call is then as slow as its
    /// body.
    ///
    /// Costs such a response two boxes, beside those of reqwest.
    #[must_use]
    pub const fn at_end_of_body(mut self) -> Self {
        self.at_end_of_body = true;
        self
    }
}

impl<F> ReqwestClassifier<F> {
    /// For services whose error is `Box<dyn Error + Send + Sync>`.
    #[must_use]
    pub fn boxed(self) -> ReqwestClassifier<F, Boxed> {
        ReqwestClassifier { is_failure: self.is_failure, at_end_of_body: self.at_end_of_body, view: PhantomData }
    }
}

/// A callee that has no room for us now, or fails.
fn of_a_callee(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT || status == StatusCode::TOO_MANY_REQUESTS
}

impl<F: Fn(StatusCode) -> bool, V> ReqwestClassifier<F, V> {
    /// `None`: the call is to be seen as one that its caller gave up.
    fn of_response(&self, response: &Response) -> Option<Outcome> {
        let extensions = response.extensions();
        if extensions.get::<Refusal>().is_some() {
            return Some(Outcome::Ignored);
        }
        match extensions.get::<TimedOut>().map(TimedOut::kind) {
            Some(TimeoutKind::Caller) => None,
            Some(_) => Some(Outcome::Failure),
            None if (self.is_failure)(response.status()) => {
                Some(retry_after(response.headers()).map_or(Outcome::Failure, Outcome::FailureRetryAfter))
            }
            None => Some(Outcome::Success),
        }
    }

    fn of_error(&self, error: &(dyn Error + 'static)) -> Option<Outcome> {
        match Interruption::find(error) {
            Some(Interruption::Refused(_)) => return Some(Outcome::Ignored),
            Some(Interruption::TimedOut(limit)) if limit.kind() == TimeoutKind::Caller => return None,
            _ => {}
        }
        let Some(error) = of_reqwest(error) else { return Some(Outcome::Failure) };
        Some(match error.status() {
            Some(status) if (self.is_failure)(status) => Outcome::Failure,
            Some(_) => Outcome::Success,
            None if is_the_callers(error) => Outcome::Ignored,
            None => Outcome::Failure,
        })
    }
}

/// Whether it tells of the request or the client rather than of who was to answer. A request body that failed while it was
/// sent is one of these.
pub(crate) fn is_the_callers(error: &reqwest::Error) -> bool {
    let was_the_body = |error: &(dyn Error + 'static)| error.downcast_ref().is_some_and(hyper::Error::is_user);
    let sources = || iter::successors(error.source(), |&error| error.source());
    error.is_builder() || error.is_redirect() || sources().any(was_the_body)
}

impl<F, V, Req, E> Classify<Req, Response, E> for ReqwestClassifier<F, V>
where
    F: Fn(StatusCode) -> bool + Clone,
    V: ErrorView<E>,
{
    type State = Self;
    type Response = Response;

    fn start(&self, _: &Req) -> Self {
        self.clone()
    }

    fn end(judge: Self, result: Result<Response, E>, permit: Permit) -> Result<Response, E> {
        let outcome = match &result {
            Ok(response) => judge.of_response(response),
            Err(error) => judge.of_error(V::view(error)),
        };
        match result {
            Ok(response) if judge.at_end_of_body && outcome == Some(Outcome::Success) => Ok(judged(response, permit)),
            result => {
                end(outcome, permit);
                result
            }
        }
    }

    fn ready_error(&self, error: E, permit: Permit) -> E {
        end(self.of_error(V::view(&error)), permit);
        error
    }
}

fn end(outcome: Option<Outcome>, permit: Permit) {
    match outcome {
        Some(outcome) => permit.record(outcome),
        None => drop(permit),
    }
}

// By hand: derives would ask the same of `V`, which is only a name here.
impl<F: Clone, V> Clone for ReqwestClassifier<F, V> {
    fn clone(&self) -> Self {
        Self { is_failure: self.is_failure.clone(), at_end_of_body: self.at_end_of_body, view: PhantomData }
    }
}

impl Default for ReqwestClassifier {
    fn default() -> Self {
        Self::new()
    }
}

impl<F, V> fmt::Debug for ReqwestClassifier<F, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestClassifier").field("at_end_of_body", &self.at_end_of_body).finish_non_exhaustive()
    }
}
