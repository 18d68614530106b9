//! What the circuits of a document's routes are configured by.

use std::collections::HashMap;

use tower_breaker_core::CircuitBreakerConfig;

use super::{Route, RouteKey, RoutesConfig};

/// Stands between the name of a route and a key in the name of a circuit. No path, host or method has it.
pub(super) const KEY: char = '#';

/// The breakers of routes that have a circuit for each key, under the names of the routes.
pub(super) struct KeyedBreakers {
    by_route: HashMap<String, CircuitBreakerConfig>,
}

impl KeyedBreakers {
    pub(super) fn of<R, P>(config: &RoutesConfig<R, P>) -> Self {
        let keyed = config.routes().filter(|route| *route.key() != RouteKey::Route);
        let breakers =
            keyed.filter_map(|route| Some((route.name().to_owned(), route.policy().circuit_breaker()?.clone())));
        Self { by_route: breakers.collect() }
    }

    /// Of the circuit of this name: of a route and a key, or of a route and no key.
    pub(super) fn get(&self, circuit: &str) -> Option<&CircuitBreakerConfig> {
        self.by_route.get(circuit.split_once(KEY).map_or(circuit, |(route, _)| route))
    }
}

/// The breaker of a route whose calls all share one circuit.
pub(super) fn own_breaker<R, P>(route: &Route<R, P>) -> Option<&CircuitBreakerConfig> {
    route.policy().circuit_breaker().filter(|_| *route.key() == RouteKey::Route)
}
