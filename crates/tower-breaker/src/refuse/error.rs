use tower_breaker_core::{Error, Interruption, Rejected};

use super::Refuse;

/// A refused call ends in [`Error`]'s variant for it; the inner service's own errors become [`Error::Inner`]. The default.
///
/// Nothing is boxed. The refusal is also found by a walk of `source()`, however far out ([`Refusal::find`](crate::Refusal::find)).
#[derive(Debug, Clone, Copy, Default)]
pub struct AsError;

impl<Req, Res, E> Refuse<Req, Res, E> for AsError {
    type State = ();
    type Response = Res;
    type Error = Error<E>;

    fn start(&self, _: &Req) {}

    fn refuse((): (), interruption: Interruption) -> Result<Res, Error<E>> {
        Err(interruption.into())
    }

    #[inline(always)]
    fn circuit_open((): (), rejected: Rejected) -> Result<Res, Error<E>> {
        Err(Error::CircuitOpen(rejected))
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: E) -> Error<E> {
        Error::Inner(error)
    }
}

/// As [`AsError`], around a service whose error is an [`Error`] already: a stage of a stack adds a variant and not a layer
/// of wrapping.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsSameError;

impl<Req, Res, E> Refuse<Req, Res, Error<E>> for AsSameError {
    type State = ();
    type Response = Res;
    type Error = Error<E>;

    fn start(&self, _: &Req) {}

    fn refuse((): (), interruption: Interruption) -> Result<Res, Error<E>> {
        Err(interruption.into())
    }

    #[inline(always)]
    fn circuit_open((): (), rejected: Rejected) -> Result<Res, Error<E>> {
        Err(Error::CircuitOpen(rejected))
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: Error<E>) -> Error<E> {
        error
    }
}
