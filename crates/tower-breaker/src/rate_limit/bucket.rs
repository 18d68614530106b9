//! The tokens of one limit.
//!
//! governor decides and keeps the state, eight bytes: the time at which the bucket will be full again. It is asked with
//! the time given, and not with a clock of its own, for two reasons. The one clock is then tokio's, which also ends the
//! waits. And a call that may wait asks again *as of the time* at which governor says that the next token is due: if
//! that passes, the token of that time is taken, so the wait that follows ends with a token for certain.

use std::{cell::Cell, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed, StateStore},
};
use tower_breaker_core::RateLimited;

/// Times are since the limiter's origin.
#[derive(Debug, Default)]
pub(super) struct Bucket(InMemoryState);

impl Bucket {
    /// Takes the next token if it is due by `now + max_wait`, and says when it is: by `now`, or later.
    pub(super) fn take(&self, quota: Quota, now: Duration, max_wait: Duration) -> Result<Duration, RateLimited> {
        // Only a view of the state, made for this question; at this moment its clock shows the origin.
        let limiter: RateLimiter<_, _, _, NoOpMiddleware<Duration>> =
            RateLimiter::new(quota, State(&self.0), AsOf::default());
        let mut due = now;
        loop {
            limiter.clock().0.set(due);
            let Err(not_until) = limiter.check() else { return Ok(due) };
            // Later than `due`: it also moves on when somebody else took the token meanwhile, so this comes to an end.
            due = not_until.earliest_possible();
            let wait = due.saturating_sub(now);
            if wait > max_wait {
                return Err(RateLimited::new(wait));
            }
        }
    }

    /// Puts back the token that was due at `due` and not used, if it is the last one taken. An earlier one is lost:
    /// behind it stand waiters with times of their own, and one more call at such a time would go above the rate.
    pub(super) fn put_back(&self, quota: Quota, due: Duration) {
        let period = nanoseconds(quota.replenish_interval());
        let full_without = nanoseconds(due) + period * u64::from(quota.burst_size().get() - 1);
        let _ = self.0.measure_and_replace(&NotKeyed::NonKey, |full| {
            let is_last = full.is_some_and(|full| full.as_u64() == full_without + period);
            if is_last { Ok(((), Nanos::from(full_without))) } else { Err(()) }
        });
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    Nanos::from(duration).as_u64()
}

/// A clock that shows what it is told.
#[derive(Debug, Default)]
struct AsOf(Cell<Duration>);

impl Clock for AsOf {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.get()
    }
}

struct State<'a>(&'a InMemoryState);

impl StateStore for State<'_> {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, key: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.0.measure_and_replace(key, decide)
    }
}
