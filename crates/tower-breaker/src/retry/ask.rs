use tower_breaker_core::Circuit;

/// Knows whether an attempt would be refused, before anything is spent on it.
///
/// A retry that stands around a circuit breaker asks it when an attempt has failed: the failure may be the one that opened
/// the circuit. Then the wait and the budget are saved, and the caller has the failure itself instead of a refusal.
///
/// Asked: a [`Circuit`], an `Option` of whatever may be asked, a closure `|| -> bool`, [`Nobody`]. A type of your own is for
/// circuits that the request chooses.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say whether a request of type `{Req}` would be refused",
    note = "a closure must be `Clone`: `move || circuit.would_refuse()`"
)]
pub trait Ask<Req> {
    /// What is kept of the request to know whom to ask about this call. It is part of the response future.
    type State;

    /// Notes that.
    fn start(&self, request: &Req) -> Self::State;

    /// Whether an attempt made now would be refused for certain.
    fn would_refuse(&self, state: &Self::State) -> bool;
}

/// Nobody is asked: no breaker is known further in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl<Req> Ask<Req> for Nobody {
    type State = ();

    fn start(&self, _: &Req) {}

    fn would_refuse(&self, (): &()) -> bool {
        false
    }
}

impl<Req> Ask<Req> for Circuit {
    type State = ();

    fn start(&self, _: &Req) {}

    fn would_refuse(&self, (): &()) -> bool {
        // Not `check`: no call is refused here, so none is counted. By the type's name, or this would ask itself.
        Self::would_refuse(self)
    }
}

impl<A: Ask<Req>, Req> Ask<Req> for Option<A> {
    type State = Option<A::State>;

    fn start(&self, request: &Req) -> Self::State {
        self.as_ref().map(|ask| ask.start(request))
    }

    fn would_refuse(&self, state: &Self::State) -> bool {
        self.as_ref().zip(state.as_ref()).is_some_and(|(ask, state)| ask.would_refuse(state))
    }
}

impl<F: Fn() -> bool + Clone, Req> Ask<Req> for F {
    type State = ();

    fn start(&self, _: &Req) {}

    fn would_refuse(&self, (): &()) -> bool {
        self()
    }
}
