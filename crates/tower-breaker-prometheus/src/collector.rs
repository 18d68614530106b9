use prometheus::{
    core::{Collector, Desc},
    proto::MetricFamily,
};
use tower_breaker_core::{Circuit, Circuits, Figures, InvalidConfig};

use crate::{
    circuits::{self, Families, IN_STATE, STATES},
    family::{About, Family},
    shown::{Found, Shown},
    stages,
};

/// Collects the metrics of sets of circuits, and of the stages around them, whenever it is scraped.
///
/// Register it with `prometheus::Registry::register`. The page of this crate has the names.
#[derive(Debug)]
pub struct CircuitBreakerCollector {
    sets: Vec<Shown>,
    figures: Vec<(String, Figures)>,
    max_circuits: usize,
    descs: Vec<Desc>,
}

impl CircuitBreakerCollector {
    /// What to collect.
    pub fn builder() -> CollectorBuilder {
        CollectorBuilder {
            sets: Vec::new(),
            alone: Vec::new(),
            figures: Vec::new(),
            max_circuits: CollectorBuilder::DEFAULT_MAX_CIRCUITS,
        }
    }
}

impl Collector for CircuitBreakerCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families = Families::new();
        let mut in_state = Family::new(IN_STATE);
        for shown in &self.sets {
            let states = shown.add_to(&mut families, self.max_circuits);
            for (state, count) in STATES.iter().zip(states) {
                in_state.add_of_set(shown.set(), &[state.as_str()], count as f64);
            }
        }
        let registers = self.figures.iter().map(|(set, figures)| (set.as_str(), figures));
        let stages = stages::collect(registers);
        families.finish().chain([in_state]).chain(stages).filter_map(Family::finish).collect()
    }
}

/// Builds a [`CircuitBreakerCollector`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct CollectorBuilder {
    sets: Vec<Circuits>,
    alone: Vec<Circuit>,
    figures: Vec<(String, Figures)>,
    max_circuits: usize,
}

impl CollectorBuilder {
    /// How many circuits of each set have series of their own unless said otherwise.
    pub const DEFAULT_MAX_CIRCUITS: usize = 1_000;

    /// The circuits of this set, those to come included; its name is their label `set`.
    pub fn circuits(mut self, set: &Circuits) -> Self {
        self.sets.push(set.clone());
        self
    }

    /// A circuit that is in no set; its label `set` is empty. The collector keeps it alive.
    pub fn circuit(mut self, circuit: &Circuit) -> Self {
        self.alone.push(circuit.clone());
        self
    }

    /// The stages that are registered here, under this name of a set: that of the circuits they stand around, mostly.
    pub fn figures(mut self, set: impl Into<String>, figures: &Figures) -> Self {
        self.figures.push((set.into(), figures.clone()));
        self
    }

    /// How many circuits of each set have series of their own; the rest are added up as `other`. Default 1,000; 0 leaves
    /// nothing but `other`. A circuit has some forty series.
    pub const fn max_circuits(mut self, max: usize) -> Self {
        self.max_circuits = max;
        self
    }

    /// The collector.
    ///
    /// # Errors
    ///
    /// Two sets, two circuits in none, or two registers of figures, of one name: a database could not tell their series
    /// apart. A set without a name, beside circuits in none.
    pub fn build(self) -> Result<CircuitBreakerCollector, InvalidConfig> {
        distinct("circuit", "each name once", self.alone.iter().map(Circuit::name))?;
        let alone =
            Some(Found::Alone(self.alone)).filter(|found| matches!(found, Found::Alone(them) if !them.is_empty()));
        let found: Vec<_> = self.sets.into_iter().map(Found::Set).chain(alone).collect();
        distinct(
            "circuits",
            "each set's name once; `Circuits::builder().name(..)` gives it",
            found.iter().map(Found::name),
        )?;
        distinct("figures", "each name once", self.figures.iter().map(|(set, _)| set.as_str()))?;
        let abouts = circuits::abouts().chain([IN_STATE]).chain(stages::abouts());
        // Names and labels of ours are valid, which a test sees to.
        let descs = abouts.filter_map(|about| About::desc(&about).ok()).collect();
        let sets = found.into_iter().map(Shown::new).collect();
        Ok(CircuitBreakerCollector { sets, figures: self.figures, max_circuits: self.max_circuits, descs })
    }
}

fn distinct<'a>(
    field: &'static str,
    accepted: &'static str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), InvalidConfig> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => Err(InvalidConfig::new(field, twice[0], accepted)),
        None => Ok(()),
    }
}
