use http::{Request, Response};
use http_body::Body;
use tower_breaker_core::Interruption;

use super::{Dialect, RefusalBody, Refuse};

/// As [`AsResponse`](super::AsResponse), for any body: the service then answers with a [`RefusalBody`] around its own.
///
/// For hyper's `Incoming` and others that cannot be made of text.
///
/// ```
/// use tower_breaker::{Circuit, CircuitBreakerLayer, refuse::AsWrappedResponse};
///
/// // Around a hyper-util client: its errors stay its own, its refusals are responses.
/// let layer = CircuitBreakerLayer::http(Circuit::new("upstream", Default::default())).refuse(AsWrappedResponse);
/// # let _ = layer;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct AsWrappedResponse;

impl<T, B, E> Refuse<Request<T>, Response<B>, E> for AsWrappedResponse
where
    B: Body,
    B::Data: From<&'static str>,
{
    type State = Dialect;
    type Response = Response<RefusalBody<B>>;
    type Error = E;

    fn start(&self, request: &Request<T>) -> Dialect {
        Dialect::of(request.headers())
    }

    fn refuse(dialect: Dialect, interruption: Interruption) -> Result<Self::Response, E> {
        Ok(dialect.respond(interruption, RefusalBody::refusal))
    }

    fn response(response: Response<B>) -> Self::Response {
        response.map(RefusalBody::new)
    }

    fn error(error: E) -> E {
        error
    }
}
