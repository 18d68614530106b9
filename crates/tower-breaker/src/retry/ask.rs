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
    /// Who is asked about this call. It is part of the response future.
    type State;

    /// Chooses whom to ask.
    fn start(&self, request: &Req) -> Self::State;

    /// Whether an attempt made now would be refused for certain.
    fn would_refuse(state: &Self::State) -> bool;
}

/// Nobody is asked: no breaker is known further in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl<Req> Ask<Req> for Nobody {
    type State = ();

    fn start(&self, _: &Req) {}

    fn would_refuse((): &()) -> bool {
        false
    }
}

impl<Req> Ask<Req> for Circuit {
    type State = Self;

    fn start(&self, _: &Req) -> Self {
        self.clone()
    }

    fn would_refuse(circuit: &Self) -> bool {
        // Not `check`: no call is refused here, so none is counted.
        circuit.would_refuse()
    }
}

impl<A: Ask<Req>, Req> Ask<Req> for Option<A> {
    type State = Option<A::State>;

    fn start(&self, request: &Req) -> Self::State {
        self.as_ref().map(|ask| ask.start(request))
    }

    fn would_refuse(state: &Self::State) -> bool {
        state.as_ref().is_some_and(A::would_refuse)
    }
}

impl<F: Fn() -> bool + Clone, Req> Ask<Req> for F {
    type State = F;

    fn start(&self, _: &Req) -> F {
        self.clone()
    }

    fn would_refuse(ask: &F) -> bool {
        ask()
    }
}
