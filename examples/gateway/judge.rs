//! Whose fault a failure is: what the circuit makes of it, what is tried again, and what is said when the time is over.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response, StatusCode};
use tower_breaker::{
    Interruption, Outcome, Permit, TimedOut, TimeoutKind,
    classify::{Classify, StatusClassifier},
    refuse::{AsResponse, Dialect, Refuse},
    retry::{HttpRetry, HttpRetryState, RetryPolicy, Verdict},
};

use crate::{
    balanced::Choice,
    forward::Failure,
    upload::{Progress, Upload},
};

/// For the circuit: judges by status, as for any callee; but what went wrong on the caller's side says nothing about the
/// upstream. On a route with several upstreams that is for the circuits of the endpoints, and the route's own is spared what
/// ejecting one of them can mend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpstreamsFault;

impl Classify<Request<Body>, Response<Body>, Failure> for UpstreamsFault {
    type State = Judge;
    type Response = Response<Body>;

    fn start(&self, request: &Request<Body>) -> Self::State {
        Judge { choice: request.extensions().get().cloned(), ..Self::of_endpoint() }
    }

    fn end(judge: Judge, result: Result<Response<Body>, Failure>, permit: Permit) -> Result<Response<Body>, Failure> {
        match result {
            Err(failure) if failure.is_the_callers() => {
                permit.record(Outcome::Ignored);
                Err(failure)
            }
            result if judge.spares(&result) => {
                permit.record(Outcome::Ignored);
                result
            }
            result => <StatusClassifier as Classify<Request<Body>, _, _>>::end(judge.status, result, permit),
        }
    }

    fn timed_out(judge: Judge, _: TimeoutKind, permit: Permit) {
        let spared = judge.choice.is_some_and(|choice| choice.spares_the_route());
        permit.record(if spared { Outcome::Ignored } else { Outcome::Failure });
    }
}

/// The judge of one call.
#[derive(Debug)]
pub(crate) struct Judge {
    status: StatusClassifier,
    choice: Option<Choice>,
}

impl UpstreamsFault {
    /// For the circuit of an endpoint, which is spared nothing.
    pub(crate) const fn of_endpoint() -> Judge {
        Judge { status: StatusClassifier::client(), choice: None }
    }
}

impl Judge {
    fn spares(&self, result: &Result<Response<Body>, Failure>) -> bool {
        let failed = || result.as_ref().map_or(true, is_failure);
        self.choice.as_ref().is_some_and(|choice| failed() && choice.spares_the_route())
    }
}

/// As `StatusClassifier::client` has it. What says that an attempt timed out is 200 to a caller of gRPC.
fn is_failure(response: &Response<Body>) -> bool {
    let status = response.status();
    match response.extensions().get().map(TimedOut::kind) {
        Some(kind) => kind != TimeoutKind::Caller,
        None => {
            status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
        }
    }
}

type IsConnect = fn(&Failure) -> bool;

/// For the retry: what of HTTP may be tried again is; what the caller broke off, or has not sent yet, is not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mendable;

impl RetryPolicy<Request<Upload>, Response<Body>, Failure> for Mendable {
    type State = HttpRetryState<IsConnect>;

    fn start(&self, request: &Request<Upload>) -> Self::State {
        let is_connect: IsConnect = |failure| matches!(failure, Failure::Unreachable);
        let http = HttpRetry::new().connect_errors(is_connect);
        RetryPolicy::<_, Response<Body>, Failure>::start(&http, request)
    }

    fn judge(state: &mut Self::State, result: &Result<Response<Body>, Failure>) -> Verdict {
        match result {
            Err(failure) if failure.is_the_callers() => Verdict::Final,
            result => <HttpRetry<IsConnect> as RetryPolicy<Request<Upload>, _, _>>::judge(state, result),
        }
    }

    fn refused(
        state: &mut Self::State,
        refusal: Result<Response<Body>, Failure>,
        attempts: u32,
    ) -> Result<Response<Body>, Failure> {
        <HttpRetry<IsConnect> as RetryPolicy<Request<Upload>, _, _>>::refused(state, refusal, attempts)
    }
}

/// For the timeouts: 504, unless it is the caller who is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooLate;

impl<B> Refuse<Request<B>, Response<Body>, Failure> for TooLate {
    type State = (Option<Arc<Progress>>, Dialect);
    type Response = Response<Body>;
    type Error = Failure;

    fn start(&self, request: &Request<B>) -> Self::State {
        let dialect = <AsResponse as Refuse<_, Response<Body>, Failure>>::start(&AsResponse, request);
        (request.extensions().get().cloned(), dialect)
    }

    fn refuse((progress, dialect): Self::State, why: Interruption) -> Result<Response<Body>, Failure> {
        if progress.is_some_and(|progress| progress.state().waits_for_caller) {
            return Err(Failure::CallerSilent);
        }
        <AsResponse as Refuse<Request<B>, Response<Body>, Failure>>::refuse(dialect, why)
    }

    fn response(response: Response<Body>) -> Response<Body> {
        response
    }

    fn error(failure: Failure) -> Failure {
        failure
    }
}
