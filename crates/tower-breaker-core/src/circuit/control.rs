//! An operator, a reload.

use std::{sync::Arc, time::Duration};

use super::Circuit;
use crate::{CircuitBreakerConfig, InvalidConfig, Mode, Observe, clock::nanos};

impl Circuit {
    /// Refuses every call, whatever `enforcement` says, until another force or [`reset`](Self::reset).
    #[doc(alias("isolate", "trip"))]
    pub fn force_open(&self) {
        self.with(|scene| scene.machine.force_open(&mut scene.cx, u64::MAX));
    }

    /// Refuses every call for `length`; then the circuit is open with its wait over: a probe goes, and not a flood.
    pub fn force_open_for(&self, length: Duration) {
        self.with(|scene| scene.machine.force_open(&mut scene.cx, nanos(length)));
    }

    /// Lets every call through, counting as usual, and trips on nothing until another force or [`reset`](Self::reset).
    #[doc(alias("disable"))]
    pub fn force_closed(&self) {
        self.with(|scene| scene.machine.force_closed(&mut scene.cx));
    }

    /// Back to the configured mode and enforcement, closed, with an empty window and no opens in a row.
    #[doc(alias("close"))]
    pub fn reset(&self) {
        self.with(|scene| scene.machine.reset(&mut scene.cx));
    }

    /// Enforces or only observes, whatever a reload says, until [`reset`](Self::reset). A force stays above it.
    pub fn set_mode(&self, mode: Mode) {
        self.with(|scene| scene.machine.set_mode(mode));
    }

    /// Carries out this share of refusals, in [0, 1], whatever a reload says, until [`reset`](Self::reset).
    ///
    /// # Errors
    ///
    /// A share outside [0, 1].
    pub fn set_enforcement(&self, share: f64) -> Result<(), InvalidConfig> {
        if !(0.0..=1.0).contains(&share) {
            return Err(InvalidConfig::new("enforcement", share, "a share in [0, 1]"));
        }
        self.with(|scene| scene.machine.set_enforcement(share));
        Ok(())
    }

    /// Changes the configuration of the live circuit.
    ///
    /// State, generation, permits in flight and the wait under way stay; the wait is cut to the new cap. A count window
    /// keeps its newest outcomes, another kind or geometry starts empty. A half-open circuit is looked at again at once;
    /// a change of its rule restarts it in a new generation. Mode and enforcement set by hand stand.
    pub fn reconfigure(&self, config: CircuitBreakerConfig) {
        self.replace_config(config);
    }

    /// Tells `observer` from now on.
    pub fn observe(&self, observer: impl Observe) {
        let wants_refusals = observer.wants_refusals();
        self.add_observer(Arc::new(observer), wants_refusals);
    }
}
