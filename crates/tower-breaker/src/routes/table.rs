//! The routes in force and their circuits, changed while calls go on.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;
use http::{HeaderMap, Method, Request};
use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits, Snapshot};

use super::{
    Matched, NoExtra, Route, RoutesConfig,
    breakers::{KEY, KeyedBreakers, own_breaker},
    request,
};

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
    keyed: Arc<KeyedBreakers>,
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
    /// Both sets belong to the table from now on. A circuit in them that is of no route is removed. The others have the
    /// configuration of their routes, whoever creates them: a [function](Circuits::set_config_for) of the table's takes the
    /// place of what `keyed` was built with. [Restore](Self::keyed_circuits) into them when the table has them.
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

    /// Removes the circuits that are of no route, as each new document does: a restore may have brought some.
    pub fn prune(&self) {
        let _one_at_a_time = self.shared.applying.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.prune();
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
    ///
    /// What an earlier process knew is restored into this set and [`circuits`](Self::circuits): each circuit has the
    /// configuration of its route, and waits no longer than that allows. Before the table has it, a set knows nothing of
    /// routes: a wait would be cut to the cap of the set's own configuration, which is 60 s unless set.
    ///
    /// ```
    /// use tower_breaker::{
    ///     Export, InvalidExport,
    ///     routes::{RouteTable, RoutesConfig},
    /// };
    ///
    /// fn start(config: RoutesConfig, circuits: &Export, keyed: &Export) -> Result<RouteTable, InvalidExport> {
    ///     let table = RouteTable::new(config);
    ///     table.circuits().restore(circuits)?;
    ///     table.keyed_circuits().restore(keyed)?;
    ///     table.prune();
    ///     Ok(table)
    /// }
    /// ```
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
        let own = config.routes().map(|route| {
            let breaker = own_breaker(route)?;
            let circuit = circuits.get_or_create_with(route.name(), breaker.clone());
            update(&circuit, breaker);
            Some(circuit)
        });
        Self { circuits: own.collect(), keyed: Arc::new(KeyedBreakers::of(&config)), config: Arc::new(config) }
    }
}

impl<R, P> Shared<R, P> {
    /// Brings the circuits by key in line with the document in force, also those that somebody else creates, and removes
    /// circuits of no route.
    fn settle(&self) {
        let keyed = Arc::clone(&self.current.load().keyed);
        self.keyed.set_config_for(move |name| keyed.get(name).cloned());
        self.prune();
    }

    fn prune(&self) {
        let current = self.current.load();
        let own: HashSet<&str> = current.circuits.iter().flatten().map(Circuit::name).collect();
        for circuit in self.circuits.list().iter().filter(|circuit| !own.contains(circuit.name())) {
            self.circuits.remove(circuit.name());
        }
        for circuit in self.keyed.list().iter().filter(|circuit| current.keyed.get(circuit.name()).is_none()) {
            self.keyed.remove(circuit.name());
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
            let mut seen = Arc::clone(seen);
            loop {
                let now = self.current.load_full();
                if Arc::ptr_eq(&seen, &now) {
                    return circuit;
                }
                match now.keyed.get(name) {
                    Some(breaker) => update(&circuit, breaker),
                    None => drop(self.keyed.remove(name)),
                }
                seen = now;
            }
        })
    }
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
