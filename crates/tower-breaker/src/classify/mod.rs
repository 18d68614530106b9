//! What a call that ended says about the dependency.
//!
//! A breaker asks a [`Classify`] for every call that it let through. The ready-made ones:
//!
//! - [`ErrorsAreFailures`], the default: `Ok` is a success, `Err` a failure. Not for HTTP servers, where a 500 is an `Ok`.
//! - [`ErrorsOf`]: errors of one type are failures, other errors say nothing; [`ErrorsButRefusals`]: every error but a
//!   refusal from further in.
//! - `StatusClassifier` (feature `http`): by response status, with `Retry-After`; `at_end_of_body()` also by how the body
//!   ends.
//! - `GrpcClassifier` (feature `http`): by gRPC status, from head or trailers.
//! - Those of tower-http: `guide::hyper` shows how.
//! - [`but_refusals`]: any of these, and an error that is a refusal from further in is ignored.
//! - [`with_timeouts`]: any of these, with timeouts judged apart: one need not mean a sick service.
//! - A closure over `&Result<Res, E>` that returns an [`Outcome`]; [`from_fn`] helps the compiler with its types.
//!
//! Write a type of your own only where the verdict needs the request, or comes later than the response (at the end of its
//! body, say):
//!
//! ```
//! use tower_breaker::{Outcome, Permit, classify::Classify};
//!
//! /// Reads tell how the store is; writes wait for a lock and say nothing.
//! #[derive(Clone)]
//! struct Reads;
//!
//! enum Query {
//!     Read(u64),
//!     Write(u64),
//! }
//!
//! impl<Res, E> Classify<Query, Res, E> for Reads {
//!     type State = bool;
//!     type Response = Res;
//!
//!     fn start(&self, query: &Query) -> bool {
//!         matches!(query, Query::Read(_))
//!     }
//!
//!     fn end(read: bool, result: Result<Res, E>, permit: Permit) -> Result<Res, E> {
//!         permit.record(match &result {
//!             _ if !read => Outcome::Ignored,
//!             Ok(_) => Outcome::Success,
//!             Err(_) => Outcome::Failure,
//!         });
//!         result
//!     }
//! }
//! ```

use tower_breaker_core::{Outcome, Permit, TimeoutKind};

#[cfg(feature = "http")]
mod at_end;
#[cfg(feature = "http")]
mod body;
mod but_refusals;
mod closure;
mod errors;
mod errors_but_refusals;
mod errors_of;
#[cfg(feature = "http")]
mod grpc;
#[cfg(feature = "http")]
mod status;
mod timeouts;
mod unjudged;

#[cfg(feature = "http")]
pub use self::{
    at_end::{AtEndOfBody, Head, JudgeResponse},
    body::JudgedBody,
    grpc::GrpcClassifier,
    status::StatusClassifier,
};
pub use self::{
    but_refusals::{ButRefusals, but_refusals},
    closure::from_fn,
    errors::ErrorsAreFailures,
    errors_but_refusals::ErrorsButRefusals,
    errors_of::ErrorsOf,
    timeouts::{WithTimeouts, with_timeouts},
    unjudged::Unjudged,
};
pub use crate::view::{Boxed, ErrorView, Typed};
#[cfg(feature = "http")]
pub use crate::{expire::time_is_over, headers::retry_after};

/// Judges the calls of a service that takes `Req` and answers `Result<Res, E>`.
///
/// [`end`](Self::end) has no `self`: what it needs travels in [`State`](Self::State), so a classifier without data costs
/// a call nothing, and one that needs nothing of the request need not be shared between calls.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot judge calls that take `{Req}` and end in `Result<{Res}, {E}>`",
    label = "not a classifier for these calls",
    note = "a closure must be `Clone` and spell out its argument: `|result: &Result<{Res}, {E}>| Outcome::Success`, or go \
            through `classify::from_fn`",
    note = "`StatusClassifier` and `GrpcClassifier` judge `http::Response<_>` only, `ErrorsOf` and `ErrorsButRefusals` need an \
            error that is `std::error::Error + 'static`, or `BoxError` with `.boxed()`"
)]
pub trait Classify<Req, Res, E> {
    /// What is kept of the request, and of the classifier, until the call ends. It is part of the response future.
    type State;

    /// What the caller gets in place of `Res`: mostly `Res` itself, or one whose body records when it ends.
    type Response;

    /// Looks at a request that was let through, before the service gets it.
    fn start(&self, request: &Req) -> Self::State;

    /// Judges how the call ended: records now, or moves the permit into the response to record later.
    ///
    /// A permit that is dropped here unrecorded counts as a call whose caller went away (`on_cancel`).
    fn end(state: Self::State, result: Result<Res, E>, permit: Permit) -> Result<Self::Response, E>;

    /// Judges a call that ran into a limit of time: of the attempt, in a stack of typed errors (in others it is among the
    /// results that [`end`](Self::end) gets: an error or a response with a [`TimedOut`](crate::TimedOut) in it), or of the
    /// whole call, wherever a timeout further out tells of it ([`Expire`](crate::Expire)).
    ///
    /// A failure, unless said otherwise; [`with_timeouts`] says otherwise for any classifier. A deadline that the caller
    /// brought along ([`TimeoutKind::Caller`]) is not asked about: it follows `on_cancel`.
    fn timed_out(state: Self::State, kind: TimeoutKind, permit: Permit) {
        let _ = (state, kind);
        permit.record(Outcome::Failure);
    }

    /// Judges an error of the inner service's `poll_ready`, which belongs to no request. A failure, unless said otherwise.
    fn ready_error(&self, error: E, permit: Permit) -> E {
        permit.record(Outcome::Failure);
        error
    }
}
