//! Whose fault a failure is: what the circuit makes of it, what is tried again, and what is said when the time is over.

use std::sync::Arc;

use axum::body::Body;
use http::{Request, Response};
use tower_breaker::{
    Interruption, Outcome, Permit,
    classify::{Classify, StatusClassifier},
    refuse::{AsResponse, Dialect, Refuse},
    retry::{HttpRetry, HttpRetryState, RetryPolicy, Verdict},
};

use crate::{
    forward::Failure,
    upload::{Progress, Upload},
};

/// For the circuit: judges by status, as for any callee; but what went wrong on the caller's side says nothing about the
/// upstream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpstreamsFault;

impl Classify<Request<Body>, Response<Body>, Failure> for UpstreamsFault {
    type State = <StatusClassifier as Classify<Request<Body>, Response<Body>, Failure>>::State;
    type Response = Response<Body>;

    fn start(&self, request: &Request<Body>) -> Self::State {
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
            result => <StatusClassifier as Classify<Request<Body>, _, _>>::end(state, result, permit),
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
