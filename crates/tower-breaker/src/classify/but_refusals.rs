use std::{fmt, marker::PhantomData};

use tower_breaker_core::{Outcome, Permit, Refusal, TimeoutKind};

use super::{Boxed, Classify, ErrorView, Typed};

/// A classifier that is not asked about refusals from further in; made by [`but_refusals`].
pub struct ButRefusals<C, V = Typed> {
    classify: C,
    view: PhantomData<fn() -> V>,
}

/// Judges by `classify`, except that an error which is a refusal from further in, or has one behind it
/// ([`Refusal::find`]), is ignored: for classifiers of responses around a service that has a breaker of its own.
///
/// The service's error must be a `std::error::Error + 'static`; [`boxed`](ButRefusals::boxed) takes `BoxError`. Refusals in
/// response form are known without this.
///
/// ```
/// use tower_breaker::{
///     Circuit, CircuitBreakerLayer,
///     classify::{self, StatusClassifier},
/// };
///
/// let judge = classify::but_refusals(StatusClassifier::client());
/// let layer = CircuitBreakerLayer::http(Circuit::new("all-upstreams", Default::default())).classify(judge);
/// # let _ = layer;
/// ```
pub const fn but_refusals<C>(classify: C) -> ButRefusals<C> {
    ButRefusals { classify, view: PhantomData }
}

impl<C> ButRefusals<C> {
    /// For services whose error is `Box<dyn Error + Send + Sync>`.
    #[must_use]
    pub fn boxed(self) -> ButRefusals<C, Boxed> {
        ButRefusals { classify: self.classify, view: PhantomData }
    }
}

impl<C, V, Req, Res, E> Classify<Req, Res, E> for ButRefusals<C, V>
where
    C: Classify<Req, Res, E>,
    V: ErrorView<E>,
{
    type State = C::State;
    type Response = C::Response;

    fn start(&self, request: &Req) -> C::State {
        self.classify.start(request)
    }

    fn end(state: C::State, result: Result<Res, E>, permit: Permit) -> Result<C::Response, E> {
        match result {
            Err(error) if Refusal::find(V::view(&error)).is_some() => {
                permit.record(Outcome::Ignored);
                Err(error)
            }
            result => C::end(state, result, permit),
        }
    }

    fn timed_out(state: C::State, kind: TimeoutKind, permit: Permit) {
        C::timed_out(state, kind, permit);
    }

    fn ready_error(&self, error: E, permit: Permit) -> E {
        if Refusal::find(V::view(&error)).is_none() {
            return self.classify.ready_error(error, permit);
        }
        permit.record(Outcome::Ignored);
        error
    }
}

// By hand: derives would ask the same of `V`, which is only a name here.
impl<C: Clone, V> Clone for ButRefusals<C, V> {
    fn clone(&self) -> Self {
        Self { classify: self.classify.clone(), view: PhantomData }
    }
}

impl<C: Copy, V> Copy for ButRefusals<C, V> {}

impl<C: fmt::Debug, V> fmt::Debug for ButRefusals<C, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ButRefusals").field("classify", &self.classify).finish()
    }
}
