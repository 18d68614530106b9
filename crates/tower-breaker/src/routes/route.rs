//! Routes: which requests, under which policy, judged by which circuit.

use std::sync::Arc;

use http::{HeaderName, Method};
use serde::de::DeserializeOwned;

use super::{
    NoExtra, Policy, RoutesError,
    hint::{self, Level},
    node::{Node, Value, child},
    path, reader,
};

/// The fields of a route that are read here; every other one goes to the caller's own type.
pub(super) const FIELDS: &[&str] = &["path", "methods", "host", "policy", "key"];

/// What is shared by the calls of a route that are judged together: each has a circuit of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RouteKey {
    /// `"route"`: one circuit for the whole route. The default.
    #[default]
    Route,
    /// `"host"`: one for each host that requests name.
    Host,
    /// `"header:x-tenant"`: one for each value of that header. Requests without it share one.
    Header(HeaderName),
}

/// One entry of `[[routes]]`.
///
/// `R` is the caller's own part: the fields of the route this library does not know. `P` is that of its policy.
#[derive(Debug, Clone)]
pub struct Route<R = NoExtra, P = NoExtra> {
    name: String,
    path: String,
    methods: Vec<Method>,
    host: Option<String>,
    policy: Arc<Policy<P>>,
    key: RouteKey,
    extra: R,
    pub(super) normal_path: String,
    /// Where it is written: `routes[2]`, and the line.
    pub(super) place: (String, Option<usize>),
}

impl<R, P> Route<R, P> {
    /// Its methods, host and path, as far as they are given: `/orders/{id}`, `GET,POST example.com/orders`. No two routes
    /// of a document share it, and it stays the same when routes move or change their policy. Circuits are named by it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The pattern of the path, as it is written.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The methods it takes; empty: all. `GET` takes `HEAD` along, as in axum.
    #[must_use]
    pub fn methods(&self) -> &[Method] {
        &self.methods
    }

    /// The host it is for, in small letters, without a port. `None`: any.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The policy it names.
    #[must_use]
    pub fn policy(&self) -> &Policy<P> {
        &self.policy
    }

    /// Which of its calls share a circuit.
    #[must_use]
    pub const fn key(&self) -> &RouteKey {
        &self.key
    }

    /// The caller's own fields.
    #[must_use]
    pub const fn extra(&self) -> &R {
        &self.extra
    }

    pub(super) fn takes(&self, method: &Method) -> bool {
        self.methods.is_empty()
            || self.methods.contains(method)
            || (method == Method::HEAD && self.methods.contains(&Method::GET))
    }
}

/// Reads one route, which names one of `policies`.
pub(super) fn read<R: DeserializeOwned, P>(
    node: &Node,
    policies: &[Arc<Policy<P>>],
) -> Result<Route<R, P>, RoutesError> {
    let Value::Table(entries) = &node.value else { return Err(wrong(node, "is no table; accepted: a table")) };
    let extra = entries.iter().filter(|(name, _)| !FIELDS.contains(&name.as_str())).cloned().collect();
    let extra = reader::read(&Node::gathered(&node.field, node.line, extra), Level::Route)?;

    let Some(at) = node.get("path") else {
        return Err(RoutesError::at(&child(&node.field, "path"), node.line, "is missing"));
    };
    let path: String = reader::read(at, Level::Own)?;
    let normal_path = path::normal_form(&path).map_err(|accepted| refused(at, &path, accepted))?;
    let methods = node.get("methods").map_or(Ok(Vec::new()), methods)?;
    let host = node.get("host").map(host).transpose()?;
    let key = node.get("key").map_or(Ok(RouteKey::Route), key)?;
    let policy = policy(node, policies)?;

    let listed: Vec<&str> = methods.iter().map(Method::as_str).collect();
    let space = if listed.is_empty() { "" } else { " " };
    let name = format!("{}{space}{}{path}", listed.join(","), host.as_deref().unwrap_or_default());
    let place = (node.field.clone(), node.line);
    Ok(Route { name, path, methods, host, policy, key, extra, normal_path, place })
}

fn methods(node: &Node) -> Result<Vec<Method>, RoutesError> {
    const ACCEPTED: &str = "method names in capitals, such as GET";
    let Value::List(nodes) = &node.value else {
        return Err(wrong(node, "is no list; accepted: a list of methods, such as [\"GET\", \"POST\"]"));
    };
    if nodes.is_empty() {
        return Err(wrong(node, "is empty; accepted: at least one method; left out: all of them"));
    }
    let mut methods: Vec<Method> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let name: &str = reader::read(node, Level::Own)?;
        let method =
            Method::from_bytes(name.as_bytes()).ok().filter(|_| !name.contains(|c: char| c.is_ascii_lowercase()));
        let method = method.ok_or_else(|| refused(node, name, ACCEPTED))?;
        if methods.contains(&method) {
            return Err(refused(node, name, "each method once"));
        }
        methods.push(method);
    }
    Ok(methods)
}

fn host(node: &Node) -> Result<String, RoutesError> {
    let name: &str = reader::read(node, Level::Own)?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let inside = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let v6 = inside.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
    let ends_well = !name.is_empty() && !name.ends_with('.');
    if (plain && ends_well) || v6 {
        Ok(name.to_ascii_lowercase())
    } else {
        Err(refused(node, name, "a host name or address, without a port"))
    }
}

fn key(node: &Node) -> Result<RouteKey, RoutesError> {
    let text: &str = reader::read(node, Level::Own)?;
    match text.split_once(':') {
        None if text == "route" => Ok(RouteKey::Route),
        None if text == "host" => Ok(RouteKey::Host),
        Some(("header", name)) => HeaderName::from_bytes(name.as_bytes())
            .map(RouteKey::Header)
            .map_err(|_| refused(node, text, "header: and the name of a header, as in header:x-tenant")),
        _ => Err(wrong(node, hint::none_of(text, ["route", "host", "header:NAME"]))),
    }
}

/// The policy a route names; left out it is the one called `default`.
fn policy<P>(node: &Node, policies: &[Arc<Policy<P>>]) -> Result<Arc<Policy<P>>, RoutesError> {
    let names = || policies.iter().map(|policy| policy.name());
    let named = |name: &str| policies.iter().find(|policy| policy.name() == name).cloned();
    if let Some(at) = node.get("policy") {
        let name: &str = reader::read(at, Level::Own)?;
        return named(name).ok_or_else(|| wrong(at, hint::none_of(name, names())));
    }
    named("default").ok_or_else(|| {
        let names: Vec<&str> = names().collect();
        let accepted = if names.is_empty() { "the name of a policy".to_owned() } else { names.join(", ") };
        let problem = format!("is missing, and no policy is called default; accepted: {accepted}");
        RoutesError::at(&child(&node.field, "policy"), node.line, problem)
    })
}

fn wrong(node: &Node, problem: impl Into<String>) -> RoutesError {
    RoutesError::at(&node.field, node.line, problem)
}

fn refused(node: &Node, value: &str, accepted: &str) -> RoutesError {
    wrong(node, format!("is {value:?}; accepted: {accepted}"))
}
