//! gRPC responses by their status, which is in the trailers.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body;
use tower_breaker_core::{Outcome, Permit};

use super::{AtEndOfBody, Classify, Head, JudgeResponse, JudgedBody};
use crate::headers::{Pushback, pushback};

/// Judges gRPC responses by `grpc-status`: from the head where there is no body (trailers-only), else from the trailers.
///
/// UNKNOWN, `DEADLINE_EXCEEDED`, `RESOURCE_EXHAUSTED`, INTERNAL, UNAVAILABLE and `DATA_LOSS` are failures. CANCELLED is one
/// for a client, because tonic answers its own timeouts so; for a server it says that the caller went away, and is ignored.
/// Every other status is a success: the dependency has answered. Missing trailers are a failure. A response that is not 200
/// and has no `grpc-status` is read by gRPC's own mapping of HTTP statuses. `grpc-retry-pushback-ms` is taken along as
/// `Retry-After` is by [`StatusClassifier`](super::StatusClassifier). The body ends as [`JudgedBody`] says.
///
/// The lists of codes are those of gRPC's `statuscodes.md` and `http-grpc-status-mapping.md`.
#[derive(Debug, Clone, Copy)]
pub struct GrpcClassifier {
    cancelled: Outcome,
}

impl GrpcClassifier {
    /// For calls to another server.
    #[must_use]
    pub const fn client() -> Self {
        Self { cancelled: Outcome::Failure }
    }

    /// For one's own handlers.
    #[must_use]
    pub const fn server() -> Self {
        Self { cancelled: Outcome::Ignored }
    }

    fn judge(self, code: u8, headers: &HeaderMap) -> Outcome {
        match code {
            CANCELLED => self.cancelled,
            UNKNOWN | DEADLINE_EXCEEDED | RESOURCE_EXHAUSTED | INTERNAL | UNAVAILABLE | DATA_LOSS => {
                wish(headers).map_or(Outcome::Failure, Outcome::FailureRetryAfter)
            }
            _ => Outcome::Success,
        }
    }
}

const CANCELLED: u8 = 1;
const UNKNOWN: u8 = 2;
const DEADLINE_EXCEEDED: u8 = 4;
const RESOURCE_EXHAUSTED: u8 = 8;
const INTERNAL: u8 = 13;
const UNAVAILABLE: u8 = 14;
const DATA_LOSS: u8 = 15;
const UNAUTHENTICATED: u8 = 16;
const PERMISSION_DENIED: u8 = 7;
const UNIMPLEMENTED: u8 = 12;

/// The code that `headers` name; one that cannot be read is UNKNOWN.
fn code_in(headers: &HeaderMap) -> Option<u8> {
    let status = headers.get("grpc-status")?;
    let code = number(status).and_then(|code| u8::try_from(code).ok());
    Some(code.filter(|code| *code <= UNAUTHENTICATED).unwrap_or(UNKNOWN))
}

/// Digits and nothing else: `parse` alone would take a plus sign, which is no status to a gRPC client.
fn number(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// What a server without gRPC means by its HTTP status. INTERNAL and UNAVAILABLE, which some of the others mean, are judged as
/// UNKNOWN is.
const fn code_of(status: StatusCode) -> u8 {
    match status.as_u16() {
        401 => UNAUTHENTICATED,
        403 => PERMISSION_DENIED,
        404 => UNIMPLEMENTED,
        _ => UNKNOWN,
    }
}

/// A server's own wish. One not to be called again names no time.
fn wish(headers: &HeaderMap) -> Option<Duration> {
    match pushback(headers)? {
        Pushback::After(wait) => Some(wait),
        Pushback::Stop => None,
    }
}

impl JudgeResponse for GrpcClassifier {
    fn head<B>(&self, response: &Response<B>) -> Head {
        let headers = response.headers();
        match code_in(headers) {
            Some(code) => Head::Decides(self.judge(code, headers)),
            None if response.status() == StatusCode::OK => Head::Good,
            None => Head::Decides(self.judge(code_of(response.status()), headers)),
        }
    }

    fn end(&self, trailers: Option<&HeaderMap>) -> Outcome {
        let code = trailers.and_then(|trailers| Some((code_in(trailers)?, trailers)));
        code.map_or(Outcome::Failure, |(code, trailers)| self.judge(code, trailers))
    }
}

impl<Req, B: Body, E> Classify<Req, Response<B>, E> for GrpcClassifier {
    type State = Self;
    type Response = Response<JudgedBody<B, Self>>;

    fn start(&self, _: &Req) -> Self {
        *self
    }

    fn end(judge: Self, result: Result<Response<B>, E>, permit: Permit) -> Result<Self::Response, E> {
        <AtEndOfBody<Self> as Classify<Req, Response<B>, E>>::end(judge, result, permit)
    }
}
