//! Named policies, each of which may extend another one.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tower_breaker_core::{CircuitBreakerConfig, CircuitBreakerConfigBuilder};

use super::{
    BulkheadSettings, RateLimitSettings, RetrySettings, RoutesError,
    hint::{self, Level},
    node::{Node, Value},
    reader,
    settings::{Heir, Settings},
};

/// The fields of a policy that are read here; every other one goes to the caller's own type.
pub(super) const FIELDS: &[&str] = &{
    let [timeout, attempt_timeout, retry, rate_limit, bulkhead] = Settings::FIELDS;
    ["extends", timeout, attempt_timeout, retry, rate_limit, bulkhead, "circuit_breaker"]
};

/// What is done for the calls of the routes that name it, with everything it inherits filled in.
///
/// `P` is the caller's own part: the fields of the policy this library does not know.
#[derive(Debug, Clone)]
pub struct Policy<P = super::NoExtra> {
    name: String,
    extends: Option<String>,
    settings: Settings,
    circuit_breaker: Option<CircuitBreakerConfig>,
    extra: P,
}

impl<P> Policy<P> {
    /// The name of its table.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The policy it extends, if any.
    #[must_use]
    pub fn extends(&self) -> Option<&str> {
        self.extends.as_deref()
    }

    /// The time for a whole call, with its retries and all it waits for. More than 0; `None`, the default: no limit.
    #[must_use]
    pub const fn timeout(&self) -> Option<Duration> {
        self.settings.timeout
    }

    /// The time for one attempt. More than 0, less than [`timeout`](Self::timeout); `None`, the default: no limit.
    #[must_use]
    pub const fn attempt_timeout(&self) -> Option<Duration> {
        self.settings.attempt_timeout
    }

    /// How failed calls are tried again. `None`, the default: they are not.
    #[must_use]
    pub const fn retry(&self) -> Option<&RetrySettings> {
        self.settings.retry.as_ref()
    }

    /// How many calls may go out in a second. `None`, the default: any number.
    #[must_use]
    pub const fn rate_limit(&self) -> Option<&RateLimitSettings> {
        self.settings.rate_limit.as_ref()
    }

    /// How many calls may be under way at once. `None`, the default: any number.
    #[must_use]
    pub const fn bulkhead(&self) -> Option<&BulkheadSettings> {
        self.settings.bulkhead.as_ref()
    }

    /// The circuit breaker. `None`: neither this policy nor one it extends has one, or it is switched off.
    #[must_use]
    pub const fn circuit_breaker(&self) -> Option<&CircuitBreakerConfig> {
        self.circuit_breaker.as_ref()
    }

    /// The caller's own fields.
    #[must_use]
    pub const fn extra(&self) -> &P {
        &self.extra
    }
}

/// A stage of a policy as it is written: a table of its settings, or `false`.
enum Stage<T> {
    Off,
    On(T),
}

/// A policy as it is written, before it inherits.
struct Written<'a> {
    name: &'a str,
    node: &'a Node,
    extends: Option<(&'a str, &'a Node)>,
    circuit_breaker: Option<Stage<CircuitBreakerConfigBuilder>>,
    extra: Vec<&'a (String, Node)>,
}

/// Reads all policies, in the order of the document.
pub(super) fn read_all<P: DeserializeOwned>(policies: Option<&Node>) -> Result<Vec<Policy<P>>, RoutesError> {
    let Some(policies) = policies else { return Ok(Vec::new()) };
    let written = entries(policies)?;
    let written = written.iter().map(|(name, node)| Written::read(name, node)).collect::<Result<Vec<_>, _>>()?;
    written.iter().map(|policy| policy.resolve(&written)).collect()
}

impl<'a> Written<'a> {
    fn read(name: &'a str, node: &'a Node) -> Result<Self, RoutesError> {
        let mut policy = Self { name, node, extends: None, circuit_breaker: None, extra: Vec::new() };
        for entry in entries(node)? {
            let (field, value) = entry;
            match field.as_str() {
                "extends" => policy.extends = Some((reader::read(value, Level::Own)?, value)),
                "circuit_breaker" => policy.circuit_breaker = Some(stage(value)?),
                // Read once it is known what they inherit.
                settings if Settings::FIELDS.contains(&settings) => {}
                _ => policy.extra.push(entry),
            }
        }
        Ok(policy)
    }

    fn resolve<P: DeserializeOwned>(&self, all: &[Self]) -> Result<Policy<P>, RoutesError> {
        let line_of_descent = self.line_of_descent(all)?;
        let circuit_breaker = self.circuit_breaker(&line_of_descent)?;
        let tables: Vec<&Node> = line_of_descent.iter().map(|policy| policy.node).collect();
        Ok(Policy {
            name: self.name.to_owned(),
            extends: self.extends.map(|(parent, _)| parent.to_owned()),
            settings: Settings::read(&tables, self.heir(), circuit_breaker.as_ref())?,
            circuit_breaker,
            extra: self.extra(&line_of_descent)?,
        })
    }

    const fn heir(&self) -> Heir<'a> {
        Heir { name: self.name, node: self.node }
    }

    /// This policy, the one it extends, the one that one extends, and so on.
    fn line_of_descent<'b>(&'b self, all: &'b [Self]) -> Result<Vec<&'b Self>, RoutesError> {
        let mut line = vec![self];
        let mut last = self;
        while let Some((parent, node)) = last.extends {
            let names = || all.iter().map(|policy| policy.name).filter(|name| *name != last.name);
            let Some(found) = all.iter().find(|policy| policy.name == parent) else {
                return Err(RoutesError::at(&node.field, node.line, hint::none_of(parent, names())));
            };
            if line.iter().any(|earlier| earlier.name == parent) {
                let circle: Vec<&str> = line.iter().map(|policy| policy.name).chain([parent]).collect();
                let problem = format!(
                    "is {parent:?}, which leads back: {}; accepted: a policy that does not extend this one",
                    circle.join(" -> ")
                );
                return Err(RoutesError::at(&node.field, node.line, problem));
            }
            line.push(found);
            last = found;
        }
        Ok(line)
    }

    fn circuit_breaker(&self, line_of_descent: &[&Self]) -> Result<Option<CircuitBreakerConfig>, RoutesError> {
        let mut merged: Option<CircuitBreakerConfigBuilder> = None;
        let mut sources = Vec::new();
        for policy in line_of_descent {
            match &policy.circuit_breaker {
                None => {}
                // Switched off here: what is further up counts no more.
                Some(Stage::Off) => break,
                Some(Stage::On(own)) => {
                    merged = Some(match merged {
                        None => own.clone(),
                        Some(nearer) => nearer.or(own),
                    });
                    sources.extend(policy.node.get("circuit_breaker"));
                }
            }
        }
        let Some(merged) = merged else { return Ok(None) };
        merged.build().map(Some).map_err(|error| {
            let place = sources.iter().find_map(|table| deepest(table, error.field())).or(sources.first().copied());
            // What is off in the words of the builder is `false` in a document.
            let accepted = error.accepted().replace(", or off", ", or false");
            self.heir().refused(place.unwrap_or(self.node), error.value(), accepted)
        })
    }

    /// The caller's part: each field from the nearest policy that has it.
    fn extra<P: DeserializeOwned>(&self, line_of_descent: &[&Self]) -> Result<P, RoutesError> {
        let mut gathered: Vec<(String, Node)> = Vec::new();
        for entry in line_of_descent.iter().flat_map(|policy| &policy.extra) {
            if !gathered.iter().any(|(name, _)| *name == entry.0) {
                gathered.push((*entry).clone());
            }
        }
        reader::read(&Node::gathered(&self.node.field, self.node.line, gathered), Level::Policy)
    }
}

fn stage<T: DeserializeOwned>(node: &Node) -> Result<Stage<T>, RoutesError> {
    match &node.value {
        Value::Bool(false) => Ok(Stage::Off),
        Value::Table(_) => reader::read(node, Level::CircuitBreaker).map(Stage::On),
        _ => Err(RoutesError::at(&node.field, node.line, "is no table; accepted: a table of its settings, or false")),
    }
}

fn entries(node: &Node) -> Result<&[(String, Node)], RoutesError> {
    match &node.value {
        Value::Table(entries) => Ok(entries),
        _ => Err(RoutesError::at(&node.field, node.line, "is no table; accepted: a table")),
    }
}

/// The field at `path` (`sliding_window.calls`) under `table`, or as far down as it is written. `None`: not even its start.
fn deepest<'a>(table: &'a Node, path: &str) -> Option<&'a Node> {
    let mut found = None;
    let mut at = table;
    for name in path.split('.') {
        match at.get(name) {
            Some(node) => (at, found) = (node, Some(node)),
            None => break,
        }
    }
    found
}
