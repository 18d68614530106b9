//! A page in the text format, taken apart again by a reader of its own.

use std::collections::BTreeMap;

use prometheus::{Registry, TextEncoder};
use tower_breaker_prometheus::CollectorBuilder;

/// A series: its name and its labels.
pub(crate) type Series = (String, BTreeMap<String, String>);

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) series: BTreeMap<Series, f64>,
    /// The kind of each family.
    pub(crate) kinds: BTreeMap<String, String>,
}

pub(crate) fn registered(collector: CollectorBuilder) -> Registry {
    let registry = Registry::new();
    registry.register(Box::new(collector.build().unwrap())).unwrap();
    registry
}

impl Page {
    pub(crate) fn scrape(registry: &Registry) -> Self {
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let mut page = Self { text: String::new(), series: BTreeMap::new(), kinds: BTreeMap::new() };
        for line in text.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                let (name, kind) = kind.split_once(' ').unwrap();
                assert_eq!(page.kinds.insert(name.to_owned(), kind.to_owned()), None, "{name} twice");
            } else if !line.starts_with('#') {
                let (series, value) = read(line);
                assert!(page.kinds.contains_key(&series.0), "{} without a type", series.0);
                assert_eq!(page.series.insert(series, value.parse().unwrap()), None, "{line} twice");
            }
        }
        page.text = text;
        page
    }

    /// The value of the one series of this name with all of these labels.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found: Vec<_> = self.of(name, labels).collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
        found[0].1
    }

    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.of(name, labels).map(|(_, value)| value).sum()
    }

    pub(crate) fn of<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = (&'a Series, f64)> {
        let has =
            |series: &Series| labels.iter().all(|(label, value)| series.1.get(*label).is_some_and(|it| it == value));
        self.series
            .iter()
            .filter(move |(series, _)| series.0 == name && has(series))
            .map(|(series, value)| (series, *value))
    }
}

/// `name{label="value",...} 1`; values may hold `\\`, `\"` and `\n`.
fn read(line: &str) -> (Series, &str) {
    let Some((name, rest)) = line.split_once('{') else {
        let (name, value) = line.split_once(' ').unwrap();
        return ((name.to_owned(), BTreeMap::new()), value);
    };
    let mut labels = BTreeMap::new();
    let mut rest = rest;
    while !rest.starts_with('}') {
        let (label, after) = rest.trim_start_matches(',').split_once("=\"").unwrap();
        let mut value = String::new();
        let mut letters = after.char_indices();
        rest = loop {
            match letters.next().unwrap() {
                (at, '"') => break &after[at + 1..],
                (_, '\\') => match letters.next().unwrap().1 {
                    'n' => value.push('\n'),
                    letter => value.push(letter),
                },
                (_, letter) => value.push(letter),
            }
        };
        labels.insert(label.to_owned(), value);
    }
    ((name.to_owned(), labels), rest.trim_start_matches("} "))
}
