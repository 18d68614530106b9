//! What the stages of a route remember from call to call: who is in the bulkhead, what is left of limits and budgets.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use axum::body::Body;
use tower_breaker::{
    Bulkhead, Circuit, CircuitBreakerConfig, Circuits, Figures, RateLimitLayer, TimeoutLayer,
    rate_limit::Together,
    refuse::AsResponse,
    retry::{BufferBody, ReplayBody, RetryConfig, RetryLayer},
    routes::{BulkheadSettings, RateLimitSettings, RetrySettings},
    timeout::{Attempt, WholeExpiring},
};

use crate::{
    config::{Config, Policy, Route},
    endpoints::{Balance, Endpoints},
    judge::{Mendable, TooLate},
    upload::Upload,
};

pub(crate) type Retry = RetryLayer<Mendable, BufferBody<fn(ReplayBody<Upload>) -> Body>>;
pub(crate) type RateLimit = RateLimitLayer<Together, AsResponse>;

/// The settings of a policy have been read with the same bounds that the stages have.
const CHECKED: &str = "the routes file was checked";

/// The stages of all routes in force.
#[derive(Debug)]
pub(crate) struct Stages {
    by_route: RwLock<HashMap<String, Arc<RouteStages>>>,
    figures: Figures,
    endpoints: Endpoints,
}

/// The stages of one route; those that its policy leaves out are off.
#[derive(Debug)]
pub(crate) struct RouteStages {
    pub(crate) timeout: TimeoutLayer<WholeExpiring, TooLate>,
    pub(crate) retry: Retry,
    pub(crate) rate_limit: RateLimit,
    pub(crate) bulkhead: Option<Bulkhead>,
    /// Stands in where the policy has no circuit breaker: it never refuses, and nobody is shown it.
    pub(crate) unguarded: Circuit,
    pub(crate) endpoints: Balance,
    pub(crate) attempt_timeout: TimeoutLayer<Attempt, TooLate>,
    retry_settings: Option<RetrySettings>,
    rate_settings: Option<RateLimitSettings>,
}

impl Stages {
    pub(crate) fn new(config: &Config) -> Self {
        let stages = Self { by_route: RwLock::default(), figures: Figures::new(), endpoints: Endpoints::new() };
        stages.apply(config);
        stages
    }

    /// Puts the settings of a changed file in force. A bulkhead is resized with the calls that are in it; a limit or a
    /// budget begins anew where its settings have changed, and stays what it is where they have not.
    pub(crate) fn apply(&self, config: &Config) {
        let mut by_route = self.by_route.write().unwrap_or_else(PoisonError::into_inner);
        *by_route = config
            .routes()
            .map(|route| {
                let before = by_route.get(route.name());
                let endpoints = self.endpoints.of(route, before.map(|before| &before.endpoints));
                (route.name().to_owned(), Arc::new(self.stages(route, before, endpoints)))
            })
            .collect();
        self.endpoints
            .settle(config.routes().filter_map(|route| Some((route, &by_route.get(route.name())?.endpoints))));
    }

    pub(crate) fn of(&self, route: &Route) -> Arc<RouteStages> {
        let by_route = self.by_route.read().unwrap_or_else(PoisonError::into_inner);
        // A call that found its route just before a changed file took it away ends under what it found.
        by_route
            .get(route.name())
            .cloned()
            .unwrap_or_else(|| Arc::new(self.stages(route, None, Balance::new(route, None, |_| None))))
    }

    /// What they have counted.
    pub(crate) const fn figures(&self) -> &Figures {
        &self.figures
    }

    /// The circuits of the endpoints of routes that have several.
    pub(crate) const fn endpoint_circuits(&self) -> &Circuits {
        self.endpoints.circuits()
    }

    fn stages(&self, route: &Route, before: Option<&Arc<RouteStages>>, endpoints: Balance) -> RouteStages {
        let (policy, name) = (route.policy(), route.name());
        let before = before.map(Arc::as_ref);
        let timeouts = before.map(|before| (&before.timeout, &before.attempt_timeout));
        let (timeout, attempt_timeout) = match timeouts {
            Some((timeout, attempt))
                if (timeout.limit(), attempt.limit()) == (policy.timeout(), policy.attempt_timeout()) =>
            {
                (timeout.clone(), attempt.clone())
            }
            _ => (
                TimeoutLayer::whole(policy.timeout()).expiring().refuse(TooLate).register(&self.figures, name),
                TimeoutLayer::attempt(policy.attempt_timeout()).refuse(TooLate).register(&self.figures, name),
            ),
        };
        let same_retry = before.filter(|before| {
            before.retry_settings.as_ref() == policy.retry() && before.timeout.limit() == policy.timeout()
        });
        let same_rate = before.filter(|before| before.rate_settings.as_ref() == policy.rate_limit());
        let unguarded = Circuit::new(name, CircuitBreakerConfig::default());
        unguarded.force_closed();
        RouteStages {
            timeout,
            retry: same_retry
                .map_or_else(|| retry(policy).register(&self.figures, name), |before| before.retry.clone()),
            rate_limit: same_rate.map_or_else(
                || rate_limit(policy.rate_limit()).register(&self.figures, name),
                |before| before.rate_limit.clone(),
            ),
            bulkhead: policy.bulkhead().map(|settings| match before.and_then(|before| before.bulkhead.as_ref()) {
                Some(bulkhead) => resized(bulkhead, settings),
                None => {
                    let bulkhead = bulkhead(settings);
                    bulkhead.register(&self.figures, name);
                    bulkhead
                }
            }),
            unguarded,
            endpoints,
            attempt_timeout,
            retry_settings: policy.retry().copied(),
            rate_settings: policy.rate_limit().copied(),
        }
    }
}

fn retry(policy: &Policy) -> Retry {
    let config = policy.retry().map_or_else(RetryConfig::off, |settings| {
        let config = settings.to_builder().total_timeout(policy.timeout());
        config.build().expect(CHECKED)
    });
    RetryLayer::http(config).policy(Mendable).map_body(Body::new)
}

fn rate_limit(settings: Option<&RateLimitSettings>) -> RateLimit {
    let Some(settings) = settings else { return RateLimitLayer::off().refuse(AsResponse) };
    let limit = RateLimitLayer::http(settings.per_second(), settings.burst()).expect(CHECKED);
    limit.max_wait(settings.max_wait())
}

fn bulkhead(settings: &BulkheadSettings) -> Bulkhead {
    let bulkhead = Bulkhead::builder(settings.max_concurrent());
    bulkhead.max_queue(settings.max_queue()).max_wait(settings.max_wait()).build().expect(CHECKED)
}

/// The same places with the calls that are in them, from now on so many.
fn resized(bulkhead: &Bulkhead, settings: &BulkheadSettings) -> Bulkhead {
    bulkhead.set_max_concurrent(settings.max_concurrent()).expect(CHECKED);
    bulkhead.set_max_queue(settings.max_queue()).expect(CHECKED);
    bulkhead.set_max_wait(settings.max_wait());
    bulkhead.clone()
}
