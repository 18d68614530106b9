//! The wall clock: somebody sets it, by hours and both ways, while circuits are in every state. It is read for one thing only,
//! how long a process was down.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tower_breaker_core::{
    ActiveMode, CircuitBreakerConfigBuilder, Circuits, Clock, Export, ManualClock, Outcome, Permit, Reason,
    SlidingWindow, Snapshot, State, SystemClock,
};

use super::{admitted, fail, ms, plain, refused, secs, succeed};

const HOUR: Duration = Duration::from_secs(3_600);
/// Of the wall clock, in hours.
const STEPS: [i64; 7] = [0, 1, -1, 5, -30, 1_000, -1_000];

fn wall(hours: i64) -> SystemTime {
    let noon = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let by = HOUR * u32::try_from(hours.unsigned_abs()).expect("a few hours");
    if hours < 0 { noon - by } else { noon + by }
}

/// A time window, a row, slow calls, a ramp and a throttle: all that asks for the time.
fn timed() -> CircuitBreakerConfigBuilder {
    plain()
        .failure_threshold(5)
        .failure_rate_threshold(0.6)
        .sliding_window(SlidingWindow::time_in(secs(10), 10))
        .minimum_calls(8)
        .max_age(secs(20))
        .slow_call_duration_threshold(secs(2))
        .open_duration(secs(40))
        .open_duration_multiplier(2.0)
        .max_open_duration(secs(600))
        .half_open_timeout(secs(30))
        .recovery_ramp(secs(100))
        .throttle(4.0)
}

struct Process {
    circuits: Circuits,
    clock: ManualClock,
    out: Vec<Permit>,
}

impl Process {
    fn start() -> Self {
        let clock = ManualClock::new();
        let config = timed().build().expect("a valid configuration");
        Self {
            circuits: Circuits::builder().config(config).clock(clock.clone()).seed(9).build(),
            clock,
            out: Vec::new(),
        }
    }

    /// A second of a life in which circuits of all kinds get into every state.
    fn live(&mut self, second: u32) {
        let circuit = |name| self.circuits.get_or_create(name);
        let well = !(20..60).contains(&second);
        for name in ["closed", "outage", "hung"] {
            for call in 0..4 {
                let fails = if name == "closed" { call == 0 } else { !well };
                let Ok(permit) = circuit(name).try_acquire() else { continue };
                if name == "hung" && !well {
                    self.out.push(permit);
                } else {
                    permit.record(if fails { Outcome::Failure } else { Outcome::Success });
                }
            }
        }
        match second {
            10 => circuit("forced").force_open_for(secs(25)),
            15 => fail(&circuit("half-open"), 5),
            55 => self.out.push(admitted(&circuit("half-open"))),
            70 => self.out.clear(),
            _ => {}
        }
        self.clock.advance(secs(1));
    }
}

#[test]
fn steps_of_hours_change_nothing_that_any_circuit_does() {
    let (mut steady, mut stepped) = (Process::start(), Process::start());
    let mut states = Vec::new();
    for second in 0..200 {
        // Somebody else keeps looking at both, at another time each.
        let step = STEPS[second as usize % STEPS.len()];
        let exports = [steady.circuits.export_at(wall(0)), stepped.circuits.export_at(wall(step))];
        assert_eq!(lives(&exports[0]), lives(&exports[1]), "second {second}");
        steady.live(second);
        stepped.live(second);
        let (ours, theirs) = (seen(&steady), seen(&stepped));
        assert_eq!(ours, theirs, "second {second}");
        states.extend(ours.iter().map(|now| (now.name.to_string(), now.state)));
    }
    let was = |name: &str, state| states.contains(&(name.to_owned(), state));
    assert!(was("closed", State::Closed) && was("half-open", State::HalfOpen) && was("forced", State::Open));
    assert!(was("outage", State::Open) && states.ends_with(&[("outage".to_owned(), State::Closed)]));
}

fn seen(process: &Process) -> Vec<Snapshot> {
    let mut all = process.circuits.snapshots();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all
}

/// An export but for its stamp.
fn lives(export: &Export) -> serde_json::Value {
    let mut value = serde_json::to_value(export).expect("an export is JSON");
    assert!(value.as_object_mut().expect("of fields").remove("stamped").is_some());
    value
}

/// Circuits in every state, and what was exported of them.
fn in_every_state() -> (Process, Export) {
    let process = Process::start();
    let circuit = |name| process.circuits.get_or_create(name);
    fail(&circuit("half-open"), 5);
    fail(&circuit("recovering"), 5);
    process.clock.advance(secs(40));
    succeed(&circuit("recovering"), 2);
    drop(admitted(&circuit("half-open")));
    fail(&circuit("open"), 5);
    circuit("forced").force_open();
    circuit("forced for a time").force_open_for(secs(50));
    circuit("forced closed").force_closed();
    process.clock.advance(secs(10));
    let export = process.circuits.export_at(wall(0));
    (process, export)
}

fn now(process: &Process, name: &str) -> Snapshot {
    process.circuits.snapshot(name).expect("it is there")
}

#[test]
fn after_a_restart_no_circuit_waits_longer_than_it_would_have_and_none_forgets_what_it_is() {
    let (_, export) = in_every_state();
    for step in STEPS {
        let process = Process::start();
        process.clock.advance(ms(1));
        process.circuits.restore_at(&export, wall(step)).expect("it is whole");
        // Hours ahead: as if it had been down so long. Back: as if for no time.
        let rest = |left: Duration| if step > 0 { Duration::ZERO } else { left };
        let open = now(&process, "open");
        assert_eq!(
            (open.state, open.opens_in_row, open.open_remaining),
            (State::Open, 1, Some(rest(secs(30)))),
            "{step}"
        );
        let half_open = now(&process, "half-open");
        assert!(half_open.ready_to_probe, "{step}: {half_open:?}");
        let ramp = now(&process, "recovering");
        let left = (step <= 0).then_some(secs(90));
        assert_eq!((ramp.state, ramp.ramp_remaining), (State::Closed, left), "{step}");
        let timed = now(&process, "forced for a time");
        assert_eq!(timed.open_remaining, Some(rest(secs(40))), "{step}: {timed:?}");
        assert_eq!(now(&process, "forced").mode, ActiveMode::ForcedOpen, "{step}");
        assert_eq!(now(&process, "forced closed").mode, ActiveMode::ForcedClosed, "{step}");

        // From there on it is the monotonic clock again.
        let db = process.circuits.get("open").expect("it is there");
        if step <= 0 {
            process.clock.advance(secs(30) - ms(1));
            assert_eq!(refused(&db), Some(Reason::Open), "{step}");
            process.clock.advance(ms(1));
        }
        succeed(&db, 2);
        assert_eq!(db.state(), State::Closed, "{step}");
        process.clock.advance(secs(10));
        assert!(now(&process, "forced for a time").ready_to_probe, "{step}");
    }
}

#[test]
fn what_is_restored_into_a_life_under_way_waits_no_longer_either() {
    for step in STEPS {
        let (process, export) = in_every_state();
        for name in ["closed", "forced for a time"] {
            process.circuits.get_or_create(name).reset();
        }
        fail(&process.circuits.get_or_create("closed"), 4);
        process.circuits.restore_at(&export, wall(step)).expect("it is whole");
        let most = |name, most| assert!(now(&process, name).open_remaining <= Some(most), "{name}, {step}");
        most("open", secs(30));
        most("half-open", Duration::ZERO);
        most("forced for a time", secs(40));
        // What is closed and untouched is in no export, and goes on.
        let closed = now(&process, "closed");
        assert_eq!((closed.window.failures, closed.failures_in_row), (4, 4), "{step}");
    }
}

#[test]
fn the_systems_clock_is_no_wall_clock() {
    // Since the machine or the process started: nobody sets that.
    let years = SystemClock.now() / (365 * 24 * 3_600);
    assert!(years < secs(30), "{years:?} years");
}
