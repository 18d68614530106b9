use tower_breaker_core::Interruption;

use super::Refuse;

/// A closure from the interruption to a result of the service is an answer of your own. It is cloned for every refused call.
#[diagnostic::do_not_recommend]
impl<F, Req, Res, E> Refuse<Req, Res, E> for F
where
    F: Fn(Interruption) -> Result<Res, E> + Clone,
{
    type State = F;
    type Response = Res;
    type Error = E;

    fn start(&self, _: &Req) -> F {
        self.clone()
    }

    fn refuse(answer: F, interruption: Interruption) -> Result<Res, E> {
        answer(interruption)
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: E) -> E {
        error
    }
}
