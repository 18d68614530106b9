use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header};
use tower_breaker_core::Refusal;

use super::Refuse;

/// Problem details (RFC 9457). The same for every circuit: what it is called and how it is doing is nobody's business.
pub(super) const PROBLEM: &str = concat!(
    r#"{"type":"about:blank","title":"Service Unavailable","status":503,"#,
    r#""detail":"This is not available at the moment. Try again later."}"#
);

/// A refused call is answered 503 with `Retry-After` and an `application/problem+json` body that names nothing internal.
///
/// The service keeps its own error type. The response carries the [`Refusal`] as an extension: breakers further out ignore
/// it and retries treat it as final; it never goes on the wire.
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

    fn refuse((): (), refusal: Refusal) -> Result<Response<B>, E> {
        Ok(unavailable(PROBLEM.into(), refusal))
    }

    fn response(response: Response<B>) -> Response<B> {
        response
    }

    fn error(error: E) -> E {
        error
    }
}

/// The 503 of a refusal, around its body.
pub(super) fn unavailable<B>(body: B, refusal: Refusal) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait(&refusal))));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response.extensions_mut().insert(refusal);
    response
}

fn wait(refusal: &Refusal) -> Duration {
    match refusal {
        Refusal::CircuitOpen(rejected) => rejected.remaining(),
        _ => Duration::ZERO,
    }
}

/// Rounded up, and at least 1: a caller must not be told to come back before the wait is over, nor at once.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1)
}
