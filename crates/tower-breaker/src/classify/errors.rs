use tower_breaker_core::{Outcome, Permit};

use super::Classify;

/// `Ok` is a success, `Err` a failure. The default.
///
/// It takes any error type and so cannot look into it: a refusal *error* of a breaker further in counts as a failure too.
/// Where breakers are nested, use [`ErrorsButRefusals`](super::ErrorsButRefusals).
#[derive(Debug, Clone, Copy, Default)]
pub struct ErrorsAreFailures;

impl<Req, Res, E> Classify<Req, Res, E> for ErrorsAreFailures {
    type State = ();
    type Response = Res;

    fn start(&self, _: &Req) {}

    #[inline(always)]
    fn end((): (), result: Result<Res, E>, permit: Permit) -> Result<Res, E> {
        permit.record(match &result {
            Ok(_) => Outcome::Success,
            Err(_) => Outcome::Failure,
        });
        result
    }
}
