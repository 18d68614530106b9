//! The machine behind its lock.
//!
//! [`Circuit::with`] is the only way in. It reads the clock before it takes the lock, absorbs the successes counted at
//! the gate, brings the machine up to now, lets the event happen, and shows the gate the new face. Wakers and observers
//! are user code: they are called when the lock is let go.

use std::sync::Arc;

use super::{
    Circuit,
    scene::Scene,
    shared::{Environment, Keep, Shared},
};
use crate::{
    CircuitBreakerConfig,
    observe::{News, Observe, tell},
    state::{Cx, Machine},
    sync::Ordering,
    turns::{Errands, Turns},
};

#[derive(Debug)]
pub(super) struct Locked {
    machine: Machine,
    config: Arc<CircuitBreakerConfig>,
    chance: fastrand::Rng,
    turns: Option<Box<Turns>>,
    news: Option<Box<News>>,
}

impl Circuit {
    /// Lets `event` happen under the lock.
    pub(crate) fn with<R>(&self, event: impl FnOnce(&mut Scene<'_>) -> R) -> R {
        self.enter(|locked, now, errands| locked.happen(&self.shared, now, errands, event))
    }

    /// A new configuration, and what calls read of it without the lock.
    pub(super) fn replace_config(&self, config: CircuitBreakerConfig) {
        let config = Arc::new(config);
        let _old = self.enter(|locked, now, errands| {
            // The old one has its say up to now.
            locked.happen(&self.shared, now, errands, |_| ());
            self.shared.follow(&config);
            let old = std::mem::replace(&mut locked.config, config);
            locked.settle(&self.shared, now, errands, |scene| scene.machine.reconfigured(&mut scene.cx));
            old
        });
    }

    pub(crate) fn add_observer(&self, observer: Arc<dyn Observe>, wants_refusals: bool) {
        self.leave_no_more_handles();
        self.enter(|locked, now, errands| {
            match &mut locked.news {
                Some(news) => news.add(observer, wants_refusals),
                none => *none = Some(Box::new(News::new(Arc::from([observer]), wants_refusals))),
            }
            // The gate may have to stop refusing by itself.
            locked.happen(&self.shared, now, errands, |_| ());
        });
    }

    fn enter<R>(&self, step: impl FnOnce(&mut Locked, u64, &mut Errands) -> R) -> R {
        let now = self.now();
        let mut errands = Errands::default();
        let mut locked = self.shared.locked.lock();
        let result = step(&mut locked, now, &mut errands);
        let tells = locked.news.as_deref_mut().is_some_and(News::is_mine_to_tell);
        drop(locked);
        // Observers first: a panic of theirs stays there, one of a waker goes on from here.
        if tells {
            self.tell();
        }
        errands.run();
        result
    }

    /// Tells observers, one event after the other, without the lock.
    fn tell(&self) {
        for told in 0.. {
            let next = self.shared.locked.lock().news.as_deref_mut().and_then(|news| news.next(told));
            let Some((event, observers)) = next else { return };
            tell(&self.shared.name, &event, &observers);
        }
    }
}

impl Locked {
    pub(super) fn new(config: Arc<CircuitBreakerConfig>, now: u64, chance: fastrand::Rng, news: Option<News>) -> Self {
        Self { machine: Machine::new(&config, now), config, chance, turns: None, news: news.map(Box::new) }
    }

    pub(super) const fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(super) fn config(&self) -> &CircuitBreakerConfig {
        &self.config
    }

    fn happen<R>(
        &mut self,
        shared: &Shared,
        now: u64,
        errands: &mut Errands,
        event: impl FnOnce(&mut Scene<'_>) -> R,
    ) -> R {
        self.settle(shared, now, errands, |scene| {
            scene.absorb(&shared.tally);
            scene.machine.tick(&mut scene.cx);
            event(scene)
        })
    }

    /// An event whose machine is up to date already, and what follows from it. A reload comes here: the new thresholds are
    /// looked at before the new deadlines.
    fn settle<R>(
        &mut self,
        shared: &Shared,
        now: u64,
        errands: &mut Errands,
        event: impl FnOnce(&mut Scene<'_>) -> R,
    ) -> R {
        let mut scene = self.scene(now, &shared.environment);
        let result = event(&mut scene);
        scene.show(&shared.gate, &shared.tally);
        let keep = if scene.machine.is_plainly_closed() { Keep::Plain } else { Keep::Last };
        if shared.keep.load(Ordering::Relaxed) != keep as u8 {
            shared.keep.store(keep as u8, Ordering::Relaxed);
        }
        if let Some(turns) = scene.turns.as_deref_mut() {
            errands.add(turns.settle(scene.machine, &scene.cx));
        }
        result
    }

    pub(super) fn scene<'a>(&'a mut self, now: u64, environment: &'a Environment) -> Scene<'a> {
        Scene {
            machine: &mut self.machine,
            cx: Cx {
                now,
                config: &self.config,
                chance: &mut self.chance,
                group: environment.group.as_ref(),
                news: self.news.as_deref_mut(),
            },
            turns: &mut self.turns,
        }
    }
}
