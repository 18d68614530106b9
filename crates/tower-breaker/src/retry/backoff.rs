//! How long to wait before an attempt.

use std::time::Duration;

use fastrand::Rng;

/// How chance spreads the waits of those who failed together, so that they do not come back together.
///
/// With `d` for what the exponential backoff says, at most the cap. The kinds and their names are those of Marc Brooker,
/// "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015), which shows `Full` to cost the fewest calls. No wait is
/// ever longer than the cap. Tokio's timers know milliseconds: below that, chance is rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Jitter {
    /// Between nothing and `d`.
    #[default]
    Full,
    /// Between half of `d` and `d`.
    Equal,
    /// Between the base and three times the wait before it, whatever `d` is. Drawn below the cap, where the article cuts
    /// what it drew: waits that have reached the cap stay spread.
    Decorrelated,
    /// `d` itself. For tests, and for a single caller.
    None,
}

/// What is to be known of the waits of one call so far: their number or, for decorrelated jitter, the last one in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Waits(u64);

impl Waits {
    /// A server that said when to come back has ended the row: the next wait of our own is the first (gRFC A6).
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Backoff {
    pub(super) base: Duration,
    pub(super) multiplier: f64,
    pub(super) max: Duration,
    pub(super) jitter: Jitter,
}

impl Backoff {
    pub(super) fn next(&self, waits: &mut Waits, rng: &mut Rng) -> Duration {
        let (base, max) = (nanos(self.base), nanos(self.max));
        Duration::from_nanos(match self.jitter {
            Jitter::None => return self.exponential(waits),
            Jitter::Full => rng.u64(0..=nanos(self.exponential(waits))),
            Jitter::Equal => {
                let full = nanos(self.exponential(waits));
                rng.u64(full / 2..=full)
            }
            Jitter::Decorrelated => {
                let high = waits.0.max(base).saturating_mul(3).min(max);
                waits.0 = rng.u64(base.min(high)..=high);
                waits.0
            }
        })
    }

    /// In floating point, which saturates instead of overflowing.
    fn exponential(&self, waits: &mut Waits) -> Duration {
        let exponent = i32::try_from(waits.0).unwrap_or(i32::MAX);
        waits.0 = waits.0.saturating_add(1);
        let seconds = self.base.as_secs_f64() * self.multiplier.powi(exponent);
        Duration::try_from_secs_f64(seconds).map_or(self.max, |wait| wait.min(self.max))
    }
}

/// 584 years reach.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn backoff(jitter: Jitter) -> Backoff {
        Backoff { base: Duration::from_millis(100), multiplier: 2.0, max: Duration::from_secs(1), jitter }
    }

    /// The n-th wait of a thousand calls.
    fn drawn(backoff: Backoff, n: usize) -> Vec<u64> {
        let mut rng = Rng::with_seed(7);
        let call = |rng: &mut Rng| {
            let mut waits = Waits::default();
            (0..n).map(|_| nanos(backoff.next(&mut waits, rng))).last().unwrap()
        };
        (0..1_000).map(|_| call(&mut rng)).collect()
    }

    fn range(backoff: Backoff, n: usize) -> (u64, u64) {
        let drawn = drawn(backoff, n);
        (*drawn.iter().min().unwrap() / MS, drawn.iter().max().unwrap().div_ceil(MS))
    }

    #[test]
    fn without_jitter_waits_double_up_to_the_cap() {
        let mut waits = Waits::default();
        let row: Vec<_> =
            (0..6).map(|_| nanos(backoff(Jitter::None).next(&mut waits, &mut Rng::with_seed(0))) / MS).collect();
        assert_eq!(row, [100, 200, 400, 800, 1_000, 1_000]);
    }

    #[test]
    fn full_jitter_is_between_nothing_and_the_backoff() {
        assert_eq!(range(backoff(Jitter::Full), 1), (0, 100));
        let (low, high) = range(backoff(Jitter::Full), 9);
        assert!(low < 10 && (990..=1_000).contains(&high));
    }

    #[test]
    fn equal_jitter_is_between_half_the_backoff_and_all_of_it() {
        assert_eq!(range(backoff(Jitter::Equal), 2), (100, 200));
        assert_eq!(range(backoff(Jitter::Equal), 9), (500, 1_000));
    }

    #[test]
    fn decorrelated_jitter_is_between_the_base_and_three_times_the_wait_before_and_stays_spread_at_the_cap() {
        assert_eq!(range(backoff(Jitter::Decorrelated), 1), (100, 300));
        let late = drawn(backoff(Jitter::Decorrelated), 9);
        assert!(late.iter().all(|wait| (100 * MS..=1_000 * MS).contains(wait)));
        assert!(late.iter().filter(|wait| **wait == 1_000 * MS).count() < 10);
    }

    #[test]
    fn there_is_chance_at_every_base() {
        for base in [2, 999, MS, 60_000 * MS] {
            for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated] {
                let base = Duration::from_nanos(base);
                let mut drawn = drawn(Backoff { base, max: base * 10, ..backoff(jitter) }, 1);
                drawn.dedup();
                assert!(drawn.len() > 300, "{jitter:?} from {base:?}: {}", drawn.len());
            }
        }
    }

    #[test]
    fn no_duration_panics() {
        let extremes = [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1), Duration::MAX];
        for (base, max) in extremes.iter().flat_map(|base| extremes.map(|max| (*base, max))) {
            for jitter in [Jitter::Full, Jitter::Equal, Jitter::Decorrelated, Jitter::None] {
                for multiplier in [1.0, 2.0, f64::MAX] {
                    let mut waits = Waits(u64::MAX - 4);
                    let backoff = Backoff { base, multiplier, max, jitter };
                    assert!((0..9).all(|_| backoff.next(&mut waits, &mut Rng::with_seed(1)) <= max));
                }
            }
        }
    }
}
