//! The last N calls: a ring of two bits a call. The N+1st call pushes out the oldest.

use super::WindowCounts;

const BITS: u32 = u64::BITS;

#[derive(Debug)]
pub(crate) struct CallWindow {
    capacity: u32,
    /// Where the next call goes; once the ring is full that is where the oldest one is.
    next: u32,
    counts: WindowCounts,
    /// For each 64 places, a word of failures and a word of slow calls. A place not yet used is clear in both.
    marks: Box<[[u64; 2]]>,
}

impl CallWindow {
    pub(super) fn new(capacity: u32) -> Self {
        let words = vec![[0; 2]; capacity.div_ceil(BITS) as usize];
        Self { capacity, next: 0, counts: WindowCounts::default(), marks: words.into_boxed_slice() }
    }

    pub(super) const fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(super) const fn counts(&self) -> WindowCounts {
        self.counts
    }

    pub(super) fn clear(&mut self) {
        if !self.counts.is_clean() {
            self.marks.fill([0; 2]);
        }
        self.next = 0;
        self.counts = WindowCounts::default();
    }

    pub(super) fn record(&mut self, failure: bool, slow: bool) {
        let (word, bit) = ((self.next / BITS) as usize, 1 << (self.next % BITS));
        let [failures, slows] = &mut self.marks[word];
        // What stood here is the oldest call, or nothing: an unused place is clear.
        self.counts.failures -= u64::from(*failures & bit != 0);
        self.counts.slow -= u64::from(*slows & bit != 0);
        *failures = if failure { *failures | bit } else { *failures & !bit };
        *slows = if slow { *slows | bit } else { *slows & !bit };
        self.counts.failures += u64::from(failure);
        self.counts.slow += u64::from(slow);
        self.counts.calls = (self.counts.calls + 1).min(u64::from(self.capacity));
        self.next = if self.next + 1 == self.capacity { 0 } else { self.next + 1 };
    }

    pub(super) fn record_successes(&mut self, count: u32) {
        if count >= self.capacity {
            self.clear();
            self.counts.calls = u64::from(self.capacity);
        } else if self.counts.is_clean() {
            // Clear places stay clear, and where the cursor stands among them makes no difference.
            self.counts.calls = (self.counts.calls + u64::from(count)).min(u64::from(self.capacity));
        } else {
            (0..count).for_each(|_| self.record(false, false));
        }
    }

    /// The newest `most` calls, oldest first, as (failure, slow).
    pub(super) fn newest(&self, most: u32) -> impl Iterator<Item = (bool, bool)> {
        let calls = u32::try_from(self.counts.calls).unwrap_or(self.capacity).min(most);
        let first = self.next + self.capacity - calls;
        (first..first + calls).map(|place| {
            let place = place % self.capacity;
            let [failures, slows] = self.marks[(place / BITS) as usize];
            let bit = 1 << (place % BITS);
            (failures & bit != 0, slows & bit != 0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn successes_in_bulk_count_as_one_by_one() {
        for capacity in [1, 3, 64, 65, 100] {
            for runs in [[1, 0, 2], [60, 7, 100], [99, 1, 1], [200, 64, 63]] {
                let (mut bulk, mut single) = (CallWindow::new(capacity), CallWindow::new(capacity));
                for run in runs {
                    bulk.record_successes(run);
                    (0..run).for_each(|_| single.record(false, false));
                    for window in [&mut bulk, &mut single] {
                        window.record(true, false);
                        window.record(true, true);
                    }
                    assert_eq!(bulk.counts(), single.counts());
                    assert!(bulk.newest(capacity).eq(single.newest(capacity)));
                }
            }
        }
    }

    #[test]
    fn newest_keeps_the_last_calls_in_order() {
        let mut window = CallWindow::new(3);
        for failure in [true, false, true, true, false] {
            window.record(failure, false);
        }
        let newest: Vec<_> = window.newest(2).map(|(failure, _)| failure).collect();
        assert_eq!(newest, [true, false]);
    }
}
