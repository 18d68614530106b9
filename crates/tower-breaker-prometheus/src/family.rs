//! The families of a scrape, as they fill.

use prometheus::{
    core::Desc,
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

/// What is the same for every scrape of a family.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: MetricType,
    /// Labels besides `name` and `set`.
    pub(crate) labels: &'static [&'static str],
}

impl About {
    pub(crate) const fn counter(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: MetricType::COUNTER, labels: &[] }
    }

    pub(crate) const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind: MetricType::GAUGE, labels: &[] }
    }

    pub(crate) const fn by(mut self, labels: &'static [&'static str]) -> Self {
        self.labels = labels;
        self
    }

    pub(crate) fn desc(&self) -> prometheus::Result<Desc> {
        let labels = ["name", "set"].iter().chain(self.labels).map(ToString::to_string).collect();
        Desc::new(self.name.to_owned(), self.help.to_owned(), labels, Default::default())
    }
}

/// Whose series it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) name: &'a str,
    pub(crate) set: &'a str,
}

/// A family and the series found so far.
pub(crate) struct Family {
    about: About,
    series: Vec<Metric>,
}

impl Family {
    pub(crate) const fn new(about: About) -> Self {
        Self { about, series: Vec::new() }
    }

    /// `values` are those of the family's own labels.
    pub(crate) fn add(&mut self, owner: Owner<'_>, values: &[&str], value: f64) {
        let own = self.about.labels.iter().copied().zip(values.iter().copied());
        self.push([("name", owner.name), ("set", owner.set)].into_iter().chain(own), value);
    }

    /// A series of a whole set.
    pub(crate) fn add_of_set(&mut self, set: &str, values: &[&str], value: f64) {
        let own = self.about.labels.iter().copied().zip(values.iter().copied());
        self.push([("set", set)].into_iter().chain(own), value);
    }

    fn push<'a>(&mut self, labels: impl Iterator<Item = (&'a str, &'a str)>, value: f64) {
        let labels = labels.map(|(name, value)| {
            let mut pair = LabelPair::default();
            pair.set_name(name.to_owned());
            pair.set_value(value.to_owned());
            pair
        });
        let mut metric = Metric::from_label(labels.collect());
        match self.about.kind {
            MetricType::COUNTER => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            _ => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.series.push(metric);
    }

    /// `None` without series: a family without any is no family to a registry.
    pub(crate) fn finish(self) -> Option<MetricFamily> {
        if self.series.is_empty() {
            return None;
        }
        let mut family = MetricFamily::default();
        family.set_name(self.about.name.to_owned());
        family.set_help(self.about.help.to_owned());
        family.set_field_type(self.about.kind);
        family.set_metric(self.series);
        Some(family)
    }
}
