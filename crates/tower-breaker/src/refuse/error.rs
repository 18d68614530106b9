use tower_breaker_core::{Error, Refusal};

use super::{Refuse, rejected};

/// A refused call ends in [`Error::Rejected`]; the inner service's own errors become [`Error::Inner`]. The default.
///
/// Nothing is boxed. The refusal is also found by a walk of `source()`, however far out ([`Refusal::find`]).
#[derive(Debug, Clone, Copy, Default)]
pub struct AsError;

impl<Req, Res, E> Refuse<Req, Res, E> for AsError {
    type State = ();
    type Response = Res;
    type Error = Error<E>;

    fn start(&self, _: &Req) {}

    fn refuse((): (), refusal: Refusal) -> Result<Res, Error<E>> {
        Err(Error::Rejected(rejected(refusal)))
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: E) -> Error<E> {
        Error::Inner(error)
    }
}
