//! The routes document: read, checked and complete.

use std::{fs, path::Path, sync::Arc};

use http::Method;
use serde::{Deserializer, de::DeserializeOwned};

use super::{
    NoExtra, Policy, Route, RoutesError,
    finder::Finder,
    hint,
    node::{Node, Value},
    policy, reader, route,
};

const FIELDS: &[&str] = &["policies", "routes"];

/// A routes document that has been read and checked: policies with everything they inherit, and routes that name them.
///
/// It decides which route a request takes. The circuits belong to the [`RouteTable`](super::RouteTable) it is given to.
/// `R` and `P` are the caller's own fields of a route and of a policy: types that serde can read from a table.
#[derive(Debug)]
pub struct RoutesConfig<R = NoExtra, P = NoExtra> {
    policies: Vec<Arc<Policy<P>>>,
    routes: Vec<Arc<Route<R, P>>>,
    finder: Finder,
}

impl<R: DeserializeOwned, P: DeserializeOwned> RoutesConfig<R, P> {
    /// Reads a TOML file.
    ///
    /// # Errors
    ///
    /// The file cannot be read (the cause is the error's `source()`), or the first mistake in it, with its line.
    pub fn from_toml_file(file: impl AsRef<Path>) -> Result<Self, RoutesError> {
        let file = file.as_ref();
        let name = file.display().to_string();
        let text = fs::read_to_string(file).map_err(|cause| RoutesError::unreadable(&name, cause))?;
        Self::from_toml(&text).map_err(|error| error.in_file(&name))
    }

    /// As [`from_toml_file`](Self::from_toml_file), with a table of the caller's own at the top of the document: `T`, if the
    /// document has one of this `name`.
    ///
    /// # Errors
    ///
    /// As [`from_toml_file`](Self::from_toml_file); what `T` refuses is told with its line, too.
    pub fn from_toml_file_with<T: DeserializeOwned>(
        file: impl AsRef<Path>,
        name: &'static str,
    ) -> Result<(Self, Option<T>), RoutesError> {
        let file = file.as_ref();
        let shown = file.display().to_string();
        let text = fs::read_to_string(file).map_err(|cause| RoutesError::unreadable(&shown, cause))?;
        let read = || {
            let document = Node::from_toml(&text)?;
            let table = document.get(name).map(|node| reader::read(node, &[])).transpose()?;
            Ok((Self::from_node(&document, Some(name))?, table))
        };
        read().map_err(|error: RoutesError| error.in_file(&shown))
    }

    /// Reads TOML.
    ///
    /// # Errors
    ///
    /// The first mistake, with its line.
    pub fn from_toml(text: &str) -> Result<Self, RoutesError> {
        Self::from_node(&Node::from_toml(text)?, None)
    }

    /// Reads any self-describing format that serde has a deserializer for, JSON for one.
    ///
    /// # Errors
    ///
    /// The first mistake, with the path of its field; lines are known for TOML alone.
    pub fn from_deserializer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, RoutesError> {
        Self::from_node(&Node::read(deserializer).map_err(|error| RoutesError::text(None, error.to_string()))?, None)
    }

    fn from_node(document: &Node, also: Option<&'static str>) -> Result<Self, RoutesError> {
        let Value::Table(entries) = &document.value else {
            return Err(RoutesError::text(document.line, "is no table; accepted: a table with policies and routes"));
        };
        let known = || FIELDS.iter().copied().chain(also);
        if let Some((name, node)) = entries.iter().find(|(name, _)| !known().any(|known| known == name)) {
            return Err(RoutesError::at(&node.field, node.line, hint::unknown(name, known())));
        }
        let policies: Vec<_> = policy::read_all(document.get("policies"))?.into_iter().map(Arc::new).collect();
        let missing = || RoutesError::at("routes", None, "is missing; accepted: a list of at least one route");
        let list = document.get("routes").ok_or_else(missing)?;
        let routes = match &list.value {
            Value::List(nodes) if !nodes.is_empty() => {
                let routes = nodes.iter().map(|node| route::read(node, &policies).map(Arc::new));
                routes.collect::<Result<Vec<_>, _>>()?
            }
            _ => {
                let problem = "is no list of routes; accepted: a list of at least one route";
                return Err(RoutesError::at(&list.field, list.line, problem));
            }
        };
        let finder = Finder::new(&routes)?;
        Ok(Self { policies, routes, finder })
    }
}

impl<R, P> RoutesConfig<R, P> {
    /// All policies, in the order of the document.
    #[must_use]
    pub fn policies(&self) -> impl ExactSizeIterator<Item = &Policy<P>> {
        self.policies.iter().map(Arc::as_ref)
    }

    /// The policy of that name.
    #[must_use]
    pub fn policy(&self, name: &str) -> Option<&Policy<P>> {
        self.policies().find(|policy| policy.name() == name)
    }

    /// All routes, in the order of the document.
    pub fn routes(&self) -> impl ExactSizeIterator<Item = &Route<R, P>> {
        self.routes.iter().map(Arc::as_ref)
    }

    /// The route for a request, if there is one. `host` may carry a port, which does not matter; `path` is the path as
    /// it stands in the request, without the query.
    ///
    /// Routes that name the host go before those that name none; among those that take the method, the path decides as
    /// axum decides; of routes with the same path the first has it.
    #[must_use]
    pub fn find(&self, method: &Method, host: Option<&str>, path: &str) -> Option<&Route<R, P>> {
        self.index(method, host, path).map(|index| self.routes[index].as_ref())
    }

    pub(super) fn index(&self, method: &Method, host: Option<&str>, path: &str) -> Option<usize> {
        self.finder.find(method, host, path)
    }

    pub(super) fn route(&self, index: usize) -> &Arc<Route<R, P>> {
        &self.routes[index]
    }
}

// By hand: what is shared need not be `Clone` itself.
impl<R, P> Clone for RoutesConfig<R, P> {
    fn clone(&self) -> Self {
        Self { policies: self.policies.clone(), routes: self.routes.clone(), finder: self.finder.clone() }
    }
}
