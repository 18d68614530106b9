use std::{fmt, sync::Arc, time::Duration};

use super::{Circuits, ConfigFor, GroupFor, Set, map::Map};
use crate::{
    CircuitBreakerConfig, Clock, EjectionGroup, Observe,
    circuit::Environment,
    clock::{Source, nanos},
    sync::{AtomicU64, Mutex},
};

/// Builds [`Circuits`]: every part has a default.
#[must_use = "a builder does nothing until it is built"]
pub struct CircuitsBuilder {
    name: Arc<str>,
    config: Arc<CircuitBreakerConfig>,
    config_for: Arc<ConfigFor>,
    capacity: usize,
    idle: Option<Duration>,
    clock: Source,
    seed: Option<u64>,
    group: Option<EjectionGroup>,
    group_for: Option<Box<GroupFor>>,
    observers: Vec<Arc<dyn Observe>>,
}

impl CircuitsBuilder {
    pub(super) fn new() -> Self {
        Self {
            name: Arc::from("default"),
            config: Arc::default(),
            config_for: Arc::new(|_| None),
            capacity: Circuits::DEFAULT_CAPACITY,
            idle: None,
            clock: Source::System,
            seed: None,
            group: None,
            group_for: None,
            observers: Vec::new(),
        }
    }

    /// The set's own name, the label `set` of its metrics. Default: `default`.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// How its circuits decide. Default: [`CircuitBreakerConfig::default`].
    pub fn config(mut self, config: CircuitBreakerConfig) -> Self {
        self.config = Arc::new(config);
        self
    }

    /// How a circuit of that name decides; `None`: like the others. Asked when a circuit is created; of two threads
    /// that create one name both may ask.
    pub fn config_for(
        mut self,
        config_for: impl Fn(&str) -> Option<CircuitBreakerConfig> + Send + Sync + 'static,
    ) -> Self {
        self.config_for = Arc::new(config_for);
        self
    }

    /// At most so many circuits, at least 1. Default: 10,000.
    ///
    /// Making room costs little while closed circuits can go. In a full set of nothing but open ones each new name looks
    /// through a share of them, tens of microseconds in 10,000: take a capacity no larger than you need where names come
    /// from strangers.
    pub fn capacity(mut self, capacity: usize) -> Self {
        self.capacity = capacity.max(1);
        self
    }

    /// Lets go of closed circuits that were not called for this long, at the latest after twice as long, when another one
    /// is created. Default: off.
    pub fn idle(mut self, idle: Duration) -> Self {
        self.idle = Some(idle);
        self
    }

    /// What time it is. Default: the system's monotonic clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Source::Custom(Arc::new(clock));
        self
    }

    /// Seeds jitter and shares of every circuit. Default: random seeds.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Tells `observer` of every circuit; may be given more than once.
    pub fn observe(mut self, observer: impl Observe) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Makes every circuit of the set a member of a group of which only a share may be out at once.
    pub fn ejection_group(mut self, group: &EjectionGroup) -> Self {
        self.group = Some(group.clone());
        self
    }

    /// The group of the circuit of that name; `None`: that of the others, if they have one. For a set with the endpoints of
    /// several services. Asked when a circuit is created, also by a restore; of two threads that create one name both may ask.
    pub fn ejection_group_for(
        mut self,
        group_for: impl Fn(&str) -> Option<EjectionGroup> + Send + Sync + 'static,
    ) -> Self {
        self.group_for = Some(Box::new(group_for));
        self
    }

    /// The set, empty.
    #[must_use]
    pub fn build(self) -> Circuits {
        let wants_refusals = self.observers.iter().any(|observer| observer.wants_refusals());
        let observers = (!self.observers.is_empty()).then(|| (self.observers.into(), wants_refusals));
        let swept = self.clock.now();
        let set = Set {
            name: self.name,
            config: self.config,
            config_for: Mutex::new(self.config_for),
            group_for: self.group_for,
            idle: self.idle.map(nanos),
            swept: AtomicU64::new(swept),
            seed: self.seed,
            environment: Arc::new(Environment {
                clock: self.clock,
                group: self.group,
                departed: Some(Arc::new(Mutex::new(crate::Counters::default()))),
            }),
            observers: Mutex::new(observers),
            map: Map::new(self.capacity),
        };
        Circuits { set: Arc::new(set) }
    }
}

impl fmt::Debug for CircuitsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitsBuilder")
            .field("name", &self.name)
            .field("config", &self.config)
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
