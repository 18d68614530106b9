//! The policies of a routes document, as the middleware has them.

use std::borrow::Cow;

use reqwest::{Request, Url};
use tower_breaker::{
    retry::RetryConfig,
    routes::{self, RouteTable},
};

use crate::{
    Policy,
    policy::{Places, RateLimit},
    resilience::Plan,
};

/// A [`RouteTable`], whatever the caller's own fields.
pub(crate) trait Routes: Send + Sync {
    fn plan(&self, request: &Request) -> Option<Plan<'static>>;

    fn policy(&self, name: &str) -> Option<Policy>;

    fn names(&self) -> Vec<String>;
}

impl<R, P> Routes for RouteTable<R, P>
where
    R: Send + Sync + 'static,
    P: Send + Sync + 'static,
{
    fn plan(&self, request: &Request) -> Option<Plan<'static>> {
        let url = request.url();
        let found = self.find_by(request.method(), host(url), url.path(), request.headers())?;
        let (route, circuit) = (found.route(), found.circuit().cloned());
        Some(Plan { policy: Cow::Owned(route.policy().into()), name: route.name().to_owned(), circuit })
    }

    fn policy(&self, name: &str) -> Option<Policy> {
        self.config().policy(name).map(Into::into)
    }

    fn names(&self) -> Vec<String> {
        self.config().policies().map(|policy| policy.name().to_owned()).collect()
    }
}

fn host(url: &Url) -> Option<&str> {
    url.host_str()
}

/// The stages that a policy of a routes document has. They have been checked when it was read.
impl<P> From<&routes::Policy<P>> for Policy {
    fn from(policy: &routes::Policy<P>) -> Self {
        Self {
            timeout: policy.timeout(),
            retry: policy.retry().map_or_else(RetryConfig::off, |settings| {
                settings.to_builder().build().expect("the document was checked")
            }),
            repeatable: false,
            rate_limit: policy.rate_limit().map(|limit| RateLimit {
                per_second: limit.per_second(),
                burst: limit.burst(),
                max_wait: limit.max_wait(),
            }),
            bulkhead: policy.bulkhead().map(|places| Places {
                max_concurrent: places.max_concurrent(),
                max_queue: places.max_queue(),
                max_wait: places.max_wait(),
            }),
            circuit_breaker: policy.circuit_breaker().cloned(),
            attempt_timeout: policy.attempt_timeout(),
        }
    }
}
