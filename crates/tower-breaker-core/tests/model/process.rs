//! What is around the circuit under test: its set, the clocks, the others of its ejection group; and what a restart does
//! to all of it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits, EjectionGroup, Export, ManualClock};

use super::ops::{Health, Setting, Step};

const HOUR: Duration = Duration::from_secs(3_600);

pub(super) struct Process {
    clock: ManualClock,
    now: Duration,
    wall: SystemTime,
    set: Circuits,
    pub(super) circuit: Circuit,
    group: Option<EjectionGroup>,
    others: Vec<Circuit>,
}

/// What a process leaves behind.
pub(super) struct Left {
    text: String,
    stamped: SystemTime,
}

impl Process {
    pub(super) fn new(setting: &Setting) -> Self {
        let now = Duration::from_millis(12_345);
        let clock = ManualClock::starting_at(now);
        let group = setting.group.map(|(share, _)| EjectionGroup::new(share).expect("a share"));
        let others = setting.group.map_or(0, |(_, others)| others);
        let others = group.iter().flat_map(|group| (0..others).map(|_| other_of(group))).collect();
        let (set, circuit) = started(setting.config.clone(), &clock, group.as_ref());
        let wall = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Self { clock, now, wall, set, circuit, group, others }
    }

    pub(super) const fn now(&self) -> Duration {
        self.now
    }

    pub(super) fn advance(&mut self, by: Duration) {
        self.now += by;
        self.clock.set(self.now);
        self.wall += by;
    }

    /// How many of the group are out, if there is one.
    pub(super) fn ejected(&self) -> Option<usize> {
        self.group.as_ref().map(EjectionGroup::ejected)
    }

    pub(super) fn set_health(&self, other: usize, health: Health) {
        match health {
            Health::Sick => drop(self.others[other].call(|| Err::<(), _>("sick"))),
            Health::Well => self.others[other].reset(),
        }
    }

    pub(super) fn export(&self) -> Left {
        let text = serde_json::to_string(&self.set.export_at(self.wall)).expect("an export is JSON");
        Left { text, stamped: self.wall }
    }

    /// Takes over what was left; says how much wall time has passed since. None, for all that it knows, if the clock was
    /// set back.
    pub(super) fn restore(&self, left: &Left) -> Duration {
        let export: Export = serde_json::from_str(&left.text).expect("what was written is read");
        self.set.restore_at(&export, self.wall).expect("it is whole");
        self.wall.duration_since(left.stamped).unwrap_or_default()
    }

    pub(super) fn step_wall_clock(&mut self, step: Step) {
        match step {
            Step::None => {}
            Step::AnHourAhead => self.wall += HOUR,
            Step::AnHourBack => self.wall -= HOUR,
        }
    }

    /// The circuit goes, and with it its place in the group, if nothing else holds it.
    pub(super) fn end(&mut self) {
        drop(self.set.remove(NAME));
        self.circuit = Circuit::new("gone", CircuitBreakerConfig::default());
    }

    /// Another comes, that knows nothing.
    pub(super) fn start(&mut self, config: CircuitBreakerConfig) {
        (self.set, self.circuit) = started(config, &self.clock, self.group.as_ref());
    }
}

const NAME: &str = "model";

fn started(config: CircuitBreakerConfig, clock: &ManualClock, group: Option<&EjectionGroup>) -> (Circuits, Circuit) {
    let set = Circuits::builder().config(config).capacity(1).clock(clock.clone()).seed(7);
    let set = match group {
        Some(group) => set.ejection_group(group),
        None => set,
    };
    let set = set.build();
    let circuit = set.get_or_create(NAME);
    (set, circuit)
}

/// Another circuit of the group: with one failure it is out for good, if the group allows.
fn other_of(group: &EjectionGroup) -> Circuit {
    let config = CircuitBreakerConfig::builder().failure_threshold(1).failure_rate_threshold(None);
    let config = config.open_duration(Duration::MAX).build().expect("a valid configuration");
    Circuit::builder("other").config(config).clock(ManualClock::new()).ejection_group(group).build()
}
