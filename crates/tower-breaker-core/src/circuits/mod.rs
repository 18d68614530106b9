//! Many circuits by name, in bounded memory.
//!
//! Names may come from strangers (a `Host` header): a set holds at most `capacity` circuits and lets go of the least
//! recently used ones first. A circuit that is not closed, or is forced, goes last: only where there is nothing else to
//! let go of. What a circuit has counted is added to [`Circuits::departed`] when it goes.

mod builder;
mod create;
mod map;

use std::{
    fmt,
    panic::{RefUnwindSafe, UnwindSafe},
    sync::{Arc, OnceLock},
};

pub use self::builder::CircuitsBuilder;
use self::map::Map;
use crate::{
    Circuit, CircuitBreakerConfig, Counters, EjectionGroup, Observe, Snapshot, State,
    circuit::Environment,
    observe::Observers,
    sync::{AtomicU64, Mutex, Ordering},
};

type ConfigFor = dyn Fn(&str) -> Option<CircuitBreakerConfig> + Send + Sync;
type GroupFor = dyn Fn(&str) -> Option<EjectionGroup> + Send + Sync;

/// A bounded set of circuits by name. Clones are the same set.
///
/// ```
/// use tower_breaker_core::{CircuitBreakerConfig, Circuits};
///
/// let circuits = Circuits::builder().name("upstreams").config(CircuitBreakerConfig::default()).capacity(1_000).build();
/// let circuit = circuits.get_or_create("api.example.com");
/// assert_eq!(circuits.get("api.example.com").map(|it| it.name().to_owned()).as_deref(), Some("api.example.com"));
/// assert!(circuits.get("never seen").is_none());
/// # drop(circuit);
/// ```
#[doc(alias("CircuitBreakerRegistry", "registry"))]
#[derive(Clone)]
pub struct Circuits {
    set: Arc<Set>,
}

struct Set {
    name: Arc<str>,
    config: Arc<CircuitBreakerConfig>,
    config_for: Mutex<Arc<ConfigFor>>,
    group_for: Option<Box<GroupFor>>,
    /// Nanoseconds a circuit may be idle.
    idle: Option<u64>,
    swept: AtomicU64,
    seed: Option<u64>,
    environment: Arc<Environment>,
    observers: Mutex<Option<(Observers, bool)>>,
    map: Map,
}

impl Circuits {
    /// How many circuits a set holds unless said otherwise.
    pub const DEFAULT_CAPACITY: usize = 10_000;

    /// A set named `default`, on the system's clock, whose circuits have this configuration.
    #[must_use]
    pub fn new(config: CircuitBreakerConfig) -> Self {
        Self::builder().config(config).build()
    }

    /// Sets name, capacity, clock and the like before building.
    pub fn builder() -> CircuitsBuilder {
        CircuitsBuilder::new()
    }

    /// The one set of this process that everybody can reach: named `global`, with the default configuration.
    #[must_use]
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<Circuits> = OnceLock::new();
        GLOBAL.get_or_init(|| Self::builder().name("global").build())
    }

    /// The set's own name: the label `set` of its metrics.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.set.name
    }

    /// Whether these are one set: clones are, and two that share no more than their name are not.
    #[must_use]
    pub fn same_set(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.set, &other.set)
    }

    /// The circuit of this name, if there is one. Never creates.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Circuit> {
        self.set.map.get(name)
    }

    /// The circuit of this name, created if need be. A known name allocates nothing.
    #[must_use]
    pub fn get_or_create(&self, name: &str) -> Circuit {
        self.get(name).unwrap_or_else(|| self.create_configured(name))
    }

    /// The circuit of this name, created with `config` if need be; an existing one keeps its own.
    #[must_use]
    pub fn get_or_create_with(&self, name: &str, config: CircuitBreakerConfig) -> Circuit {
        self.get(name).unwrap_or_else(|| self.create(name, Arc::new(config)))
    }

    /// All circuits, in no order.
    #[must_use]
    pub fn list(&self) -> Vec<Circuit> {
        self.set.map.list()
    }

    /// The circuits that are open.
    #[must_use]
    pub fn list_open(&self) -> Vec<Circuit> {
        let mut circuits = self.list();
        circuits.retain(|circuit| circuit.state() == State::Open);
        circuits
    }

    /// Takes a circuit out of the set. Whoever holds it keeps it; the name is free.
    #[expect(clippy::must_use_candidate, reason = "mostly called for what it does")]
    pub fn remove(&self, name: &str) -> Option<Circuit> {
        self.set.map.remove(name)
    }

    /// Resets the circuit of this name; `false` if there is none.
    pub fn reset(&self, name: &str) -> bool {
        let circuit = self.get(name);
        circuit.iter().for_each(Circuit::reset);
        circuit.is_some()
    }

    /// Resets every circuit.
    pub fn reset_all(&self) {
        self.list().iter().for_each(Circuit::reset);
    }

    /// What the circuit of this name looks like now.
    #[must_use]
    pub fn snapshot(&self, name: &str) -> Option<Snapshot> {
        self.get(name).as_ref().map(Circuit::snapshot)
    }

    /// What every circuit looks like now, in no order.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.list().iter().map(Circuit::snapshot).collect()
    }

    /// How many circuits there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.map.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the circuits had counted that are gone. A circuit is gone, and found here, once nobody holds it any more.
    #[must_use]
    pub fn departed(&self) -> Counters {
        self.set.environment.departed.as_ref().map(|departed| *departed.lock()).unwrap_or_default()
    }

    /// Tells `observer` of every circuit, those to come included.
    pub fn observe(&self, observer: impl Observe) {
        let observer: Arc<dyn Observe> = Arc::new(observer);
        let wants_refusals = observer.wants_refusals();
        let mut observers = self.set.observers.lock();
        let (others, any_wants_refusals) = observers.take().unwrap_or_default();
        let all = others.iter().cloned().chain([Arc::clone(&observer)]).collect();
        *observers = Some((all, any_wants_refusals || wants_refusals));
        drop(observers);
        // One created meanwhile has it already, and is not told twice.
        for circuit in self.list() {
            circuit.add_observer(Arc::clone(&observer), wants_refusals);
        }
    }

    /// Once in each idle time, lets go of the circuits that were not called since the last time.
    fn sweep(&self) {
        let Some(idle) = self.set.idle else { return };
        let now = self.set.environment.clock.now();
        let last = self.set.swept.load(Ordering::Relaxed);
        // Relaxed: whoever wins the exchange sweeps; nothing else depends on it.
        if now.saturating_sub(last) < idle
            || self.set.swept.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        for circuit in self.list().into_iter().filter(Circuit::was_idle) {
            self.set.map.remove_this(&circuit);
        }
    }
}

// A panic leaves a set whole: no user code runs under its locks.
impl UnwindSafe for Circuits {}
impl RefUnwindSafe for Circuits {}

impl fmt::Debug for Circuits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Circuits").field("name", &self.set.name).field("len", &self.len()).finish_non_exhaustive()
    }
}
