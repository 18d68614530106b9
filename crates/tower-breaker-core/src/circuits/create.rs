//! How a circuit of a set comes to be, and what it is configured by.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::{Circuits, ConfigFor};
use crate::{Circuit, CircuitBreakerConfig, circuit::Environment, observe::News};

impl Circuits {
    /// Asks `config_for` from now on about every circuit, in place of what the set was [built
    /// with](super::CircuitsBuilder::config_for): those to come, a restore's included, are created with what it says, and
    /// those that are there are [reconfigured](Circuit::reconfigure) where that is another configuration than theirs. For
    /// `None` the former are configured like the others, and the latter stay as they are.
    ///
    /// For whoever takes circuits' configurations from a document that changes. Of two that set at once either may have its
    /// say about a circuit.
    pub fn set_config_for(&self, config_for: impl Fn(&str) -> Option<CircuitBreakerConfig> + Send + Sync + 'static) {
        let config_for: Arc<ConfigFor> = Arc::new(config_for);
        let _old = std::mem::replace(&mut *self.set.config_for.lock(), Arc::clone(&config_for));
        for circuit in self.list() {
            circuit.follow(&*config_for);
        }
    }

    #[cold]
    pub(super) fn create_configured(&self, name: &str) -> Circuit {
        let mut asked = self.config_for();
        let config = asked(name).map_or_else(|| Arc::clone(&self.set.config), Arc::new);
        let circuit = self.create(name, config);
        // Whoever has set another function meanwhile may not have found the circuit in the map.
        loop {
            let now = self.config_for();
            if Arc::ptr_eq(&asked, &now) {
                return circuit;
            }
            circuit.follow(&*now);
            asked = now;
        }
    }

    fn config_for(&self) -> Arc<ConfigFor> {
        self.set.config_for.lock().clone()
    }

    #[cold]
    pub(super) fn create(&self, name: &str, config: Arc<CircuitBreakerConfig>) -> Circuit {
        self.sweep();
        let name: Arc<str> = Arc::from(name);
        let environment = self.environment(&name);
        let mut made = false;
        let circuit = self.set.map.get_or_insert(&name, || {
            made = true;
            let news = self.set.observers.lock().clone().map(|(observers, wants)| News::new(observers, wants));
            Circuit::from_parts(Arc::clone(&name), config, environment, self.chance(&name), news)
        });
        if made {
            // Whoever began to observe meanwhile did not find it in the map. Those it has are not added twice.
            let observers = self.set.observers.lock().clone();
            if let Some((observers, wants)) = observers {
                observers.iter().for_each(|observer| circuit.add_observer(Arc::clone(observer), wants));
            }
        }
        circuit
    }

    /// What the circuit of this name shares with the others: all of it, or all but the group.
    fn environment(&self, name: &str) -> Arc<Environment> {
        let shared = &self.set.environment;
        match self.set.group_for.as_deref().and_then(|group_for| group_for(name)) {
            None => Arc::clone(shared),
            own => Arc::new(Environment { clock: shared.clock.clone(), group: own, departed: shared.departed.clone() }),
        }
    }

    /// A seeded set gives each name its own chance, whatever the order of creation.
    fn chance(&self, name: &str) -> fastrand::Rng {
        self.set.seed.map_or_else(fastrand::Rng::new, |seed| {
            let mut hasher = DefaultHasher::new();
            name.hash(&mut hasher);
            fastrand::Rng::with_seed(seed.wrapping_add(hasher.finish()))
        })
    }
}

impl Circuit {
    fn follow(&self, config_for: &ConfigFor) {
        if let Some(config) = config_for(self.name())
            && config != *self.config()
        {
            self.reconfigure(config);
        }
    }
}
