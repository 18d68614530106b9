use std::{
    convert::Infallible,
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::Quota;
use quick_cache::sync::Cache;
use tokio::time::Instant;
use tower_breaker_core::{Figure, Measure, RateLimitFigures, RateLimited};

use super::bucket::Bucket;
use crate::key::Key;

/// What all services of a limit share.
pub(super) struct Limiter {
    quota: Quota,
    origin: Instant,
    buckets: Buckets,
    limited: AtomicU64,
}

enum Buckets {
    Together(Arc<Bucket>),
    /// A key that went and comes back finds a full bucket.
    PerKey(Cache<Arc<str>, Arc<Bucket>>),
}

impl Limiter {
    /// `max_keys` is absent where all calls share one bucket.
    pub(super) fn new(quota: Quota, max_keys: Option<NonZeroUsize>) -> Self {
        let buckets = match max_keys {
            None => Buckets::Together(Arc::default()),
            Some(most) => Buckets::PerKey(Cache::new(most.get())),
        };
        Self { quota, origin: Instant::now(), buckets, limited: AtomicU64::new(0) }
    }

    pub(super) const fn quota(&self) -> Quota {
        self.quota
    }

    /// Takes a token for `request`: one that is due now, or the reservation of one that is due within `max_wait`.
    pub(super) fn take<Req>(
        &self,
        key: &impl Key<Req>,
        request: &Req,
        max_wait: Duration,
    ) -> Result<Option<Reservation>, RateLimited> {
        match &self.buckets {
            Buckets::Together(bucket) => self.take_from(bucket, max_wait),
            Buckets::PerKey(buckets) => {
                let bucket = key.with(request, |key| {
                    buckets.get(key).unwrap_or_else(|| {
                        // Of two who come first at once, one makes the bucket and both get it.
                        let Ok(bucket) =
                            buckets.get_or_insert_with(&Arc::from(key), || Ok::<_, Infallible>(Arc::default()));
                        bucket
                    })
                });
                self.take_from(&bucket, max_wait)
            }
        }
    }

    fn take_from(&self, bucket: &Arc<Bucket>, max_wait: Duration) -> Result<Option<Reservation>, RateLimited> {
        let now = Instant::now().saturating_duration_since(self.origin);
        match bucket.take(self.quota, now, max_wait) {
            Ok(due) if due <= now => Ok(None),
            Ok(due) => {
                let (bucket, quota, at) = (Arc::clone(bucket), self.quota, self.origin + due);
                Ok(Some(Reservation { bucket, quota, due, at, used: false }))
            }
            Err(limited) => {
                // Relaxed: a figure that orders nothing.
                self.limited.fetch_add(1, Ordering::Relaxed);
                Err(limited)
            }
        }
    }

    pub(super) fn figures(&self) -> RateLimitFigures {
        let mut figures = RateLimitFigures::default();
        figures.limited = self.limited.load(Ordering::Relaxed);
        figures
    }
}

impl Measure for Limiter {
    fn measure(&self) -> Figure {
        Figure::RateLimit(self.figures())
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter")
            .field("period", &self.quota.replenish_interval())
            .field("burst", &self.quota.burst_size())
            .field("per_key", &matches!(self.buckets, Buckets::PerKey(_)))
            .field("limited", &self.limited)
            .finish_non_exhaustive()
    }
}

/// A token that is taken and not yet due; dropped unused, it goes back where that is possible.
#[derive(Debug)]
#[must_use = "the token is put back when this is dropped"]
pub(super) struct Reservation {
    bucket: Arc<Bucket>,
    quota: Quota,
    due: Duration,
    at: Instant,
    used: bool,
}

impl Reservation {
    /// When the token is due.
    pub(super) const fn at(&self) -> Instant {
        self.at
    }

    /// The call goes out.
    pub(super) fn spend(mut self) {
        self.used = true;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if !self.used {
            self.bucket.put_back(self.quota, self.due);
        }
    }
}
