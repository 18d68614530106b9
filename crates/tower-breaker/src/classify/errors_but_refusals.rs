use std::{error::Error, fmt, marker::PhantomData};

use tower_breaker_core::{Interruption, Outcome, Permit, TimeoutKind};

use super::{Boxed, Classify, ErrorView, Typed};

/// Every error is a failure, except a refusal from further in, which is ignored; `Ok` is a success.
///
/// For a breaker around something that has a breaker of its own: that one's refusals say that it does its work, not that
/// anything new is wrong. They are found by a walk of `source()` ([`Refusal::find`](crate::Refusal::find)). A timeout is a
/// failure, unless the time was the caller's ([`TimeoutKind::Caller`]), which follows `on_cancel`.
pub struct ErrorsButRefusals<V = Typed>(PhantomData<fn() -> V>);

impl ErrorsButRefusals {
    /// For services whose error is a `std::error::Error`.
    #[must_use]
    pub const fn new() -> Self {
        Self(PhantomData)
    }

    /// For services whose error is `Box<dyn Error + Send + Sync>`.
    #[must_use]
    pub const fn boxed(self) -> ErrorsButRefusals<Boxed> {
        ErrorsButRefusals(PhantomData)
    }
}

fn judge(error: &(dyn Error + 'static), permit: Permit) {
    match Interruption::find(error) {
        Some(Interruption::Refused(_)) => permit.record(Outcome::Ignored),
        Some(Interruption::TimedOut(limit)) if limit.kind() == TimeoutKind::Caller => drop(permit),
        _ => permit.record(Outcome::Failure),
    }
}

impl<V, Req, Res, E> Classify<Req, Res, E> for ErrorsButRefusals<V>
where
    V: ErrorView<E>,
{
    type State = ();
    type Response = Res;

    fn start(&self, _: &Req) {}

    fn end((): (), result: Result<Res, E>, permit: Permit) -> Result<Res, E> {
        match &result {
            Ok(_) => permit.record(Outcome::Success),
            Err(error) => judge(V::view(error), permit),
        }
        result
    }

    fn ready_error(&self, error: E, permit: Permit) -> E {
        judge(V::view(&error), permit);
        error
    }
}

// By hand: a derive would ask the same of `V`, which is only a name here.
impl<V> Clone for ErrorsButRefusals<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for ErrorsButRefusals<V> {}

impl Default for ErrorsButRefusals {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> fmt::Debug for ErrorsButRefusals<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErrorsButRefusals")
    }
}
