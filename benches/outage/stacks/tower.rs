//! What tower has: timeouts, retries with and without a budget, a limit of concurrency that sheds load. No breaker.

use std::{sync::Arc, time::Duration};

use tokio::time::{Sleep, sleep};
use tower::{
    BoxError, ServiceBuilder,
    limit::ConcurrencyLimitLayer,
    load_shed::{LoadShedLayer, error::Overloaded},
    retry::{
        Policy, RetryLayer,
        budget::{Budget, TpsBudget},
    },
    timeout::TimeoutLayer,
};

use super::{ATTEMPT, Built, is, on_tokios_time};
use crate::{
    backend::Backend,
    clients::{DEADLINE, Ending},
};

/// Ten times what is in flight while all is well.
const CONCURRENT: usize = 64;

pub(super) fn nothing(backend: Backend) -> Built {
    on_tokios_time(ServiceBuilder::new().layer(TimeoutLayer::new(DEADLINE)).service(backend), judge)
}

/// Three attempts, and nothing that holds them back.
pub(super) fn retry_only(backend: Backend) -> Built {
    let service = ServiceBuilder::new()
        .layer(TimeoutLayer::new(DEADLINE))
        .layer(RetryLayer::new(Attempts { made: 1, budget: None }))
        .layer(TimeoutLayer::new(ATTEMPT))
        .service(backend);
    on_tokios_time(service, judge)
}

pub(super) fn layers(backend: Backend) -> Built {
    let service = ServiceBuilder::new()
        .layer(TimeoutLayer::new(DEADLINE))
        .layer(RetryLayer::new(Attempts { made: 1, budget: Some(Arc::new(TpsBudget::default())) }))
        .layer(LoadShedLayer::new())
        .layer(ConcurrencyLimitLayer::new(CONCURRENT))
        .layer(TimeoutLayer::new(ATTEMPT))
        .service(backend);
    on_tokios_time(service, judge)
}

fn judge(error: &BoxError) -> Ending {
    if is::<Overloaded>(&**error, |_| true) { Ending::Refused } else { Ending::Failed }
}

/// Three in all, 100 ms and then 200 ms apart.
#[derive(Debug, Clone)]
struct Attempts {
    made: u32,
    budget: Option<Arc<TpsBudget>>,
}

impl<Req: Clone, Res> Policy<Req, Res, BoxError> for Attempts {
    type Future = Sleep;

    fn retry(&mut self, _: &mut Req, result: &mut Result<Res, BoxError>) -> Option<Sleep> {
        let Err(error) = result else {
            self.budget.iter().for_each(|budget| budget.deposit());
            return None;
        };
        let again = self.made < 3
            && !is::<Overloaded>(&**error, |_| true)
            && self.budget.as_ref().is_none_or(|budget| budget.withdraw());
        again.then(|| {
            self.made += 1;
            sleep(Duration::from_millis(50 << self.made))
        })
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}
