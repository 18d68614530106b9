//! How many retries there may be, for all calls together.
//!
//! Retries in the last ten seconds never exceed a share of the calls in the last ten seconds, plus a floor. Both are kept in
//! ten buckets of a second; a bucket leaves with the calls and the retries in it, so nothing is saved up, and a budget that
//! slept for days owes no catching up: buckets carry the number of their second, and those of another time count for
//! nothing.
//!
//! A call adds one to an atomic bucket, and takes it back if it was refused. Only a retry takes the lock, under which the calls are summed and the retry is
//! charged, so that no two take the last one.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::time::Instant;
use tower_breaker_core::InvalidConfig;

/// Seconds, and as many buckets.
const WINDOW: u64 = 10;
/// Parts of the share: whole numbers, so that what is allowed is exact.
const PARTS: u64 = 1_000_000;

/// How many retries there may be, for all calls that share it: at most a share of the calls of the last 10 s, and a floor
/// of so many a second for when there are few calls.
///
/// Without one, a dependency that fails gets `attempts` times the load that it could not take. A share of 0.2 bounds that
/// to 1.2 times whatever `attempts` says (Google SRE book, "Handling Overload" and "Addressing Cascading Failures"; the
/// shape is that of Finagle's `RetryBudget`). The floor is one of the window, too: 10 a second allow 100 at once after a
/// quiet time, and never more.
///
/// Clones are the same budget. Each [`RetryLayer`](super::RetryLayer) has one of its own unless given one to share.
///
/// ```
/// use tower_breaker::retry::{Budget, RetryConfig, RetryLayer};
///
/// // Two ways to one database.
/// let budget = Budget::new(0.1, 5)?;
/// let reads = RetryLayer::new(RetryConfig::default()).budget(budget.clone());
/// let writes = RetryLayer::new(RetryConfig::default()).budget(budget);
/// # let _ = (reads, writes);
/// # Ok::<_, tower_breaker::InvalidConfig>(())
/// ```
#[derive(Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

struct Shared {
    origin: Instant,
    share: u64,
    floor: u64,
    /// Second n at n modulo their count: its number in the upper half, its calls in the lower.
    calls: [AtomicU64; WINDOW as usize],
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    /// The latest second anybody came with. Time never goes back here.
    now: u64,
    /// As the calls: the number of the second, and its retries.
    retries: [(u64, u64); WINDOW as usize],
}

impl Budget {
    /// At most `share` (0..=1) of the calls of the last 10 s, plus `floor` retries for each second.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] for a share that is not in 0..=1.
    pub fn new(share: f64, floor: u32) -> Result<Self, InvalidConfig> {
        valid_share(share)?;
        Ok(Self::valid(share, floor))
    }

    pub(super) fn valid(share: f64, floor: u32) -> Self {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the share is in 0..=1")]
        let share = (share * PARTS as f64).round() as u64;
        Self {
            shared: Arc::new(Shared {
                origin: Instant::now(),
                share,
                floor: u64::from(floor) * WINDOW * PARTS,
                calls: Default::default(),
                spent: Mutex::default(),
            }),
        }
    }

    /// Counts a call, for which some part of a retry becomes available. Attempts after the first do not count.
    pub fn record_call(&self) {
        self.record_call_at(Instant::now());
    }

    pub(super) fn record_call_at(&self, now: Instant) {
        let second = self.shared.second(now);
        let bucket = &self.shared.calls[place(second)];
        // Relaxed: a count, which orders nothing. A bucket that was taken over meanwhile by a later second is as good.
        let mut seen = bucket.load(Ordering::Relaxed);
        while seen >> 32 < second {
            match bucket.compare_exchange_weak(seen, second << 32 | 1, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
        // Four thousand million calls in a second would be needed to spill into the upper half.
        bucket.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that was counted as of `at` was refused on the way: it was no load, and earns no retry.
    pub(super) fn take_back_call_at(&self, at: Instant) {
        let second = self.shared.second(at);
        let counted = |seen: u64| (seen >> 32 == second && seen & u64::from(u32::MAX) > 0).then(|| seen - 1);
        // Relaxed: as above. Where a later second took the bucket over, the call is forgotten already.
        let _ = self.shared.calls[place(second)].fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted);
    }

    /// Charges a retry, if there is one left.
    #[must_use = "without it, there is to be no retry"]
    pub fn try_spend(&self) -> bool {
        let mut spent = self.shared.lock();
        let (allowed, retries) = self.shared.sums(&mut spent);
        let affordable = (retries + 1) * PARTS <= allowed;
        if affordable {
            let now = spent.now;
            let bucket = &mut spent.retries[place(now)];
            if bucket.0 != now {
                *bucket = (now, 0);
            }
            bucket.1 += 1;
        }
        affordable
    }

    /// How many retries there are left now; a part of one, too.
    #[must_use]
    pub fn balance(&self) -> f64 {
        let mut spent = self.shared.lock();
        let (allowed, retries) = self.shared.sums(&mut spent);
        allowed.saturating_sub(retries * PARTS) as f64 / PARTS as f64
    }
}

impl Shared {
    fn second(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.origin).as_secs().min(u64::from(u32::MAX))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spent> {
        // Nothing that could panic runs under it.
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Parts of a retry that are allowed in the window that ends now, and the retries made in it.
    fn sums(&self, spent: &mut Spent) -> (u64, u64) {
        let now = self.second(Instant::now()).max(spent.now);
        spent.now = now;
        let within = |second: u64| second <= now && now - second < WINDOW;
        let calls = self.calls.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let calls: u64 = calls.filter(|bucket| within(bucket >> 32)).map(|bucket| bucket & u64::from(u32::MAX)).sum();
        let retries = spent.retries.iter().filter(|(second, _)| within(*second)).map(|(_, retries)| retries).sum();
        (calls * self.share + self.floor, retries)
    }
}

pub(super) fn valid_share(share: f64) -> Result<(), InvalidConfig> {
    match (0.0..=1.0).contains(&share) {
        true => Ok(()),
        false => Err(InvalidConfig::new("budget", share, "0..=1")),
    }
}

const fn place(second: u64) -> usize {
    (second % WINDOW) as usize
}

/// 20 % of the calls, and 10 a second.
impl Default for Budget {
    fn default() -> Self {
        Self::valid(0.2, 10)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("balance", &self.balance()).finish_non_exhaustive()
    }
}
