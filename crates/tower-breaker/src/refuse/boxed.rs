use std::error::Error;

use tower_breaker_core::Refusal;

use super::{Refuse, rejected};

/// The error of many of tower's middlewares.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// A refused call ends in a boxed [`Rejected`](crate::Rejected); the inner service's errors are boxed as they are.
///
/// For stacks that already speak `BoxError` (tower's `timeout`, `buffer`, `balance`), where `Error<BoxError>` would be no
/// `std::error::Error`. Costs one allocation per refusal.
///
/// ```
/// use tower_breaker::{Circuit, CircuitBreakerLayer, refuse::AsBoxError};
///
/// let layer = CircuitBreakerLayer::new(Circuit::new("search", Default::default())).refuse(AsBoxError);
/// # let _ = layer;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct AsBoxError;

impl<Req, Res, E: Into<BoxError>> Refuse<Req, Res, E> for AsBoxError {
    type State = ();
    type Response = Res;
    type Error = BoxError;

    fn start(&self, _: &Req) {}

    fn refuse((): (), refusal: Refusal) -> Result<Res, BoxError> {
        Err(rejected(refusal).into())
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: E) -> BoxError {
        error.into()
    }
}
