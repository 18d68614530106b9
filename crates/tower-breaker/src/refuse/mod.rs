//! What a caller gets in place of a call that was refused.
//!
//! - [`AsError`], the default: an [`Error`](crate::Error), typed, so that a caller can match on it. The service's
//!   error becomes `Error<E>`. [`AsBoxError`] is the same for stacks whose error is `Box<dyn Error + Send + Sync>`.
//! - `AsResponse` (feature `http`): a 503 with `Retry-After`, a 429 or a 504. The service keeps its own error type, so an axum route stays
//!   `Infallible` and needs no `HandleErrorLayer`. `AsWrappedResponse` is the same around any body type.
//! - A closure from the [`Interruption`] to a `Result<Res, E>`: an answer of your own. If it is an HTTP response, put the
//!   refusal among its extensions, so that breakers and retries further out know it for what it is:
//!
//! ```
//! # #[cfg(feature = "http")] {
//! use http::{Response, StatusCode};
//! use tower_breaker::{Circuit, CircuitBreakerLayer, Interruption};
//!
//! let layer = CircuitBreakerLayer::http(Circuit::new("avatars", Default::default())).refuse(|why: Interruption| {
//!     let mut response = Response::new(String::new());
//!     *response.status_mut() = StatusCode::NO_CONTENT;
//!     if let Interruption::Refused(refusal) = why {
//!         response.extensions_mut().insert(refusal);
//!     }
//!     Ok::<_, std::convert::Infallible>(response)
//! });
//! # let _ = layer;
//! # }
//! ```
//!
//! Write a type of your own only where the answer depends on the request.

use tower_breaker_core::{Interruption, Rejected};

#[cfg(feature = "http")]
mod body;
mod boxed;
mod closure;
mod error;
#[cfg(feature = "http")]
mod response;
#[cfg(feature = "http")]
mod wrapped;

#[cfg(feature = "http")]
pub use self::{
    body::RefusalBody,
    response::{AsResponse, Dialect},
    wrapped::AsWrappedResponse,
};
pub use self::{
    boxed::{AsBoxError, BoxError},
    error::{AsError, AsSameError},
};

/// Answers the calls that were refused, or whose time was over, for a service that takes `Req` and answers `Result<Res, E>`.
///
/// [`refuse`](Self::refuse) has no `self`: what it needs travels in [`State`](Self::State).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer refused calls of a service that takes `{Req}` and answers `Result<{Res}, {E}>`",
    label = "no way to refuse these calls",
    note = "a closure must be `Clone` and take the cause: `|why: Interruption| -> Result<{Res}, {E}>`",
    note = "`refuse::AsResponse` needs a response body that can be made from a `&'static str` (axum's, reqwest's, \
            `Full<Bytes>`); `refuse::AsWrappedResponse` takes any body, hyper's `Incoming` too",
    note = "`refuse::AsBoxError` needs an error that is `Into<Box<dyn Error + Send + Sync>>`; `refuse::AsError` takes any"
)]
pub trait Refuse<Req, Res, E> {
    /// What is kept of the request, and of the refuser, until the refusal is answered. It is part of the response future.
    type State;

    /// The response of the guarded service: mostly `Res` itself.
    type Response;

    /// The error of the guarded service: `E` where a refusal is a response.
    type Error;

    /// Notes what the answer will need of the request. A breaker asks this only once it knows that it refuses.
    fn start(&self, request: &Req) -> Self::State;

    /// The answer to a call that was refused, or whose time was over.
    fn refuse(state: Self::State, interruption: Interruption) -> Result<Self::Response, Self::Error>;

    /// As [`refuse`](Self::refuse), by a circuit: an outage may bring many of these. Override it where there is a shorter way to
    /// the same answer.
    fn circuit_open(state: Self::State, rejected: Rejected) -> Result<Self::Response, Self::Error> {
        Self::refuse(state, rejected.into())
    }

    /// A response of the inner service, on its way out.
    fn response(response: Res) -> Self::Response;

    /// An error of the inner service, on its way out.
    fn error(error: E) -> Self::Error;
}
