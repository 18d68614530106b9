//! A cap on how many circuits of a group may be out at once: the endpoints of a balancer, say.
//!
//! When every endpoint looks sick, ejecting all of them helps nobody: the panic threshold of Envoy's outlier detection,
//! as a cap of `max_ejected`. A trip beyond it is suppressed: the circuit stays closed, forgets its window and row, and
//! counts a veto. How long an endpoint is out grows with each time it is found sick again: that is the circuit's own
//! `open_duration` and its multiplier. Places are counted here, in core, so that no user code runs under a circuit's lock.

use std::sync::Arc;

use crate::{
    InvalidConfig,
    sync::{AtomicU64, AtomicUsize, Ordering},
};

/// Circuits of which at most a share may be open or half-open at once, and never all.
///
/// Of n circuits at most `max(1, floor(n * max_ejected))` are out, and at most n - 1. Clones are the same group.
#[doc(alias("outlier_detection", "max_ejection_percent"))]
#[derive(Debug, Clone)]
pub struct EjectionGroup {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// The bits of a share.
    max_ejected: AtomicU64,
    members: AtomicUsize,
    out: AtomicUsize,
}

impl Default for EjectionGroup {
    /// At most half.
    fn default() -> Self {
        Self::of(0.5)
    }
}

impl EjectionGroup {
    /// A group of which at most the share `max_ejected`, in [0, 1], is out at once. Default: 0.5.
    ///
    /// # Errors
    ///
    /// A share outside [0, 1].
    pub fn new(max_ejected: f64) -> Result<Self, InvalidConfig> {
        check(max_ejected).map(Self::of)
    }

    fn of(max_ejected: f64) -> Self {
        let max_ejected = AtomicU64::new(max_ejected.to_bits());
        let shared = Shared { max_ejected, members: AtomicUsize::new(0), out: AtomicUsize::new(0) };
        Self { shared: Arc::new(shared) }
    }

    /// The share that may be out at once.
    #[must_use]
    pub fn max_ejected(&self) -> f64 {
        f64::from_bits(self.shared.max_ejected.load(Ordering::Relaxed))
    }

    /// Lets another share be out at once, from the next trip on. Those that are out stay out for their time.
    ///
    /// # Errors
    ///
    /// A share outside [0, 1]; then nothing is changed.
    pub fn set_max_ejected(&self, max_ejected: f64) -> Result<(), InvalidConfig> {
        self.shared.max_ejected.store(check(max_ejected)?.to_bits(), Ordering::Relaxed);
        Ok(())
    }

    /// How many circuits belong to it.
    #[must_use]
    pub fn members(&self) -> usize {
        self.shared.members.load(Ordering::Relaxed)
    }

    /// How many of them are out.
    #[must_use]
    pub fn ejected(&self) -> usize {
        self.shared.out.load(Ordering::Relaxed)
    }

    /// How many of them may be out at once: the share of the members, rounded down, at least one and never the last one.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        clippy::cast_possible_truncation,
        reason = "a share of a count that fits in memory"
    )]
    pub fn max_ejected_members(&self) -> usize {
        let members = self.members();
        // A hair more: 0.29 of 100 is 28.999999999999996 in floating point.
        let share = (members as f64).mul_add(self.max_ejected(), 1e-6).floor() as usize;
        share.max(1).min(members.saturating_sub(1))
    }

    pub(crate) fn join(&self) {
        self.shared.members.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn leave(&self) {
        self.shared.members.fetch_sub(1, Ordering::Relaxed);
    }

    /// Takes a place if one is free. Relaxed: the counter orders nothing; its own total order keeps it exact.
    pub(crate) fn take_place(&self) -> bool {
        let most = self.max_ejected_members();
        let taken = |out: usize| (out < most).then_some(out + 1);
        self.shared.out.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    pub(crate) fn give_back_place(&self) {
        self.shared.out.fetch_sub(1, Ordering::Relaxed);
    }
}

fn check(max_ejected: f64) -> Result<f64, InvalidConfig> {
    if (0.0..=1.0).contains(&max_ejected) {
        return Ok(max_ejected);
    }
    Err(InvalidConfig::new("max_ejected", max_ejected, "a share in [0, 1]"))
}
