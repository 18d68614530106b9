//! What the stages remember from call to call: who is in the bulkhead, what is left of limits and budgets.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use tower_breaker::{
    Bulkhead, Figures, RateLimitLayer, TimeoutLayer,
    rate_limit::Together,
    retry::{RetryConfig, RetryLayer},
    timeout::{Attempt, WholeExpiring},
};

use crate::{AsMiddlewareError, Policy, ReqwestRetry, TryClone};

/// A policy has been checked with the same bounds that the stages have.
const CHECKED: &str = "the policy was checked";

/// The stages of one policy for one name.
#[derive(Debug)]
pub(crate) struct Stages {
    pub(crate) policy: Policy,
    pub(crate) timeout: TimeoutLayer<WholeExpiring, AsMiddlewareError>,
    pub(crate) retry: RetryLayer<ReqwestRetry, TryClone>,
    pub(crate) rate_limit: RateLimitLayer<Together, AsMiddlewareError>,
    pub(crate) bulkhead: Option<Bulkhead>,
    pub(crate) attempt_timeout: TimeoutLayer<Attempt, AsMiddlewareError>,
}

impl Stages {
    /// The stages of a policy. What has not changed since `before` stays what it is; a bulkhead is resized with the calls that
    /// are in it.
    fn new(policy: Policy, before: Option<&Self>, figures: Option<&Figures>, name: &str) -> Self {
        let mut timeout = TimeoutLayer::whole(policy.timeout).expiring().refuse(AsMiddlewareError);
        let mut attempt_timeout = TimeoutLayer::attempt(policy.attempt_timeout).refuse(AsMiddlewareError);
        let kept = before.filter(|before| before.policy.retry == policy.retry);
        let mut retry = kept.map_or_else(|| new_retry(policy.retry.clone()), |before| before.retry.clone());
        let kept = before.filter(|before| before.policy.rate_limit == policy.rate_limit);
        let mut rate_limit = kept.map_or_else(|| new_limit(&policy), |before| before.rate_limit.clone());
        let bulkhead = policy.bulkhead.map(|places| match before.and_then(|before| before.bulkhead.as_ref()) {
            Some(bulkhead) => {
                bulkhead.set_max_concurrent(places.max_concurrent).expect(CHECKED);
                bulkhead.set_max_queue(places.max_queue).expect(CHECKED);
                bulkhead.set_max_wait(places.max_wait);
                bulkhead.clone()
            }
            None => places.open().expect(CHECKED),
        });
        if let Some(figures) = figures {
            timeout = timeout.register(figures, name);
            attempt_timeout = attempt_timeout.register(figures, name);
            retry = retry.register(figures, name);
            rate_limit = rate_limit.register(figures, name);
            if let Some(bulkhead) = &bulkhead {
                bulkhead.register(figures, name);
            }
        }
        Self { policy, timeout, retry, rate_limit, bulkhead, attempt_timeout }
    }
}

fn new_retry(config: RetryConfig) -> RetryLayer<ReqwestRetry, TryClone> {
    RetryLayer::new(config).policy(ReqwestRetry::new()).repeat(TryClone)
}

fn new_limit(policy: &Policy) -> RateLimitLayer<Together, AsMiddlewareError> {
    let limit = policy.rate_limit.map_or_else(RateLimitLayer::off, |limit| limit.layer().expect(CHECKED));
    limit.refuse(AsMiddlewareError)
}

/// The stages of all names, at most so many of those that no call is in.
#[derive(Debug)]
pub(crate) struct StageSet {
    by_name: RwLock<HashMap<String, Arc<Stages>>>,
    capacity: usize,
    figures: Option<Figures>,
}

impl StageSet {
    pub(crate) fn new(capacity: usize, figures: Option<Figures>) -> Self {
        Self { by_name: RwLock::default(), capacity, figures }
    }

    /// The stages of `policy` for `name`, which are the same ones as long as calls come, and the policy stays as it is.
    pub(crate) fn of(&self, name: &str, policy: &Policy) -> Arc<Stages> {
        let known = self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(stages) = known.filter(|stages| stages.policy == *policy) {
            return stages;
        }
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let before = by_name.get(name).cloned();
        if let Some(stages) = before.as_ref().filter(|stages| stages.policy == *policy) {
            return Arc::clone(stages);
        }
        if before.is_none() && by_name.len() >= self.capacity {
            // All that are idle at once, so that a stranger's names cost one sweep for as many calls as there is room for.
            by_name.retain(|_, stages| Arc::strong_count(stages) > 1);
        }
        let stages = Arc::new(Stages::new(policy.clone(), before.as_deref(), self.figures.as_ref(), name));
        by_name.insert(name.to_owned(), Arc::clone(&stages));
        stages
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.by_name.read().unwrap().len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn names_stay_below_the_bound_and_calls_keep_their_stages() {
        let policy = Policy::builder().bulkhead(Bulkhead::builder(1)).build().unwrap();
        let set = StageSet::new(8, None);
        let busy = set.of("busy", &policy);
        let place = busy.bulkhead.as_ref().unwrap().try_acquire().unwrap();
        for name in 0..1_000 {
            set.of(&name.to_string(), &policy);
            assert!(set.len() <= 8);
        }
        assert!(set.of("busy", &policy).bulkhead.as_ref().unwrap().try_acquire().is_err());
        drop(place);
    }

    #[test]
    fn a_changed_policy_keeps_the_calls_in_its_bulkhead() {
        let set = StageSet::new(8, None);
        let narrow = Policy::builder().bulkhead(Bulkhead::builder(1)).build().unwrap();
        let place = set.of("a", &narrow).bulkhead.as_ref().unwrap().try_acquire().unwrap();
        let wait = Duration::from_secs(7);
        let wide = Bulkhead::builder(2).max_queue(3).max_wait(wait);
        let wide = Policy::builder().bulkhead(wide).build().unwrap();
        let stages = set.of("a", &wide);
        let bulkhead = stages.bulkhead.as_ref().unwrap();
        let second = bulkhead.try_acquire().unwrap();
        assert!(bulkhead.try_acquire().is_err());
        assert_eq!((bulkhead.max_queue(), bulkhead.max_wait()), (3, Some(wait)));
        drop((place, second));
    }
}
