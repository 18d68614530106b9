//! The circuits that are shown: sets of them, and circuits of no set.

use std::sync::Arc;

use tower_breaker_core::{Circuit, Circuits, Snapshot};

use crate::problem::Problem;

/// The label of circuits that were given one by one.
pub(crate) const SINGLE: &str = "single";

#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) label: Arc<str>,
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    Set(Circuits),
    Single(Circuit),
}

impl Set {
    pub(crate) fn list(&self) -> Vec<Circuit> {
        match &self.source {
            Source::Set(circuits) => circuits.list(),
            Source::Single(circuit) => vec![circuit.clone()],
        }
    }

    fn get(&self, name: &str) -> Option<Circuit> {
        match &self.source {
            Source::Set(circuits) => circuits.get(name),
            Source::Single(circuit) => (circuit.name() == name).then(|| circuit.clone()),
        }
    }

    pub(crate) fn observe(&self, observer: impl tower_breaker_core::Observe) {
        match &self.source {
            Source::Set(circuits) => circuits.observe(observer),
            Source::Single(circuit) => circuit.observe(observer),
        }
    }
}

/// A circuit, and the label of its set.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) set: Arc<str>,
    pub(crate) circuit: Circuit,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Sets(Vec<Set>);

impl Sets {
    /// One that is there already is not added again.
    pub(crate) fn add(&mut self, circuits: Circuits) {
        if !self.0.iter().any(|set| matches!(&set.source, Source::Set(other) if other.same_set(&circuits))) {
            let label = self.free(circuits.name(), |_| true);
            self.0.push(Set { label, source: Source::Set(circuits) });
        }
    }

    /// Likewise. Those of different names share a label.
    pub(crate) fn add_single(&mut self, circuit: Circuit) {
        let same = circuit.downgrade();
        if !self.0.iter().any(|set| matches!(&set.source, Source::Single(other) if same.is_of(other))) {
            let label = self.free(SINGLE, |source| match source {
                Source::Set(_) => true,
                Source::Single(other) => other.name() == circuit.name(),
            });
            self.0.push(Set { label, source: Source::Single(circuit) });
        }
    }

    /// This label, with the first number after it that makes it one that nobody has who may not share it.
    fn free(&self, label: &str, keeps: impl Fn(&Source) -> bool) -> Arc<str> {
        let is_free = |label: &str| !self.0.iter().any(|set| *set.label == *label && keeps(&set.source));
        let mut free = label.to_owned();
        let mut number = 2_u64;
        while !is_free(&free) {
            free = format!("{label}-{number}");
            number += 1;
        }
        free.into()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Set> {
        self.0.iter()
    }

    /// Those of this label; all of them without one.
    fn labelled<'a>(&'a self, label: Option<&'a str>) -> impl Iterator<Item = &'a Set> {
        self.0.iter().filter(move |set| label.is_none_or(|label| *set.label == *label))
    }

    /// The one circuit of this name. Never creates one.
    pub(crate) fn find(&self, name: &str, label: Option<&str>) -> Result<Found, Problem> {
        let mut found =
            self.labelled(label).filter_map(|set| Some(Found { set: Arc::clone(&set.label), circuit: set.get(name)? }));
        match (found.next(), found.next()) {
            (Some(found), None) => Ok(found),
            (None, _) => Err(Problem::NO_SUCH_CIRCUIT),
            (Some(_), Some(_)) => Err(Problem::SEVERAL_CIRCUITS),
        }
    }

    /// Every circuit of the sets of this label, in no order.
    pub(crate) fn all(&self, label: Option<&str>) -> Result<Vec<Found>, Problem> {
        if label.is_some() && self.labelled(label).next().is_none() {
            return Err(Problem::NO_SUCH_SET);
        }
        let of = |set: &Set| {
            let label = Arc::clone(&set.label);
            set.list().into_iter().map(move |circuit| Found { set: Arc::clone(&label), circuit })
        };
        Ok(self.labelled(label).flat_map(of).collect())
    }

    /// How they all are now: the sets in the order in which they were given, the circuits of each by name.
    pub(crate) fn snapshots(&self) -> Vec<(Arc<str>, Snapshot)> {
        let mut all = Vec::new();
        for set in &self.0 {
            let mut snapshots: Vec<_> = set.list().iter().map(Circuit::snapshot).collect();
            snapshots.sort_by(|one, other| one.name.cmp(&other.name));
            all.extend(snapshots.into_iter().map(|snapshot| (Arc::clone(&set.label), snapshot)));
        }
        all
    }
}
