//! What is found for a request.

use std::sync::Arc;

use tower_breaker_core::Circuit;

use super::{NoExtra, Route};

/// The route a request takes, and its circuit.
#[derive(Debug)]
pub struct Matched<R = NoExtra, P = NoExtra> {
    pub(super) route: Arc<Route<R, P>>,
    pub(super) circuit: Option<Circuit>,
}

impl<R, P> Matched<R, P> {
    /// The route.
    #[must_use]
    pub fn route(&self) -> &Route<R, P> {
        &self.route
    }

    /// The circuit that judges the call. `None`: the policy has no circuit breaker.
    #[must_use]
    pub const fn circuit(&self) -> Option<&Circuit> {
        self.circuit.as_ref()
    }
}

// By hand: what is shared need not be `Clone` itself.
impl<R, P> Clone for Matched<R, P> {
    fn clone(&self) -> Self {
        Self { route: Arc::clone(&self.route), circuit: self.circuit.clone() }
    }
}
