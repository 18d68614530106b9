//! The bounded map: `quick_cache`, told which circuits go last.

use std::{cell::Cell, sync::Arc};

use quick_cache::{
    Lifecycle, OptionsBuilder, UnitWeighter,
    sync::{Cache, GuardResult},
};

use crate::Circuit;

type Hasher = std::hash::RandomState;

pub(super) struct Map {
    cache: Cache<Arc<str>, Circuit, UnitWeighter, Hasher, LastToGo>,
    capacity: u64,
}

impl Map {
    pub(super) fn new(capacity: usize) -> Self {
        let options = OptionsBuilder::new()
            .estimated_items_capacity(capacity)
            .weight_capacity(capacity as u64)
            .build()
            .expect("both capacities are given");
        let cache = Cache::with_options(options, UnitWeighter, Hasher::new(), LastToGo);
        Self { cache, capacity: capacity as u64 }
    }

    #[inline]
    pub(super) fn get(&self, name: &str) -> Option<Circuit> {
        self.cache.get(name)
    }

    /// Of two threads that create one name, one does, and both get its circuit.
    pub(super) fn get_or_insert(&self, name: &Arc<str>, create: impl FnOnce() -> Circuit) -> Circuit {
        let guard = match self.cache.get_value_or_guard(name, None) {
            GuardResult::Value(circuit) => return circuit,
            GuardResult::Guard(guard) => guard,
            // There is no time limit.
            GuardResult::Timeout => return create(),
        };
        let circuit = create();
        // A newcomer is pinned, so that closed circuits go before it and it does not go at once itself. `Err`: somebody
        // removed the name meanwhile; the circuit is good all the same.
        let _ = guard.insert(circuit.clone());
        if self.cache.weight() > self.capacity {
            // Everything beside it is worth keeping: one of those has to go after all.
            let _crowded = Crowded::begin();
            let _ = self.cache.replace(Arc::clone(name), circuit.clone(), false);
        }
        circuit.no_longer_new();
        circuit
    }

    pub(super) fn remove(&self, name: &str) -> Option<Circuit> {
        self.cache.remove(name).map(|(_, circuit)| circuit)
    }

    /// Removes `circuit`, and not another one that has its name by now.
    pub(super) fn remove_this(&self, circuit: &Circuit) {
        self.cache.remove_if(circuit.name(), |found| found.is_same(circuit));
    }

    pub(super) fn list(&self) -> Vec<Circuit> {
        self.cache.iter().map(|(_, circuit)| circuit).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.cache.len()
    }
}

thread_local! {
    /// This thread makes room among circuits that are worth keeping.
    static CROWDED: Cell<bool> = const { Cell::new(false) };
}

/// Crowded as long as it lives, also if a circuit that goes panics in its observers.
struct Crowded;

impl Crowded {
    fn begin() -> Self {
        CROWDED.set(true);
        Self
    }
}

impl Drop for Crowded {
    fn drop(&mut self) {
        CROWDED.set(false);
    }
}

#[derive(Debug, Clone, Copy)]
struct LastToGo;

impl Lifecycle<Arc<str>, Circuit> for LastToGo {
    /// Circuits that went, dropped when the map's lock is let go.
    type RequestState = Vec<Circuit>;

    fn is_pinned(&self, _: &Arc<str>, circuit: &Circuit) -> bool {
        circuit.is_new() || (circuit.is_worth_keeping() && !CROWDED.get())
    }

    fn on_evict(&self, gone: &mut Vec<Circuit>, _: Arc<str>, circuit: Circuit) {
        gone.push(circuit);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::CircuitBreakerConfig;

    #[test]
    fn a_circuit_that_has_gone_takes_no_successor_of_its_name_along() {
        let map = Map::new(4);
        let name: Arc<str> = Arc::from("a");
        let create = || map.get_or_insert(&name, || Circuit::new("a", CircuitBreakerConfig::default()));
        let gone = create();
        map.remove("a");
        let successor = create();
        map.remove_this(&gone);
        assert!(map.get("a").is_some_and(|found| found.is_same(&successor)));
        map.remove_this(&successor);
        assert!(map.get("a").is_none());
    }
}
