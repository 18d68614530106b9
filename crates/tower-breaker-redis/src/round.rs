//! The one task: once an interval it hears what changed, tells what it counted, and follows.
//!
//! A round is one call of `read.lua`, one of `exchange.lua` for each 64 circuits that have something to say (most rounds: those
//! that were called), and one of `publish.lua` if it learnt something before the others could. When any of them fails the round
//! is over and the link is dropped.

mod steps;
#[cfg(test)]
mod tests;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};
use tower_breaker_core::Circuits;

use crate::{
    FleetEvent,
    keys::Keys,
    link::{Link, Script, Target},
    member::{Member, Terms},
    shared::Shared,
    tell::{Tell, tell},
    wire::Line,
};

/// What a round works with.
pub(crate) struct Setup {
    pub(crate) circuits: Circuits,
    pub(crate) keys: Keys,
    pub(crate) address: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) quorum: u32,
    pub(crate) lease: Duration,
    pub(crate) expiry: Duration,
    pub(crate) terms: Terms,
    pub(crate) shared: Arc<Shared>,
    pub(crate) on_event: Option<Box<Tell>>,
}

pub(crate) struct Round {
    setup: Setup,
    target: Target,
    link: Option<Link>,
    scripts: Scripts,
    chance: fastrand::Rng,
    members: HashMap<Arc<str>, Member>,
    index: Index,
    number: u64,
    /// Rounds that failed since one succeeded.
    failed: u32,
    heard_at: Option<Instant>,
    /// Circuits whose damage was to be said.
    damages: VecDeque<(Arc<str>, String)>,
}

struct Scripts {
    read: Script,
    exchange: Script,
    publish: Script,
}

/// What this instance has read of the index.
#[derive(Default)]
struct Index {
    born: String,
    last: String,
    /// The number that what it published last was given.
    given: u64,
    lines: HashMap<Arc<str>, Line>,
    now: Clock,
}

/// Redis's own time, and when it was that.
pub(crate) type Clock = Option<(i64, Instant)>;

/// 0 where it was never told.
fn redis_now(clock: Clock, now: Instant) -> i64 {
    clock.map_or(0, |(redis, at)| redis + i64::try_from((now - at).as_millis()).unwrap_or(0))
}

impl Round {
    /// What was set by hand by now was set before there was a fleet.
    pub(crate) fn new(setup: Setup, target: Target) -> Self {
        let now = Instant::now();
        let circuits = setup.circuits.list().into_iter();
        let members = circuits.map(|circuit| (circuit.name().into(), Member::new(&circuit, false, now))).collect();
        Self {
            setup,
            target,
            link: None,
            scripts: Scripts {
                read: Script::new(include_str!("scripts/read.lua")),
                exchange: Script::new(include_str!("scripts/exchange.lua")),
                publish: Script::new(include_str!("scripts/publish.lua")),
            },
            chance: fastrand::Rng::new(),
            members,
            index: Index::default(),
            number: 0,
            failed: 0,
            heard_at: None,
            damages: VecDeque::new(),
        }
    }

    /// Until the handle is gone.
    pub(crate) async fn run(mut self, mut stopped: watch::Receiver<()>) {
        let ended = Ended(Arc::clone(&self.setup.shared));
        loop {
            let started = Instant::now();
            tokio::select! {
                biased;
                _ = stopped.changed() => break,
                outcome = self.round() => self.note(started, outcome),
            }
            let next = started + self.pause();
            tokio::select! {
                biased;
                _ = stopped.changed() => break,
                () = sleep_until(next) => {}
            }
        }
        self.leave().await;
        drop(ended);
    }

    /// An interval, give or take a tenth; up to eight while Redis is away, so that a fleet does not fall upon it when it is back.
    fn pause(&mut self) -> Duration {
        let patience = 1 << self.failed.saturating_sub(1).min(3);
        self.setup.interval.mul_f64(self.chance.f64().mul_add(0.2, 0.9)) * patience
    }

    fn note(&mut self, started: Instant, outcome: Result<(), String>) {
        let now = Instant::now();
        let wrong = outcome.err().map(|reason| format!("redis at {}: {reason}", self.setup.address));
        let event = match &wrong {
            None => {
                let after = self.heard_at.map(|at| now - at);
                let joined = self.failed > 0 || self.heard_at.is_none();
                self.failed = 0;
                self.heard_at = Some(now);
                joined.then_some(FleetEvent::Joined { after })
            }
            Some(reason) => {
                self.link = None;
                self.failed = self.failed.saturating_add(1);
                (self.failed == 1).then(|| FleetEvent::Away { reason: reason.clone() })
            }
        };
        let mut state = self.setup.shared.state();
        state.connected = self.failed == 0;
        if state.connected {
            state.rounds += 1;
            state.heard_at = Some(now);
            state.took = now - started;
        } else {
            state.failed += 1;
        }
        state.reason = wrong;
        drop(state);
        let damages = self
            .damages
            .drain(..)
            .map(|(circuit, reason)| FleetEvent::Damaged { circuit: circuit.to_string(), reason });
        for event in event.into_iter().chain(damages) {
            tell(self.setup.on_event.as_deref(), self.setup.circuits.name(), &event);
        }
    }
}

/// Whatever ends the task, the gauge says so.
struct Ended(Arc<Shared>);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.connected = false;
        state.reason.get_or_insert_with(|| "the fleet's task has ended".to_owned());
        state.circuits.clear();
    }
}
