//! The last T of time in B buckets, aligned to the clock's origin. An outcome leaves when its bucket does.

use std::time::Duration;

use super::WindowCounts;
use crate::clock::nanos;

/// Narrow on purpose: a set may hold a million of these windows. A count that is full stays full.
#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    calls: u32,
    failures: u32,
    slow: u32,
}

#[derive(Debug, Clone)]
pub(crate) struct TimeWindow {
    /// Nanoseconds a bucket is wide, at least one.
    width: u64,
    /// The number, since the clock's origin, of the bucket that is being filled.
    current: u64,
    /// The sum of the buckets.
    counts: WindowCounts,
    /// Bucket number n stands at n modulo their count.
    buckets: Box<[Bucket]>,
}

impl TimeWindow {
    pub(crate) fn new(time: Duration, buckets: u32, now: u64) -> Self {
        let width = (nanos(time) / u64::from(buckets)).max(1);
        Self {
            width,
            current: now / width,
            counts: WindowCounts::default(),
            buckets: vec![Bucket::default(); buckets as usize].into_boxed_slice(),
        }
    }

    pub(crate) const fn same_geometry(&self, other: &Self) -> bool {
        self.width == other.width && self.buckets.len() == other.buckets.len()
    }

    pub(crate) const fn counts(&self) -> WindowCounts {
        self.counts
    }

    pub(crate) fn clear(&mut self) {
        self.buckets.fill(Bucket::default());
        self.counts = WindowCounts::default();
    }

    pub(crate) const fn bucket_end(&self) -> u64 {
        self.width.saturating_mul(self.current.saturating_add(1))
    }

    /// A clock read before another caller's may lie in an older bucket: time never goes back here.
    pub(crate) fn advance(&mut self, now: u64) {
        let target = now / self.width;
        if target.saturating_sub(self.current) >= self.buckets.len() as u64 {
            self.clear();
            self.current = target;
        }
        while self.current < target {
            self.current += 1;
            let left = std::mem::take(self.bucket());
            self.counts.calls -= u64::from(left.calls);
            self.counts.failures -= u64::from(left.failures);
            self.counts.slow -= u64::from(left.slow);
        }
    }

    pub(crate) fn record(&mut self, failure: bool, slow: bool) {
        self.add(1, failure, slow);
    }

    pub(crate) fn record_successes(&mut self, count: u32) {
        self.add(count, false, false);
    }

    /// Whether this is true of the calls and failures of each bucket by itself.
    pub(crate) fn every_bucket(&self, holds: impl Fn(u64, u64) -> bool) -> bool {
        self.buckets.iter().all(|bucket| holds(bucket.calls.into(), bucket.failures.into()))
    }

    fn add(&mut self, calls: u32, failure: bool, slow: bool) {
        let bucket = self.bucket();
        // The sums take what the bucket took, so that they agree when it leaves.
        let calls = calls.min(u32::MAX - bucket.calls);
        let failures = u32::from(failure).min(u32::MAX - bucket.failures);
        let slow = u32::from(slow).min(u32::MAX - bucket.slow);
        bucket.calls += calls;
        bucket.failures += failures;
        bucket.slow += slow;
        self.counts.calls += u64::from(calls);
        self.counts.failures += u64::from(failures);
        self.counts.slow += u64::from(slow);
    }

    fn bucket(&mut self) -> &mut Bucket {
        let count = self.buckets.len() as u64;
        #[expect(clippy::cast_possible_truncation, reason = "at most 60 buckets")]
        let place = (self.current % count) as usize;
        &mut self.buckets[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> TimeWindow {
        TimeWindow::new(Duration::from_nanos(50), 5, 0)
    }

    #[test]
    fn a_bucket_ends_where_the_next_one_begins_however_often_one_looks() {
        let mut window = window();
        for now in [0, 9, 9, 10, 10, 19, 500, 509] {
            window.advance(now);
            assert_eq!(window.bucket_end(), (now / 10 + 1) * 10);
        }
        assert!(window.every_bucket(|calls, _| calls == 0) && !window.every_bucket(|calls, _| calls > 0));
    }

    #[test]
    fn an_outcome_leaves_with_its_bucket() {
        let mut window = window();
        window.advance(9);
        window.record(true, true);
        window.record(false, true);
        window.advance(49);
        assert_eq!(window.counts(), WindowCounts { calls: 2, failures: 1, slow: 2 });
        window.advance(50);
        assert_eq!(window.counts(), WindowCounts::default());
    }

    #[test]
    fn a_long_silence_empties_the_window() {
        let mut window = window();
        window.record_successes(7);
        window.advance(u64::MAX);
        assert_eq!(window.counts().calls, 0);
        window.record(true, true);
        assert_eq!(window.counts(), WindowCounts { calls: 1, failures: 1, slow: 1 });
    }

    #[test]
    fn time_never_goes_back() {
        let mut window = window();
        window.advance(30);
        window.record(true, false);
        window.advance(5);
        assert_eq!(window.counts().failures, 1);
    }

    #[test]
    fn a_full_bucket_stays_full_and_leaves_whole() {
        let mut window = window();
        window.record_successes(u32::MAX);
        window.record_successes(u32::MAX);
        window.advance(50);
        assert_eq!(window.counts(), WindowCounts::default());
    }
}
