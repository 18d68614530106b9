//! Which circuits of a set have series of their own, and what all others come to.

use std::{
    cmp::Reverse,
    collections::HashSet,
    iter::zip,
    sync::{Arc, Mutex, PoisonError},
};

use tower_breaker_core::{Circuit, Circuits, Counters, Snapshot, State};

use crate::{
    circuits::{Families, counts},
    family::Owner,
};

/// The name under which all others are added up.
pub(crate) const OTHER: &str = "other";

/// Where circuits are found.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    /// In a set, whichever it has.
    Set(Circuits),
    /// These, which are in no set.
    Alone(Vec<Circuit>),
}

impl Found {
    /// The label `set`.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Set(set) => set.name(),
            Self::Alone(_) => "",
        }
    }

    fn departed(&self) -> Counters {
        match self {
            Self::Set(set) => set.departed(),
            Self::Alone(_) => Counters::default(),
        }
    }

    fn snapshots(&self) -> Vec<Snapshot> {
        match self {
            Self::Set(set) => set.snapshots(),
            Self::Alone(circuits) => circuits.iter().map(Circuit::snapshot).collect(),
        }
    }
}

/// Circuits and what earlier scrapes found of them.
#[derive(Debug)]
pub(crate) struct Shown {
    found: Found,
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
    pub(crate) fn new(found: Found) -> Self {
        Self { found, memory: Mutex::default() }
    }

    /// The label `set`.
    pub(crate) fn set(&self) -> &str {
        self.found.name()
    }

    /// How many circuits are in each state, in the order of `STATES`.
    pub(crate) fn add_to(&self, families: &mut Families, max_circuits: usize) -> [u64; 3] {
        // One scrape after the other. Before the circuits: one that leaves in between is missing once, and not counted twice.
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others = self.found.departed();
        let mut in_state = [0; 3];
        let mut snapshots = self.found.snapshots();
        memory.meet(&mut snapshots, max_circuits);
        for snapshot in &snapshots {
            in_state[snapshot.state as usize] += 1;
            if memory.shown.contains(&snapshot.name) {
                families.add(self.set(), snapshot);
            } else {
                others += snapshot.counters();
            }
        }
        families.add_counts(Owner { name: OTHER, set: self.set() }, memory.say(&others));
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
