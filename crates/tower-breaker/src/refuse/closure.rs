use tower_breaker_core::Refusal;

use super::Refuse;

/// A closure from the refusal to a result of the service is an answer of your own. It is cloned for every refused call.
impl<F, Req, Res, E> Refuse<Req, Res, E> for F
where
    F: Fn(Refusal) -> Result<Res, E> + Clone,
{
    type State = F;
    type Response = Res;
    type Error = E;

    fn start(&self, _: &Req) -> F {
        self.clone()
    }

    fn refuse(answer: F, refusal: Refusal) -> Result<Res, E> {
        answer(refusal)
    }

    fn response(response: Res) -> Res {
        response
    }

    fn error(error: E) -> E {
        error
    }
}
