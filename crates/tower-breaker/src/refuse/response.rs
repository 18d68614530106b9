use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use tower_breaker_core::{Interruption, Refusal};

use super::Refuse;

/// A refused call is answered 503 with `Retry-After`, one over a rate limit 429, one that took too long 504, each with an
/// `application/problem+json` body (RFC 9457) that names nothing internal.
///
/// The service keeps its own error type. The response carries the [`Refusal`] as an extension: breakers further out ignore
/// it and retries treat it as final. A timeout's carries the [`TimedOut`](crate::TimedOut), which breakers judge as a
/// failure. Neither ever goes on the wire.
///
/// Its body must be one that can be made of a `&'static str`: axum's, reqwest's, `http_body_util::Full<Bytes>`. For any
/// other there is [`AsWrappedResponse`](super::AsWrappedResponse), which changes the body type.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsResponse;

impl<Req, B, E> Refuse<Req, Response<B>, E> for AsResponse
where
    B: From<&'static str>,
{
    type State = ();
    type Response = Response<B>;
    type Error = E;

    fn start(&self, _: &Req) {}

    fn refuse((): (), interruption: Interruption) -> Result<Response<B>, E> {
        Ok(respond(interruption, B::from))
    }

    fn response(response: Response<B>) -> Response<B> {
        response
    }

    fn error(error: E) -> E {
        error
    }
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

/// The response to an interruption, around a body made of its text.
pub(super) fn respond<B>(interruption: Interruption, body: impl FnOnce(&'static str) -> B) -> Response<B> {
    let (status, text) = match &interruption {
        Interruption::Refused(Refusal::RateLimited(_)) => (
            StatusCode::TOO_MANY_REQUESTS,
            problem!(429, "Too Many Requests", "There are too many requests at the moment. Try again later."),
        ),
        Interruption::TimedOut(_) => {
            (StatusCode::GATEWAY_TIMEOUT, problem!(504, "Gateway Timeout", "The answer did not come in time."))
        }
        _ => (
            StatusCode::SERVICE_UNAVAILABLE,
            problem!(503, "Service Unavailable", "This is not available at the moment. Try again later."),
        ),
    };
    let mut response = Response::new(body(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    match interruption {
        Interruption::Refused(refusal) => {
            let seconds = whole_seconds(refusal.retry_after());
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            response.extensions_mut().insert(refusal);
        }
        Interruption::TimedOut(timed_out) => drop(response.extensions_mut().insert(timed_out)),
        _ => {}
    }
    response
}

/// Rounded up, and at least 1: a caller must not be told to come back before the wait is over, nor at once.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}
