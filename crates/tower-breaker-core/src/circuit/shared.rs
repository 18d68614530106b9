//! What the handles of one circuit share: what calls read without the lock, and the lock.

use std::sync::Arc;

use super::{locked::Locked, scene::counters};
use crate::{
    CircuitBreakerConfig, EjectionGroup,
    clock::{Source, coarse_now, nanos},
    config::Timing,
    gate::{Gate, Tally},
    observe::News,
    snapshot::Counters,
    sync::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Mutex, Ordering},
};

/// What circuits of one set share.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) clock: Source,
    pub(crate) group: Option<EjectionGroup>,
    /// Where the counters of a circuit go that is dropped.
    pub(crate) departed: Option<Arc<Mutex<Counters>>>,
}

impl Environment {
    /// Whether nobody can tell when a circuit of it is dropped.
    const fn is_unseen(&self) -> bool {
        matches!(self.clock, Source::System) && self.group.is_none() && self.departed.is_none()
    }
}

/// In this order: what every call reads stands together, and what every call writes stands at the other end of what only
/// the lock's holder touches, so that no line of memory holds both.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Shared {
    pub(super) gate: Gate,
    /// A call that takes more nanoseconds is slow; `u64::MAX`: none is.
    slow_after: AtomicU64,
    coarse: AtomicBool,
    timing: AtomicU8,
    /// Whether ended calls leave their handles to the next ones: `spare.rs` says who may.
    leaves: AtomicU8,
    pub(super) keep: AtomicU8,
    /// Calls and refusals when idleness was last looked at: the low half, which tells enough.
    pub(super) calls_seen: AtomicU32,
    pub(super) environment: Arc<Environment>,
    pub(super) name: Arc<str>,
    pub(super) locked: Mutex<Locked>,
    pub(super) tally: Tally,
}

/// Which circuits a set lets go of first.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    Plain,
    New,
    Last,
}

/// What calls leave on their threads when they end.
#[derive(Debug, Clone, Copy)]
enum Leaves {
    Nothing,
    Handles,
    /// Handles no more, but some may still be there.
    NoMore,
}

impl Shared {
    pub(super) fn new(
        name: Arc<str>,
        config: Arc<CircuitBreakerConfig>,
        environment: Arc<Environment>,
        chance: fastrand::Rng,
        news: Option<News>,
    ) -> Self {
        let coarse = environment.clock.may_be_coarse(config.shortest_duration());
        let leaves = if environment.is_unseen() && news.is_none() { Leaves::Handles } else { Leaves::Nothing };
        let now = environment.clock.now();
        if let Some(group) = &environment.group {
            group.join();
        }
        let mut locked = Locked::new(config, now, chance, news);
        let face = locked.scene(now, &environment).face();
        Self {
            gate: Gate::new(face),
            tally: Tally::new(face),
            slow_after: AtomicU64::new(slow_after(locked.config())),
            coarse: AtomicBool::new(coarse),
            timing: AtomicU8::new(locked.config().timing() as u8),
            leaves: AtomicU8::new(leaves as u8),
            keep: AtomicU8::new(Keep::New as u8),
            calls_seen: AtomicU32::new(u32::MAX),
            environment,
            name,
            locked: Mutex::new(locked),
        }
    }

    // Relaxed, here and below: each of these stands alone, and a call under way while the configuration changes may be
    // judged by either.
    #[inline]
    pub(super) fn now(&self) -> u64 {
        if self.coarse.load(Ordering::Relaxed) { coarse_now() } else { self.environment.clock.now() }
    }

    #[inline]
    pub(super) fn is_timed(&self) -> bool {
        self.timing.load(Ordering::Relaxed) != Timing::Never as u8
    }

    #[inline]
    pub(super) fn is_timed_from_admission(&self) -> bool {
        self.timing.load(Ordering::Relaxed) == Timing::FromAdmission as u8
    }

    #[inline]
    pub(super) fn slow_after(&self) -> u64 {
        self.slow_after.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn leaves_handles(&self) -> bool {
        self.leaves.load(Ordering::Relaxed) == Leaves::Handles as u8
    }

    #[inline]
    pub(super) fn may_have_left_handles(&self) -> bool {
        self.leaves.load(Ordering::Relaxed) != Leaves::Nothing as u8
    }

    pub(super) fn leave_no_more_handles(&self) {
        if self.leaves_handles() {
            self.leaves.store(Leaves::NoMore as u8, Ordering::Relaxed);
        }
    }

    /// Calls read a new configuration from here on.
    pub(super) fn follow(&self, config: &CircuitBreakerConfig) {
        let coarse = self.environment.clock.may_be_coarse(config.shortest_duration());
        self.slow_after.store(slow_after(config), Ordering::Relaxed);
        self.timing.store(config.timing() as u8, Ordering::Relaxed);
        self.coarse.store(coarse, Ordering::Relaxed);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let locked = self.locked.lock();
        if let Some(departed) = &self.environment.departed {
            let mut counters = counters(locked.machine(), &self.tally);
            counters.totals.successes += u64::from(self.tally.take_successes());
            *departed.lock() += counters;
        }
        if let Some(group) = &self.environment.group {
            if locked.machine().is_ejected() {
                group.give_back_place();
            }
            group.leave();
        }
    }
}

fn slow_after(config: &CircuitBreakerConfig) -> u64 {
    config.slow_call_duration_threshold().map_or(u64::MAX, nanos)
}
