//! The routes in force and their circuits, changed while calls go on.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use http::{HeaderMap, Method, Request};
use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits, Snapshot};

use super::{NoExtra, Route, RouteKey, RoutesConfig, request};

/// Stands between the name of a route and a key in the name of a circuit. No path, host or method has it.
const KEY: char = '#';

/// The routes in force and the circuits of their calls. A clone is a handle to the same table.
///
/// A route with `key = "route"` has its circuit from the start, named like the [route](Route::name). With another key
/// there is a circuit for each value that requests bring, `/orders/{id}#tenant-1`, created with the first of them and
/// named by the first [`key::LONGEST`](crate::key::LONGEST) bytes of the value; requests without a value share
/// `/orders/{id}`. Values come from strangers, so these circuits are in a set of their own, which drops the least
/// interesting ones when it is full.
pub struct RouteTable<R = NoExtra, P = NoExtra> {
    shared: Arc<Shared<R, P>>,
}

struct Shared<R, P> {
    current: ArcSwap<InForce<R, P>>,
    circuits: Circuits,
    keyed: Circuits,
    /// One document is applied at a time; no call waits for this.
    applying: Mutex<()>,
}

/// A document, and for each of its routes the circuit it has to itself.
struct InForce<R, P> {
    config: Arc<RoutesConfig<R, P>>,
    circuits: Vec<Option<Circuit>>,
}

impl<R, P> RouteTable<R, P> {
    /// The routes of `config`, with new circuits: sets named `routes` and `keyed`, on the system's clock.
    #[must_use]
    pub fn new(config: RoutesConfig<R, P>) -> Self {
        let circuits = Circuits::builder().name("routes").build();
        Self::with_circuits(config, circuits, Circuits::builder().name("keyed").build())
    }

    /// The routes of `config`, with their circuits in sets of the caller's, which may have a clock, observers or a
    /// capacity of their own: `circuits` for routes with `key = "route"`, `keyed` for all others.
    ///
    /// Both sets belong to the table from now on: a circuit in them that is of no route is removed.
    #[must_use]
    pub fn with_circuits(config: RoutesConfig<R, P>, circuits: Circuits, keyed: Circuits) -> Self {
        let current = ArcSwap::from_pointee(InForce::new(config, &circuits));
        let shared = Shared { current, circuits, keyed, applying: Mutex::new(()) };
        shared.settle();
        Self { shared: Arc::new(shared) }
    }

    /// Puts a changed document in force. Circuits of routes that stay are reconfigured in place and keep their state and
    /// the calls in flight; those of routes that are gone are removed. Calls that have found their route end under it.
    ///
    /// It cannot fail: a document that cannot be used is an error of [`RoutesConfig`], and the old one stays in force.
    pub fn apply(&self, config: RoutesConfig<R, P>) {
        let _one_at_a_time = self.shared.applying.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.current.store(Arc::new(InForce::new(config, &self.shared.circuits)));
        self.shared.settle();
    }

    /// The route of a request and its circuit. The host is that of the target, or else of the `Host` header.
    #[must_use]
    pub fn find<B>(&self, request: &Request<B>) -> Option<Matched<R, P>> {
        self.find_by(request.method(), request::authority(request), request.uri().path(), request.headers())
    }

    /// The route and circuit for a request in parts, as for [`RoutesConfig::find`]; `headers` are those keys are taken
    /// from.
    #[must_use]
    pub fn find_by(
        &self,
        method: &Method,
        host: Option<&str>,
        path: &str,
        headers: &HeaderMap,
    ) -> Option<Matched<R, P>> {
        let current = self.shared.current.load();
        let index = current.config.index(method, host, path)?;
        let route = current.config.route(index);
        let circuit = match (&current.circuits[index], route.policy().circuit_breaker()) {
            (Some(own), _) => Some(own.clone()),
            (None, None) => None,
            (None, Some(breaker)) => Some(self.shared.keyed_circuit(&current, route, breaker, host, headers)),
        };
        Some(Matched { route: Arc::clone(route), circuit })
    }

    /// The document in force.
    #[must_use]
    pub fn config(&self) -> Arc<RoutesConfig<R, P>> {
        Arc::clone(&self.shared.current.load().config)
    }

    /// The circuits of routes with `key = "route"`.
    #[must_use]
    pub fn circuits(&self) -> &Circuits {
        &self.shared.circuits
    }

    /// The circuits of routes with another key.
    #[must_use]
    pub fn keyed_circuits(&self) -> &Circuits {
        &self.shared.keyed
    }

    /// How all circuits are now: those of the routes in the order of the document, then those by key in the order of
    /// their names.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let mut keyed = self.shared.keyed.snapshots();
        keyed.sort_by(|one, other| one.name.cmp(&other.name));
        let current = self.shared.current.load();
        current.circuits.iter().flatten().map(Circuit::snapshot).chain(keyed).collect()
    }
}

impl<R, P> InForce<R, P> {
    fn new(config: RoutesConfig<R, P>, circuits: &Circuits) -> Self {
        let circuits = config.routes().map(|route| {
            let breaker = own_breaker(route)?;
            let circuit = circuits.get_or_create_with(route.name(), breaker.clone());
            update(&circuit, breaker);
            Some(circuit)
        });
        Self { circuits: circuits.collect(), config: Arc::new(config) }
    }
}

impl<R, P> Shared<R, P> {
    /// Brings the circuits by key in line with the document in force, and removes those of no route.
    fn settle(&self) {
        let current = self.current.load();
        let (own, keyed): (Vec<_>, Vec<_>) = current.config.routes().partition(|route| *route.key() == RouteKey::Route);
        let own: HashMap<_, _> =
            own.into_iter().filter_map(|route| Some((route.name(), own_breaker(route)?))).collect();
        for circuit in self.circuits.list() {
            if !own.contains_key(circuit.name()) {
                self.circuits.remove(circuit.name());
            }
        }
        let keyed = keyed.into_iter().filter_map(|route| Some((route.name(), route.policy().circuit_breaker()?)));
        let keyed: HashMap<_, _> = keyed.collect();
        for circuit in self.keyed.list() {
            let route = circuit.name().split_once(KEY).map_or(circuit.name(), |(route, _)| route);
            match keyed.get(route) {
                Some(breaker) => update(&circuit, breaker),
                None => drop(self.keyed.remove(circuit.name())),
            }
        }
    }

    fn keyed_circuit(
        &self,
        seen: &Arc<InForce<R, P>>,
        route: &Route<R, P>,
        breaker: &CircuitBreakerConfig,
        host: Option<&str>,
        headers: &HeaderMap,
    ) -> Circuit {
        let name = match request::key(route.key(), host, headers) {
            Some(key) => &format!("{}{KEY}{key}", route.name()),
            None => route.name(),
        };
        self.keyed.get(name).unwrap_or_else(|| {
            let circuit = self.keyed.get_or_create_with(name, breaker.clone());
            // A document applied between the look at it and here did not see this circuit.
            if !Arc::ptr_eq(seen, &self.current.load()) {
                self.settle();
            }
            circuit
        })
    }
}

/// The breaker of a route whose calls all share one circuit.
fn own_breaker<R, P>(route: &Route<R, P>) -> Option<&CircuitBreakerConfig> {
    route.policy().circuit_breaker().filter(|_| *route.key() == RouteKey::Route)
}

fn update(circuit: &Circuit, breaker: &CircuitBreakerConfig) {
    if *circuit.config() != *breaker {
        circuit.reconfigure(breaker.clone());
    }
}

// By hand: what is shared need not be `Clone` itself.
impl<R, P> Clone for RouteTable<R, P> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<R, P> fmt::Debug for RouteTable<R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.shared.current.load();
        let routes: Vec<&str> = current.config.routes().map(Route::name).collect();
        f.debug_struct("RouteTable").field("routes", &routes).field("keyed", &self.shared.keyed.len()).finish()
    }
}

/// The route a request takes, and its circuit.
#[derive(Debug)]
pub struct Matched<R = NoExtra, P = NoExtra> {
    route: Arc<Route<R, P>>,
    circuit: Option<Circuit>,
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
