use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tower_breaker_core::{Interruption, Refusal};

use super::Refuse;

/// A refused call is answered 503 with `Retry-After`, one over a rate limit 429, one that took too long 504, each with an
/// `application/problem+json` body (RFC 9457) that names nothing internal.
///
/// A gRPC request (by its content type) is answered in gRPC instead, trailers-only: UNAVAILABLE, `RESOURCE_EXHAUSTED` over a
/// rate limit or where a bulkhead is full, both with `grpc-retry-pushback-ms`, `DEADLINE_EXCEEDED` for what took too long.
///
/// The service keeps its own error type. The response carries the [`Refusal`] as an extension: breakers further out ignore
/// it and retries treat it as final. A timeout's carries the [`TimedOut`](crate::TimedOut), which breakers judge as a
/// failure. Neither ever goes on the wire.
///
/// Its body must be one that can be made of a `&'static str`: axum's, reqwest's, `http_body_util::Full<Bytes>`. For any
/// other there is [`AsWrappedResponse`](super::AsWrappedResponse), which changes the body type.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsResponse;

impl<T, B, E> Refuse<Request<T>, Response<B>, E> for AsResponse
where
    B: From<&'static str>,
{
    type State = Dialect;
    type Response = Response<B>;
    type Error = E;

    fn start(&self, request: &Request<T>) -> Dialect {
        Dialect::of(request.headers())
    }

    fn refuse(dialect: Dialect, interruption: Interruption) -> Result<Response<B>, E> {
        Ok(dialect.respond(interruption, B::from))
    }

    fn response(response: Response<B>) -> Response<B> {
        response
    }

    fn error(error: E) -> E {
        error
    }
}

/// What a caller speaks, and is to be answered in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// Plain HTTP.
    Http,
    /// gRPC over HTTP.
    Grpc,
}

/// Problem details, the same for every circuit: what it is called and how it is doing is nobody's business.
macro_rules! problem {
    ($status:literal, $title:literal, $detail:literal) => {
        concat!(
            r#"{"type":"about:blank","title":""#,
            $title,
            r#"","status":"#,
            $status,
            r#","detail":""#,
            $detail,
            r#""}"#
        )
    };
}

const UNAVAILABLE: &str = problem!(503, "Service Unavailable", "This is not available at the moment. Try again later.");
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

impl Dialect {
    /// `application/grpc`, with a format or without; gRPC-Web, whose trailers are in its body, is answered as plain HTTP.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let content_type = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
        match content_type.strip_prefix(b"application/grpc") {
            Some([] | [b'+' | b';', ..]) => Self::Grpc,
            _ => Self::Http,
        }
    }

    /// The response to an interruption, around a body made of its text.
    pub(super) fn respond<B>(self, interruption: Interruption, body: impl FnOnce(&'static str) -> B) -> Response<B> {
        let (status, problem, code, message) = match &interruption {
            Interruption::Refused(Refusal::RateLimited(_)) => (
                StatusCode::TOO_MANY_REQUESTS,
                problem!(429, "Too Many Requests", "There are too many requests at the moment. Try again later."),
                8,
                "too many requests at the moment",
            ),
            Interruption::Refused(Refusal::BulkheadFull(_)) => {
                (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, 8, "too many calls at the moment")
            }
            Interruption::TimedOut(_) => (
                StatusCode::GATEWAY_TIMEOUT,
                problem!(504, "Gateway Timeout", "The answer did not come in time."),
                4,
                "the answer did not come in time",
            ),
            _ => (StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE, 14, "not available at the moment"),
        };
        let mut response = Response::new(body(if self == Self::Grpc { "" } else { problem }));
        let headers = response.headers_mut();
        match self {
            Self::Http => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
                *response.status_mut() = status;
            }
            Self::Grpc => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                headers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from(code));
                headers.insert(HeaderName::from_static("grpc-message"), HeaderValue::from_static(message));
            }
        }
        match interruption {
            Interruption::Refused(refusal) => {
                let (name, value) = self.come_back(refusal.retry_after());
                response.headers_mut().insert(name, value.into());
                response.extensions_mut().insert(refusal);
            }
            Interruption::TimedOut(timed_out) => drop(response.extensions_mut().insert(timed_out)),
            _ => {}
        }
        response
    }

    /// Rounded up, and at least 1: a caller must not be told to come back before the wait is over, nor at once.
    fn come_back(self, wait: Duration) -> (HeaderName, u64) {
        let (name, unit) = match self {
            Self::Http => (header::RETRY_AFTER, Duration::from_secs(1)),
            Self::Grpc => (PUSHBACK, Duration::from_millis(1)),
        };
        let units = wait.as_nanos().div_ceil(unit.as_nanos()).max(1);
        (name, u64::try_from(units).unwrap_or(u64::MAX))
    }
}
