//! Time: one monotonic clock, given at construction.
//!
//! Every circuit asks a [`Clock`]. [`SystemClock`] is the default; [`ManualClock`] is for tests, yours included; tokio's
//! paused time is a clock in the `tower-breaker` crate. Wall time is never read for elapsed time.
//!
//! # Coarse time
//!
//! Linux keeps a monotonic clock that the kernel advances once a tick (1 to 10 ms) and that costs a sixth of the exact
//! one. A circuit on the system clock reads that one where every configured duration is at least 100 of its ticks.
//! Both have one origin, so a live change of configuration may move a circuit from one to the other.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is the place that reads time")]

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// A monotonic clock.
///
/// `now()` never goes back by more than a tick; a clock that stands still breaks nothing.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time since the clock's origin. Time windows align their buckets to that origin.
    fn now(&self) -> Duration;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Duration {
        (**self).now()
    }
}

/// The system's monotonic clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(system::exact())
    }
}

/// A clock that moves only when told to. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use tower_breaker_core::{Circuit, CircuitBreakerConfig, ManualClock, State};
///
/// let clock = ManualClock::new();
/// let circuit = Circuit::builder("db").config(CircuitBreakerConfig::critical()).clock(clock.clone()).build();
/// for _ in 0..3 {
///     let _ = circuit.call(|| Err::<(), _>("down"));
/// }
/// assert_eq!(circuit.state(), State::Open);
/// clock.advance(Duration::from_secs(120));
/// assert!(circuit.snapshot().ready_to_probe);
/// ```
#[derive(Debug, Clone, Default)]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that stands at its origin.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A clock that stands at `now`.
    #[must_use]
    pub fn starting_at(now: Duration) -> Self {
        let clock = Self::new();
        clock.set(now);
        clock
    }

    /// Moves the clock by `by`, for every clone.
    pub fn advance(&self, by: Duration) {
        let by = nanos(by);
        // Relaxed: the clock orders nothing but itself.
        let _ = self.nanos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(now.saturating_add(by)));
    }

    /// Sets the clock to `now`, for every clone.
    pub fn set(&self, now: Duration) {
        self.nanos.store(nanos(now), Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}

/// What a circuit reads: the system's clock without a virtual call, or anybody's.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    System,
    Custom(Arc<dyn Clock>),
}

impl Source {
    /// Nanoseconds since the clock's origin; 584 years reach.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        match self {
            Self::System => system::exact(),
            Self::Custom(clock) => nanos(clock.now()),
        }
    }

    /// Whether a circuit whose shortest configured duration is `shortest` may read the coarse clock.
    pub(crate) fn may_be_coarse(&self, shortest: Duration) -> bool {
        matches!(self, Self::System) && nanos(shortest) >= system::coarse_tick().saturating_mul(100)
    }
}

/// The coarse clock of the system, for circuits that [may read it](Source::may_be_coarse).
#[inline]
pub(crate) fn coarse_now() -> u64 {
    system::coarse()
}

/// A duration as nanoseconds; what does not fit is "never".
#[inline]
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::sync::LazyLock;

    use rustix::time::{ClockId, Timespec, clock_getres, clock_gettime};

    const NANOS_PER_SECOND: u64 = 1_000_000_000;

    // Neither part of the kernel's monotonic time is ever negative.
    #[inline]
    pub(super) fn to_nanos(time: Timespec) -> u64 {
        time.tv_sec.unsigned_abs() * NANOS_PER_SECOND + time.tv_nsec.unsigned_abs()
    }

    #[inline]
    pub(super) fn exact() -> u64 {
        to_nanos(clock_gettime(ClockId::Monotonic))
    }

    #[inline]
    pub(super) fn coarse() -> u64 {
        to_nanos(clock_gettime(ClockId::MonotonicCoarse))
    }

    pub(super) fn coarse_tick() -> u64 {
        static TICK: LazyLock<u64> = LazyLock::new(|| to_nanos(clock_getres(ClockId::MonotonicCoarse)));
        *TICK
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::{sync::LazyLock, time::Instant};

    pub(super) fn exact() -> u64 {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        super::nanos(ORIGIN.elapsed())
    }

    pub(super) fn coarse() -> u64 {
        exact()
    }

    // No coarse clock here: no duration is 100 of its ticks.
    pub(super) fn coarse_tick() -> u64 {
        u64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn seconds_and_nanoseconds_of_the_kernel_add_up() {
        assert_eq!(system::to_nanos(rustix::time::Timespec { tv_sec: 2, tv_nsec: 3 }), 2_000_000_003);
    }

    #[test]
    fn the_coarse_clock_shares_the_exact_ones_origin() {
        let (before, coarse, after) = (system::exact(), system::coarse(), system::exact());
        assert!(coarse <= after, "{coarse} after {after}");
        // A tick behind, or as long as the machine was not there to tick.
        assert!(before.saturating_sub(coarse) < 10_000_000_000, "{coarse} long before {before}");
    }

    #[test]
    fn the_systems_clock_is_the_exact_one_and_both_advance() {
        let (before, now, after) = (Source::System.now(), nanos(SystemClock.now()), Source::System.now());
        assert!(before <= now && now <= after);
        let (coarse, started) = (coarse_now(), std::time::Instant::now());
        while coarse_now() == coarse || system::exact() == before {
            assert!(started.elapsed() < Duration::from_secs(10), "a clock stands still");
            std::hint::spin_loop();
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    #[test]
    fn only_circuits_of_a_hundred_ticks_and_more_read_the_coarse_clock() {
        let tick = Duration::from_nanos(system::coarse_tick());
        assert!((Duration::from_millis(1)..=Duration::from_millis(10)).contains(&tick), "the kernel's tick: {tick:?}");
        assert!(Source::System.may_be_coarse(tick * 100));
        assert!(!Source::System.may_be_coarse(tick * 99));
        assert!(!Source::Custom(Arc::new(ManualClock::new())).may_be_coarse(Duration::MAX), "it has one time only");
    }

    #[test]
    fn a_manual_clock_never_overflows() {
        let clock = ManualClock::starting_at(Duration::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(nanos(clock.now()), u64::MAX);
    }
}
