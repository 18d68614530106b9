//! The endpoints of routes with `upstreams = [..]`: which gets a call, and which are ejected.
//!
//! Each endpoint has a circuit of its own, named `route endpoint` in the set `endpoints`, with the settings of its route's
//! policy. Those of a route are one [`EjectionGroup`]: an endpoint whose circuit is open gets nothing but probes, for longer
//! each time it is found sick again, and of n endpoints `max_ejected` are out at most, never all. A call goes to the less
//! busy of two endpoints taken by chance; another attempt goes to another one than the last, where there is one.
//!
//! What ejection can mend is not held against the route: a failure counts for the route's own circuit only where its
//! endpoint may not be ejected, because as many are out already. And where all are out after all, by an operator's hand or a
//! fleet's, the call is made all the same: the circuit of the route says when to stop.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tower_breaker::{ActiveMode, Circuit, Circuits, EjectionGroup, Permit, State};

use crate::{config::Route, report, upstream::Upstream, upstreams::Upstreams};

/// The circuits of all endpoints, and their groups by route.
#[derive(Debug)]
pub(crate) struct Endpoints {
    circuits: Circuits,
    groups: Arc<Mutex<HashMap<String, EjectionGroup>>>,
}

/// The endpoints of one route.
#[derive(Debug)]
pub(crate) struct Balance(Vec<Arc<Endpoint>>);

#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) upstream: Arc<Upstream>,
    under_way: Arc<AtomicUsize>,
    guard: Option<(Circuit, EjectionGroup)>,
}

/// An endpoint with a call under way, counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<AtomicUsize>);

impl Endpoints {
    pub(crate) fn new() -> Self {
        let groups: Arc<Mutex<HashMap<String, EjectionGroup>>> = Arc::default();
        let by_route = Arc::clone(&groups);
        let group_for = move |name: &str| lock(&by_route).get(name.rsplit_once(' ')?.0).cloned();
        let circuits = Circuits::builder().name("endpoints").ejection_group_for(group_for);
        Self { circuits: circuits.observe(report::transition).build(), groups }
    }

    pub(crate) const fn circuits(&self) -> &Circuits {
        &self.circuits
    }

    /// The endpoints of a route as it is now. Those that were there before keep their state and the calls under way.
    pub(crate) fn of(&self, route: &Route, before: Option<&Balance>) -> Balance {
        let group = match &route.extra().upstreams {
            Upstreams::One(_) => None,
            Upstreams::Many { max_ejected, .. } => {
                let group = lock(&self.groups).entry(route.name().to_owned()).or_default().clone();
                // The file was read with the same bounds.
                let _ = group.set_max_ejected(*max_ejected);
                Some(group)
            }
        };
        let guard = |name: &str| {
            let (group, breaker) = group.clone().zip(route.policy().circuit_breaker())?;
            let circuit = self.circuits.get_or_create_with(name, breaker.clone());
            if *circuit.config() != *breaker {
                circuit.reconfigure(breaker.clone());
            }
            Some((circuit, group))
        };
        Balance::new(route, before, guard)
    }

    /// Lets go of the circuits that are of none of these routes.
    pub(crate) fn settle<'a>(&self, routes: impl Iterator<Item = (&'a Route, &'a Balance)>) {
        let (mut names, mut grouped) = (HashSet::new(), HashSet::new());
        for (route, balance) in routes {
            let circuits = balance.0.iter().filter_map(|endpoint| endpoint.guard.as_ref());
            names.extend(circuits.map(|(circuit, _)| circuit.name().to_owned()));
            if matches!(route.extra().upstreams, Upstreams::Many { .. }) {
                grouped.insert(route.name());
            }
        }
        for circuit in self.circuits.list() {
            if !names.contains(circuit.name()) {
                self.circuits.remove(circuit.name());
            }
        }
        lock(&self.groups).retain(|route, _| grouped.contains(&**route));
    }
}

impl Balance {
    /// `guard` has the circuit for an endpoint of that name.
    pub(crate) fn new(
        route: &Route,
        before: Option<&Self>,
        guard: impl Fn(&str) -> Option<(Circuit, EjectionGroup)>,
    ) -> Self {
        let endpoints = route.extra().upstreams.list().iter().map(|upstream| {
            let same = before.iter().flat_map(|before| &before.0);
            let same = same.clone().find(|endpoint| endpoint.upstream.endpoint() == upstream.endpoint());
            Arc::new(Endpoint {
                upstream: Arc::clone(same.map_or(upstream, |same| &same.upstream)),
                under_way: same.map_or_else(Arc::default, |same| Arc::clone(&same.under_way)),
                guard: guard(&format!("{} {}", route.name(), upstream.endpoint())),
            })
        });
        Self(endpoints.collect())
    }

    /// The endpoint for a call, with the permit of its circuit; `None`: it has no circuit, or none had room for the call.
    pub(crate) fn choose(&self, last: Option<&Arc<Endpoint>>) -> (Arc<Endpoint>, Option<Permit>) {
        let mut left: Vec<_> = self.0.iter().filter(|endpoint| !endpoint.is_out()).collect();
        let last = last.and_then(|last| left.iter().position(|endpoint| endpoint.is_same(last)));
        let mut last = last.filter(|_| left.len() > 1).map(|at| left.swap_remove(at));
        while let Some(at) = less_busy(&left).or_else(|| last.take().map(|last| push(&mut left, last))) {
            let endpoint = left.swap_remove(at);
            match endpoint.guard.as_ref().map(|(circuit, _)| circuit.try_acquire()) {
                None => return (Arc::clone(endpoint), None),
                Some(Ok(permit)) => return (Arc::clone(endpoint), Some(permit)),
                // The place for a probe was taken meanwhile, or the circuit lets only a share through.
                Some(Err(_)) => {}
            }
        }
        left.extend(&self.0);
        let at = less_busy(&left).expect("a route has at least one upstream");
        (Arc::clone(left[at]), None)
    }
}

impl Endpoint {
    pub(crate) fn busy(&self) -> Busy {
        self.under_way.fetch_add(1, Relaxed);
        Busy(Arc::clone(&self.under_way))
    }

    fn is_out(&self) -> bool {
        self.guard.as_ref().is_some_and(|(circuit, _)| circuit.would_refuse())
    }

    /// Whether a failure of it is a matter of ejection: it is out already, or may go out yet.
    pub(crate) fn can_be_ejected(&self) -> bool {
        self.guard.as_ref().is_some_and(|(circuit, group)| {
            let snapshot = circuit.snapshot();
            let ejects = matches!(snapshot.mode, ActiveMode::Enforce | ActiveMode::ForcedOpen);
            ejects && (snapshot.state != State::Closed || group.ejected() < group.max_ejected_members())
        })
    }

    fn is_same(&self, other: &Self) -> bool {
        self.upstream.endpoint() == other.upstream.endpoint()
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Of two by chance, the one with fewer calls under way.
fn less_busy(of: &[&Arc<Endpoint>]) -> Option<usize> {
    if of.len() < 2 {
        return (of.len() == 1).then_some(0);
    }
    let one = fastrand::usize(..of.len());
    let other = (one + fastrand::usize(1..of.len())) % of.len();
    let calls = |at: usize| of[at].under_way.load(Relaxed);
    Some(if calls(other) < calls(one) { other } else { one })
}

fn push<T>(list: &mut Vec<T>, element: T) -> usize {
    list.push(element);
    list.len() - 1
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
