//! Which circuits of a set have series of their own, and what all others come to.

use std::{
    cmp::Reverse,
    collections::HashSet,
    iter::zip,
    sync::{Arc, Mutex, PoisonError},
};

use tower_breaker_core::{Circuits, Counters, Snapshot, State};

use crate::{
    circuits::{Families, counts},
    family::Owner,
};

/// The name under which all others are added up.
pub(crate) const OTHER: &str = "other";

/// A set and what earlier scrapes found in it.
#[derive(Debug)]
pub(crate) struct Shown {
    set: Circuits,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// Who has series. Nobody comes in or goes while it lives, so that no call moves from one series to another.
    shown: HashSet<Arc<str>>,
    others: HashSet<Arc<str>>,
    /// What was last said of the others. Between leaving the set and being given up by its last holder a circuit is counted
    /// nowhere; a counter waits for it and never goes down.
    said: Vec<u64>,
}

impl Shown {
    pub(crate) fn new(set: &Circuits) -> Self {
        Self { set: set.clone(), memory: Mutex::default() }
    }

    pub(crate) fn set(&self) -> &Circuits {
        &self.set
    }

    /// How many circuits are in each state, in the order of `STATES`.
    pub(crate) fn add_to(&self, families: &mut Families, max_circuits: usize) -> [u64; 3] {
        // One scrape after the other. Before the circuits: one that leaves in between is missing once, and not counted twice.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others = self.set.departed();
        let mut in_state = [0; 3];
        let mut snapshots = self.set.snapshots();
        memory.meet(&mut snapshots, max_circuits);
        for snapshot in &snapshots {
            in_state[snapshot.state as usize] += 1;
            if memory.shown.contains(&snapshot.name) {
                families.add(self.set.name(), snapshot);
            } else {
                others += snapshot.counters();
            }
        }
        families.add_counts(Owner { name: OTHER, set: self.set.name() }, memory.say(&others));
        in_state
    }
}

impl Memory {
    /// Forgets who is gone, and lets newcomers in while there is room.
    fn meet(&mut self, snapshots: &mut [Snapshot], max_circuits: usize) {
        let here: HashSet<&Arc<str>> = snapshots.iter().map(|it| &it.name).collect();
        self.shown.retain(|name| here.contains(name));
        self.others.retain(|name| here.contains(name));
        snapshots
            .sort_by_cached_key(|it| (it.state == State::Closed, Reverse(it.totals.calls()), Arc::clone(&it.name)));
        for snapshot in &*snapshots {
            let name = &snapshot.name;
            if self.shown.contains(name) || self.others.contains(name) {
                continue;
            }
            let room = self.shown.len() < max_circuits && **name != *OTHER;
            let place = if room { &mut self.shown } else { &mut self.others };
            place.insert(Arc::clone(name));
        }
    }

    fn say(&mut self, others: &Counters) -> &[u64] {
        let now = counts(others);
        self.said.resize(now.len(), 0);
        for (said, now) in zip(&mut self.said, now) {
            *said = now.max(*said);
        }
        &self.said
    }
}
