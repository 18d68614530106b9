use tower_breaker_core::Circuit;
use tower_layer::{Identity, Layer};

#[cfg(feature = "fallback")]
use crate::fallback::FallbackLayer;

/// What may stand outermost in a stack: `FallbackLayer` (feature `fallback`), nothing, or [`AnyLayer`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no fallback",
    note = "a layer that is no `FallbackLayer` goes in a `resilience::AnyLayer`"
)]
pub trait Outermost {
    /// Counts its answers in the stack's circuit, unless it has another.
    #[must_use]
    fn counted_in(self, circuit: &Circuit) -> Self;
}

impl Outermost for Identity {
    fn counted_in(self, _: &Circuit) -> Self {
        self
    }
}

#[cfg(feature = "fallback")]
impl<A, T, M, R> Outermost for FallbackLayer<A, T, M, R> {
    fn counted_in(self, circuit: &Circuit) -> Self {
        self.circuit_unless_set(circuit)
    }
}

/// Any layer, outermost in a stack. Its answers are not counted.
#[derive(Debug, Clone, Copy)]
pub struct AnyLayer<L>(pub L);

impl<L> Outermost for AnyLayer<L> {
    fn counted_in(self, _: &Circuit) -> Self {
        self
    }
}

impl<L: Layer<S>, S> Layer<S> for AnyLayer<L> {
    type Service = L::Service;

    fn layer(&self, inner: S) -> L::Service {
        self.0.layer(inner)
    }
}
