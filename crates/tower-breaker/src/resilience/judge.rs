use tower_breaker_core::{Error, Outcome, Permit, TimeoutKind};

use crate::classify::Classify;

/// Judges a service behind a stage that wraps its errors: the service's own answers by a classifier of theirs, which is asked
/// about a timeout as such ([`Classify::timed_out`]), a refusal from further in not at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct JudgeInner<C>(pub(super) C);

impl<C, Req, Res, E> Classify<Req, Res, Error<E>> for JudgeInner<C>
where
    C: Classify<Req, Res, E>,
{
    type State = C::State;
    type Response = C::Response;

    fn start(&self, request: &Req) -> C::State {
        self.0.start(request)
    }

    fn end(state: C::State, result: Result<Res, Error<E>>, permit: Permit) -> Result<C::Response, Error<E>> {
        match result {
            Ok(response) => C::end(state, Ok(response), permit).map_err(Error::Inner),
            Err(Error::Inner(error)) => C::end(state, Err(error), permit).map_err(Error::Inner),
            Err(Error::TimedOut(limit)) => {
                C::timed_out(state, limit.kind(), permit);
                Err(Error::TimedOut(limit))
            }
            Err(error) => {
                permit.record(outcome(&error));
                Err(error)
            }
        }
    }

    fn timed_out(state: C::State, kind: TimeoutKind, permit: Permit) {
        C::timed_out(state, kind, permit);
    }

    fn ready_error(&self, error: Error<E>, permit: Permit) -> Error<E> {
        match error {
            Error::Inner(error) => Error::Inner(self.0.ready_error(error, permit)),
            error => {
                permit.record(outcome(&error));
                error
            }
        }
    }
}

fn outcome<E>(error: &Error<E>) -> Outcome {
    if error.refusal().is_some() { Outcome::Ignored } else { Outcome::Failure }
}
