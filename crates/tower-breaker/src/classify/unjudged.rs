#[cfg(feature = "http")]
use http::Response;

#[cfg(feature = "http")]
use super::{JudgeResponse, JudgedBody};

/// A response that nobody judged, as a classifier would pass it on ([`Classify::Response`](super::Classify::Response)).
///
/// A stack may have no circuit breaker at run time, and its type must not change for that. Every response is its own; one
/// whose body a classifier wraps is wrapped, and records nothing.
#[diagnostic::on_unimplemented(
    message = "a `{Res}` that nobody judged cannot be made a `{Self}`",
    note = "a stack takes classifiers that pass responses on as they are, and those of `classify::AtEndOfBody`"
)]
pub trait Unjudged<Res> {
    /// Passes it on.
    fn unjudged(response: Res) -> Self;
}

impl<Res> Unjudged<Res> for Res {
    fn unjudged(response: Res) -> Res {
        response
    }
}

#[cfg(feature = "http")]
impl<B, J: JudgeResponse> Unjudged<Response<B>> for Response<JudgedBody<B, J>> {
    fn unjudged(response: Response<B>) -> Self {
        response.map(JudgedBody::unjudged)
    }
}
