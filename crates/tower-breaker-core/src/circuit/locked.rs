//! The machine behind its lock.
//!
//! [`Circuit::with`] is the only way in. It reads the clock before it takes the lock, absorbs the successes counted at
//! the gate, brings the machine up to now, lets the event happen, and shows the gate the new face. Wakers and observers
//! are user code: they are called when the lock is let go.

use std::sync::Arc;

use super::Circuit;
use crate::{
    CircuitBreakerConfig, EjectionGroup, Snapshot, State,
    clock::{Source, coarse_now, nanos},
    gate::{Gate, Left},
    observe::{News, Observe, tell},
    snapshot::{Counters, RefusalCount},
    state::{Cx, Face, Machine, duration},
    sync::{AtomicBool, AtomicU8, AtomicU64, Mutex, Ordering},
    turns::{Errands, Turns},
};

/// What circuits of one set share.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) clock: Source,
    pub(crate) group: Option<EjectionGroup>,
    /// Where the counters of a circuit go that is dropped.
    pub(crate) departed: Option<Mutex<Counters>>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) gate: Gate,
    /// A call that takes more nanoseconds is slow; `u64::MAX`: none is.
    slow_after: AtomicU64,
    coarse: AtomicBool,
    timed: AtomicBool,
    pub(super) keep: AtomicU8,
    /// Calls and refusals when idleness was last looked at.
    pub(super) calls_seen: AtomicU64,
    pub(super) environment: Arc<Environment>,
    pub(super) name: Arc<str>,
    locked: Mutex<Locked>,
}

#[derive(Debug)]
struct Locked {
    machine: Machine,
    config: Arc<CircuitBreakerConfig>,
    chance: fastrand::Rng,
    turns: Option<Box<Turns>>,
    news: Option<Box<News>>,
}

/// Which circuits a set lets go of first.
#[derive(Debug, Clone, Copy)]
pub(super) enum Keep {
    Plain,
    New,
    Last,
}

/// What an event sees while the lock is held.
pub(crate) struct Scene<'a> {
    pub(crate) machine: &'a mut Machine,
    pub(crate) cx: Cx<'a>,
    turns: &'a mut Option<Box<Turns>>,
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
        let now = environment.clock.now();
        let machine = Machine::new(&config, now);
        if let Some(group) = &environment.group {
            group.join();
        }
        let mut locked = Locked { machine, config, chance, turns: None, news: news.map(Box::new) };
        let face = locked.scene(now, &environment).face();
        Self {
            gate: Gate::new(face),
            slow_after: AtomicU64::new(slow_after(&locked.config)),
            coarse: AtomicBool::new(coarse),
            timed: AtomicBool::new(locked.config.needs_start()),
            keep: AtomicU8::new(Keep::New as u8),
            calls_seen: AtomicU64::new(0),
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
        self.timed.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn slow_after(&self) -> u64 {
        self.slow_after.load(Ordering::Relaxed)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let locked = self.locked.lock();
        if let Some(departed) = &self.environment.departed {
            let mut counters = counters(&locked.machine, &self.gate);
            counters.totals.successes += u64::from(self.gate.take_successes());
            *departed.lock() += counters;
        }
        if let Some(group) = &self.environment.group {
            if locked.machine.is_ejected() {
                group.give_back_place();
            }
            group.leave();
        }
    }
}

impl Circuit {
    /// Lets `event` happen under the lock.
    pub(crate) fn with<R>(&self, event: impl FnOnce(&mut Scene<'_>) -> R) -> R {
        self.enter(|locked, now, errands| locked.happen(&self.shared, now, errands, event))
    }

    /// A new configuration, and what calls read of it without the lock.
    pub(super) fn replace_config(&self, config: CircuitBreakerConfig) {
        let config = Arc::new(config);
        let coarse = self.shared.environment.clock.may_be_coarse(config.shortest_duration());
        let _old = self.enter(|locked, now, errands| {
            // The old one has its say up to now.
            locked.happen(&self.shared, now, errands, |_| ());
            self.shared.slow_after.store(slow_after(&config), Ordering::Relaxed);
            self.shared.timed.store(config.needs_start(), Ordering::Relaxed);
            self.shared.coarse.store(coarse, Ordering::Relaxed);
            let old = std::mem::replace(&mut locked.config, config);
            locked.settle(&self.shared, now, errands, |scene| scene.machine.reconfigured(&mut scene.cx));
            old
        });
    }

    pub(crate) fn add_observer(&self, observer: Arc<dyn Observe>, wants_refusals: bool) {
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
        errands.run();
        if tells {
            self.tell();
        }
        result
    }

    /// Tells observers, one event after the other, without the lock.
    fn tell(&self) {
        loop {
            let next = self.shared.locked.lock().news.as_deref_mut().and_then(News::next);
            let Some((event, observers)) = next else { return };
            tell(&self.shared.name, &event, &observers);
        }
    }
}

impl Locked {
    fn happen<R>(
        &mut self,
        shared: &Shared,
        now: u64,
        errands: &mut Errands,
        event: impl FnOnce(&mut Scene<'_>) -> R,
    ) -> R {
        self.settle(shared, now, errands, |scene| {
            scene.absorb(&shared.gate);
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
        scene.show(&shared.gate);
        let keep = if scene.machine.is_plainly_closed() { Keep::Plain } else { Keep::Last };
        shared.keep.store(keep as u8, Ordering::Relaxed);
        if let Some(turns) = scene.turns.as_deref_mut() {
            errands.add(turns.settle(scene.machine, &scene.cx));
        }
        result
    }

    fn scene<'a>(&'a mut self, now: u64, environment: &'a Environment) -> Scene<'a> {
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

impl Scene<'_> {
    /// Lets the machine hear of the successes counted at the gate. They are older than what happens now.
    fn absorb(&mut self, gate: &Gate) {
        let count = gate.take_successes();
        if count > 0 {
            self.machine.absorb_successes(&mut self.cx, true, count);
        }
    }

    /// Shows the gate the machine's face, until no success was counted by an older one.
    fn show(&mut self, gate: &Gate) {
        loop {
            match gate.show(self.face()) {
                None => return,
                Some(Left::OfThisGeneration(count)) => self.machine.absorb_successes(&mut self.cx, true, count),
                Some(Left::OfAnOlderOne(count)) => self.machine.absorb_successes(&mut self.cx, false, count),
            }
        }
    }

    fn face(&self) -> Face {
        let mut face = self.machine.face(&self.cx);
        if self.cx.news.as_deref().is_some_and(News::wants_refusals) {
            // Each refusal is to be told of: none is made at the gate.
            face.refuses_until = 0;
        }
        face
    }

    /// Places that belong to others than `turn`.
    pub(crate) fn reserved(&self, turn: Option<u64>) -> u32 {
        self.turns.as_deref().map_or(0, |turns| turns.reserved(turn, self.cx.now))
    }

    /// The list, and what it judges by.
    pub(crate) fn with_turns(&mut self) -> (&mut Turns, &Machine, &Cx<'_>) {
        (self.turns.get_or_insert_default(), self.machine, &self.cx)
    }

    pub(crate) fn existing_turns(&mut self) -> Option<&mut Turns> {
        self.turns.as_deref_mut()
    }

    pub(super) fn snapshot(&self, shared: &Shared) -> Snapshot {
        let (machine, config, now) = (&*self.machine, self.cx.config, self.cx.now);
        let counters = counters(machine, &shared.gate);
        let (failure_rate, slow_call_rate) = machine.rates(config);
        let (failures_in_row, successes_in_row, opens_in_row) = machine.in_row();
        let state = machine.state();
        let wait = machine.wait(now);
        Snapshot {
            name: Arc::clone(&shared.name),
            state,
            mode: machine.active_mode(config),
            enforcement: machine.enforcement(config),
            generation: machine.generation(),
            state_age: duration(now.saturating_sub(machine.entered())),
            open_wait: wait.map(|(whole, _)| duration(whole)),
            open_remaining: wait.map(|(_, remaining)| duration(remaining)),
            ready_to_probe: state == State::Open && wait.is_some_and(|(_, remaining)| remaining == 0),
            failure_rate,
            slow_call_rate,
            window: machine.judged(config).0,
            failures_in_row,
            successes_in_row,
            opens_in_row,
            last_opened: machine.last_opened(now),
            totals: counters.totals,
            refusals: counters.refusals,
            transitions: counters.transitions,
            opens: counters.opens,
            half_opens: counters.half_opens,
            fallbacks: counters.fallbacks,
            vetoed: counters.vetoed,
            last_failure_age: machine.last_failure().map(|at| duration(now.saturating_sub(at))),
            config: Arc::clone(config),
        }
    }
}

fn counters(machine: &Machine, gate: &Gate) -> Counters {
    let mut counters = machine.counters();
    let at_the_gate = gate.refused();
    let RefusalCount { detected, enforced } = &mut counters.refusals.open;
    *detected += at_the_gate;
    *enforced += at_the_gate;
    counters
}

fn slow_after(config: &CircuitBreakerConfig) -> u64 {
    config.slow_call_duration_threshold().map_or(u64::MAX, nanos)
}
