//! A clone's turn at a circuit that refuses: leases, the queue, and who is woken.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Wake, Waker},
    time::Duration,
};

use tower_breaker_core::{
    Circuit, CircuitBreakerConfig, CircuitBreakerConfigBuilder, ManualClock, Outcome, Readiness, State, Transition,
    Turn,
};

const SECOND: Duration = Duration::from_secs(1);

fn looks_again(readiness: Readiness) -> Option<Duration> {
    let Readiness::Wait { look_again, .. } = readiness else { panic!("{readiness:?}") };
    look_again
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wakes {
    fn new() -> (Arc<Self>, Waker) {
        let wakes = Arc::new(Self::default());
        (Arc::clone(&wakes), Waker::from(wakes))
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("a waker that panics");
    }
}

fn config() -> CircuitBreakerConfigBuilder {
    CircuitBreakerConfig::builder()
        .failure_threshold(1)
        .failure_rate_threshold(None)
        .success_threshold(2)
        .open_duration(SECOND)
        .open_duration_jitter(0.0)
}

fn fail(circuit: &Circuit) {
    let _ = circuit.call(|| Err::<(), _>(()));
}

/// Open since now, for a second.
fn open(config: CircuitBreakerConfigBuilder) -> (Circuit, ManualClock) {
    let clock = ManualClock::new();
    let circuit = Circuit::builder("turns")
        .config(config.build().expect("a valid configuration"))
        .clock(clock.clone())
        .seed(1)
        .build();
    fail(&circuit);
    (circuit, clock)
}

fn ready_to_probe(config: CircuitBreakerConfigBuilder) -> (Circuit, ManualClock) {
    let (circuit, clock) = open(config);
    clock.advance(SECOND);
    (circuit, clock)
}

#[test]
fn the_first_in_the_queue_looks_again_at_a_probes_deadline_also_after_a_hold() {
    let (circuit, clock) = open(config());
    circuit.hold_probes(SECOND * 2);
    clock.advance(SECOND * 3);
    let _probe = circuit.try_acquire().unwrap();
    let mut turn = Turn::new(circuit);
    assert_eq!(looks_again(turn.wait(Waker::noop())), Some(SECOND * 60));
}

#[test]
fn an_asker_pending_on_its_inner_service_hears_that_its_lease_is_gone() {
    type Happens = (&'static str, fn(&Circuit));
    let again: [Happens; 3] = [
        ("reopened by another probe", |circuit| circuit.try_acquire().unwrap().record(Outcome::Failure)),
        ("reset and tripped", |circuit| {
            circuit.reset();
            fail(circuit);
        }),
        ("forced open", Circuit::force_open),
    ];
    for (how, again) in again {
        for backpressure in [false, true] {
            let (circuit, _clock) = ready_to_probe(config().half_open_max_concurrent(2));
            let (wakes, waker) = Wakes::new();
            let mut turn = Turn::new(circuit.clone());
            let readiness = if backpressure { turn.wait(&waker) } else { turn.ask() };
            assert_eq!(readiness, Readiness::Pass);
            turn.watch(&waker);
            again(&circuit);
            assert_eq!(circuit.state(), State::Open);
            assert_eq!(wakes.count(), 1, "{how}, backpressure {backpressure}");
        }
    }
}

#[test]
fn nobody_overtakes_the_queue_as_the_wait_ends() {
    let (circuit, clock) = open(config());
    let mut first = Turn::new(circuit.clone());
    first.wait(Waker::noop());
    clock.advance(SECOND);
    assert!(circuit.try_acquire().is_err());
    assert_eq!(Turn::new(circuit.clone()).ask(), Readiness::Refuse);
    assert!(circuit.would_refuse());
    assert_eq!(first.wait(Waker::noop()), Readiness::Pass);
    assert!(first.acquire().is_ok());
}

#[test]
fn a_waker_that_panics_keeps_nobody_from_being_woken_or_told() {
    let (circuit, _clock) = open(config());
    let told = Arc::new(AtomicUsize::new(0));
    let tells = Arc::clone(&told);
    circuit.observe(move |_: &Transition| {
        tells.fetch_add(1, Ordering::SeqCst);
    });
    let (mut first, mut second) = (Turn::new(circuit.clone()), Turn::new(circuit.clone()));
    let (wakes, waker) = Wakes::new();
    first.wait(&Waker::from(Arc::new(Panics)));
    second.wait(&waker);
    assert!(std::panic::catch_unwind(|| circuit.reset()).is_err());
    fail(&circuit);
    assert_eq!((told.load(Ordering::SeqCst), wakes.count()), (2, 1));
}

#[test]
fn a_turn_dropped_gives_its_place_in_the_queue_on() {
    let (circuit, clock) = open(config());
    let (mut first, mut second) = (Turn::new(circuit.clone()), Turn::new(circuit.clone()));
    let (wakes, waker) = Wakes::new();
    first.wait(Waker::noop());
    second.wait(&waker);
    drop(first);
    // It keeps the time now.
    assert_eq!(wakes.count(), 1);
    assert_eq!(looks_again(second.wait(&waker)), Some(SECOND));
    clock.advance(SECOND);
    assert_eq!(second.wait(&waker), Readiness::Pass);
}
