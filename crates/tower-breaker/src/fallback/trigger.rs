use tower_breaker_core::Error;
#[cfg(feature = "http")]
use tower_breaker_core::{Exhausted, Interruption, Refusal, TimedOut};

use super::Cause;

/// Says which results a fallback is to replace.
///
/// - [`Interruptions`], the default: refusals and timeouts of a stack, as its [`Error`].
/// - `InterruptedResponses` (feature `http`): refusals, timeouts and given-up retries of a stack that answers in
///   responses.
/// - [`AnyError`]: every error.
/// - A closure over `&Result<Res, E>` that returns a `bool` or an `Option<Cause>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say when to fall back from a `Result<{Res}, {E}>`",
    label = "not a trigger for these results",
    note = "`Interruptions` looks at `Result<_, tower_breaker::Error<_>>`, `InterruptedResponses` at http responses; \
            `AnyError` takes any error, and so does a closure `|result: &Result<{Res}, {E}>| -> bool`"
)]
pub trait Trigger<Res, E> {
    /// Why to fall back from `result`; `None`: it stands.
    fn cause(&self, result: &Result<Res, E>) -> Option<Cause>;
}

/// Falls back from a stack's own errors: [`Error::CircuitOpen`] and its like, [`Error::TimedOut`]. [`Error::Inner`],
/// the failure of the call itself, stands.
#[derive(Debug, Clone, Copy, Default)]
pub struct Interruptions;

impl<Res, E> Trigger<Res, Error<E>> for Interruptions {
    fn cause(&self, result: &Result<Res, Error<E>>) -> Option<Cause> {
        result.as_ref().err().and_then(Cause::of)
    }
}

/// Falls back from responses that carry a [`Refusal`] or a [`TimedOut`] as an extension, which a stage made, wherever
/// it stands, and not the service; and from those with which a retry gave up ([`Exhausted`]).
#[cfg(feature = "http")]
#[derive(Debug, Clone, Copy, Default)]
pub struct InterruptedResponses;

#[cfg(feature = "http")]
impl<B, E> Trigger<http::Response<B>, E> for InterruptedResponses {
    fn cause(&self, result: &Result<http::Response<B>, E>) -> Option<Cause> {
        let extensions = result.as_ref().ok()?.extensions();
        let refused = extensions.get::<Refusal>().map(|refusal| Interruption::Refused(refusal.clone()));
        let interrupted = refused.or_else(|| extensions.get::<TimedOut>().copied().map(Interruption::TimedOut));
        let exhausted = || extensions.get::<Exhausted>().copied().map(Cause::Exhausted);
        interrupted.map(Cause::Interrupted).or_else(exhausted)
    }
}

/// Falls back from every error, also the last one of a retry that gave up. The cause is [`Cause::Failed`]; where
/// refusals are to be told apart, `Interruptions` asked first ([`or_when`](super::FallbackLayer::or_when)) names them.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnyError;

impl<Res, E> Trigger<Res, E> for AnyError {
    fn cause(&self, result: &Result<Res, E>) -> Option<Cause> {
        result.is_err().then_some(Cause::Failed)
    }
}

/// One trigger, and where that finds nothing another; made by
/// [`FallbackLayer::or_when`](super::FallbackLayer::or_when).
#[derive(Debug, Clone, Copy, Default)]
pub struct Either<T, U>(pub(super) T, pub(super) U);

impl<Res, E, T: Trigger<Res, E>, U: Trigger<Res, E>> Trigger<Res, E> for Either<T, U> {
    fn cause(&self, result: &Result<Res, E>) -> Option<Cause> {
        self.0.cause(result).or_else(|| self.1.cause(result))
    }
}

/// What a closure says: `true` is [`Cause::Failed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict(Option<Cause>);

impl From<bool> for Verdict {
    fn from(falls_back: bool) -> Self {
        Self(falls_back.then_some(Cause::Failed))
    }
}

impl From<Option<Cause>> for Verdict {
    fn from(cause: Option<Cause>) -> Self {
        Self(cause)
    }
}

impl<F, V, Res, E> Trigger<Res, E> for F
where
    F: Fn(&Result<Res, E>) -> V,
    V: Into<Verdict>,
{
    fn cause(&self, result: &Result<Res, E>) -> Option<Cause> {
        self(result).into().0
    }
}
