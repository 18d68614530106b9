use std::{fmt, sync::Arc};

use super::{Circuit, Environment, shared::Shared};
use crate::{CircuitBreakerConfig, Clock, EjectionGroup, Observe, clock::Source, observe::News};

/// Builds a [`Circuit`]: every part has a default.
#[must_use = "a builder does nothing until it is built"]
pub struct CircuitBuilder {
    name: Arc<str>,
    config: Arc<CircuitBreakerConfig>,
    environment: Environment,
    chance: fastrand::Rng,
    observers: Vec<Arc<dyn Observe>>,
}

impl CircuitBuilder {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            config: Arc::default(),
            environment: Environment { clock: Source::System, group: None, departed: None },
            chance: fastrand::Rng::new(),
            observers: Vec::new(),
        }
    }

    /// How it decides. Default: [`CircuitBreakerConfig::default`].
    pub fn config(mut self, config: CircuitBreakerConfig) -> Self {
        self.config = Arc::new(config);
        self
    }

    /// What time it is. Default: the system's monotonic clock, the coarse one where that is fine enough.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.environment.clock = Source::Custom(Arc::new(clock));
        self
    }

    /// Seeds jitter and shares, so that a run can be repeated. Default: a random seed.
    pub fn seed(mut self, seed: u64) -> Self {
        self.chance = fastrand::Rng::with_seed(seed);
        self
    }

    /// Tells `observer` what the circuit does; may be given more than once.
    pub fn observe(mut self, observer: impl Observe) -> Self {
        self.observers.push(Arc::new(observer));
        self
    }

    /// Makes the circuit a member of a group of which only a share may be out at once.
    pub fn ejection_group(mut self, group: &EjectionGroup) -> Self {
        self.environment.group = Some(group.clone());
        self
    }

    /// The circuit: closed, with an empty window.
    #[must_use]
    pub fn build(self) -> Circuit {
        let wants_refusals = self.observers.iter().any(|observer| observer.wants_refusals());
        let news = (!self.observers.is_empty()).then(|| News::new(self.observers.into(), wants_refusals));
        Circuit::from_parts(self.name, self.config, Arc::new(self.environment), self.chance, news)
    }
}

impl Circuit {
    pub(crate) fn from_parts(
        name: Arc<str>,
        config: Arc<CircuitBreakerConfig>,
        environment: Arc<Environment>,
        chance: fastrand::Rng,
        news: Option<News>,
    ) -> Self {
        Self { shared: Arc::new(Shared::new(name, config, environment, chance, news)) }
    }
}

impl fmt::Debug for CircuitBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBuilder").field("name", &self.name).field("config", &self.config).finish_non_exhaustive()
    }
}
