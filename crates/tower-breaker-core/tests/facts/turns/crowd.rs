//! Many at one circuit: who leaves is gone, the others are woken once, in the order in which they came.

use std::{
    sync::{Arc, mpsc},
    task::{Wake, Waker},
};

use tower_breaker_core::{Circuit, ManualClock, Readiness, Turn};

use super::{SECOND, config, fail, open};

const MANY: usize = 500;

/// Tells its number when it is woken.
struct Numbered {
    number: usize,
    woken: mpsc::Sender<usize>,
}

impl Wake for Numbered {
    fn wake(self: Arc<Self>) {
        self.woken.send(self.number).expect("the test listens");
    }
}

/// Has many turns come, lets two of three go in any order, and gives back who should be woken.
fn crowd(circuit: &Circuit, come: impl Fn(&mut Turn, &Waker)) -> (Vec<usize>, mpsc::Receiver<usize>, Vec<Turn>) {
    let (tell, told) = mpsc::channel();
    let waker = |number| Waker::from(Arc::new(Numbered { number, woken: tell.clone() }));
    let mut turns: Vec<_> = (0..MANY).map(|number| (number, Turn::new(circuit.clone()))).collect();
    // Twice, the second time in another order: a place is kept.
    turns.iter_mut().for_each(|(number, turn)| come(turn, &waker(*number)));
    turns.iter_mut().rev().for_each(|(number, turn)| come(turn, &waker(*number)));
    fastrand::Rng::with_seed(5).shuffle(&mut turns);
    turns.truncate(MANY / 3);
    let mut stay: Vec<_> = turns.iter().map(|(number, _)| *number).collect();
    stay.sort_unstable();
    (stay, told, turns.into_iter().map(|(_, turn)| turn).collect())
}

#[test]
fn watchers_are_woken_once_in_the_order_in_which_they_came_whoever_left() {
    let config = config().build().expect("a valid configuration");
    let circuit = Circuit::builder("crowded").config(config).clock(ManualClock::new()).seed(1).build();
    let (stay, woken, turns) = crowd(&circuit, Turn::watch);
    assert!(woken.try_recv().is_err(), "nobody yet");
    fail(&circuit);
    assert_eq!(woken.try_iter().collect::<Vec<_>>(), stay);
    circuit.reset();
    fail(&circuit);
    drop(turns);
    assert!(woken.try_recv().is_err(), "nobody again");
}

#[test]
fn those_in_the_queue_are_woken_once_in_the_order_in_which_they_came_whoever_left() {
    let (circuit, _clock) = open(config().open_duration(SECOND * 60));
    let (stay, woken, turns) = crowd(&circuit, |turn, waker| {
        assert!(matches!(turn.wait(waker), Readiness::Wait { .. }));
    });
    assert_eq!(circuit.waiting(), stay.len());
    // Whoever came to be the first meanwhile was told to keep the time.
    let told: Vec<_> = woken.try_iter().collect();
    circuit.reset();
    assert_eq!(circuit.waiting(), 0);
    let rest = if told.contains(&stay[0]) { &stay[1..] } else { &stay[..] };
    assert_eq!(woken.try_iter().collect::<Vec<_>>(), rest);
    drop(turns);
}
