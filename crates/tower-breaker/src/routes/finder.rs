//! From a request to its route.
//!
//! Routes that name the request's host go before those that name none. Among those that take its method, the path
//! decides as axum decides: what is written out goes before `{parameter}`, that before `{*rest}`. Of routes with the same
//! path the first in the document has the request.
//!
//! For this there is one matchit router for each host and each method that a route names, and one for all other methods:
//! a route that does not take a method is not in the way of one that does.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use http::Method;

use super::{Route, RoutesError, request::without_port};

#[derive(Clone, Debug)]
pub(super) struct Finder {
    hosts: HashMap<String, ByMethod>,
    any_host: ByMethod,
}

#[derive(Clone, Debug, Default)]
struct ByMethod {
    named: Vec<(Method, Paths)>,
    other: Paths,
}

#[derive(Clone, Default)]
struct Paths(matchit::Router<usize>);

impl fmt::Debug for Paths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paths(..)")
    }
}

impl Finder {
    /// # Errors
    ///
    /// A route that no request can reach, because those before it take everything it would.
    pub(super) fn new<R, P>(routes: &[Arc<Route<R, P>>]) -> Result<Self, RoutesError> {
        check_reachable(routes)?;
        let named: HashSet<&str> = routes.iter().filter_map(|route| route.host()).collect();
        let hosts = named.into_iter().map(|host| Ok((host.to_owned(), ByMethod::new(routes, Some(host))?)));
        Ok(Self { hosts: hosts.collect::<Result<_, RoutesError>>()?, any_host: ByMethod::new(routes, None)? })
    }

    pub(super) fn find(&self, method: &Method, host: Option<&str>, path: &str) -> Option<usize> {
        let named = host.filter(|_| !self.hosts.is_empty()).and_then(|host| {
            let host = without_port(host);
            // Host names from most clients are in small letters already: no copy for them.
            self.hosts.get(host).or_else(|| self.hosts.get(&host.to_ascii_lowercase()))
        });
        named.and_then(|host| host.find(method, path)).or_else(|| self.any_host.find(method, path))
    }
}

impl ByMethod {
    fn new<R, P>(routes: &[Arc<Route<R, P>>], host: Option<&str>) -> Result<Self, RoutesError> {
        let here = || routes.iter().enumerate().filter(|(_, route)| route.host() == host);
        let mut methods: Vec<Method> = Vec::new();
        for method in here().flat_map(|(_, route)| route.methods()) {
            let with_head = (method == Method::GET).then_some(&Method::HEAD);
            for method in [Some(method), with_head].into_iter().flatten() {
                if !methods.contains(method) {
                    methods.push(method.clone());
                }
            }
        }
        let named = methods.into_iter().map(|method| {
            let paths = Paths::new(here().filter(|(_, route)| route.takes(&method)))?;
            Ok((method, paths))
        });
        Ok(Self {
            named: named.collect::<Result<_, RoutesError>>()?,
            other: Paths::new(here().filter(|(_, route)| route.methods().is_empty()))?,
        })
    }

    fn find(&self, method: &Method, path: &str) -> Option<usize> {
        let paths = self.named.iter().find(|(named, _)| named == method).map_or(&self.other, |(_, paths)| paths);
        paths.0.at(path).ok().map(|found| *found.value)
    }
}

impl Paths {
    fn new<'a, R: 'a, P: 'a>(routes: impl Iterator<Item = (usize, &'a Arc<Route<R, P>>)>) -> Result<Self, RoutesError> {
        let mut router = matchit::Router::new();
        let mut taken = HashSet::new();
        for (index, route) in routes {
            // A path that is taken belongs to an earlier route, which has this method too.
            if taken.insert(&route.normal_path) {
                router.insert(&route.normal_path, index).map_err(|error| {
                    let (field, line) = &route.place;
                    RoutesError::at(field, *line, format!("cannot be told apart from an earlier route: {error}"))
                })?;
            }
        }
        Ok(Self(router))
    }
}

fn check_reachable<R, P>(routes: &[Arc<Route<R, P>>]) -> Result<(), RoutesError> {
    let mut seen: HashMap<_, Vec<&Route<R, P>>> = HashMap::new();
    for route in routes {
        let earlier = seen.entry((route.host(), route.normal_path.as_str())).or_default();
        let taken = |method| earlier.iter().any(|earlier| earlier.takes(method));
        let all_taken = match route.methods() {
            [] => earlier.iter().any(|earlier| earlier.methods().is_empty()),
            methods => methods.iter().all(taken),
        };
        if all_taken {
            let of = |route: &Route<R, P>| match &route.place {
                (field, Some(line)) => format!("{field} (line {line})"),
                (field, None) => field.clone(),
            };
            let takers = earlier.iter().filter(|earlier| {
                earlier.methods().is_empty() || route.methods().iter().any(|method| earlier.takes(method))
            });
            let takers: Vec<String> = takers.map(|earlier| of(earlier)).collect();
            let (field, line) = &route.place;
            let problem = format!(
                "can never be reached: {} before it {} every request for {:?}; accepted: another path, host or method, \
                 or a place further up",
                takers.join(" and "),
                if takers.len() == 1 { "has" } else { "have" },
                route.name()
            );
            return Err(RoutesError::at(field, *line, problem));
        }
        earlier.push(route);
    }
    Ok(())
}
