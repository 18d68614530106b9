//! One circuit, many threads.

use std::{
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use super::breaker::{last_100, ours, recloser};
use crate::{
    drive::{call, timed, timed_with},
    inner::Bare,
    measure::Side,
};

pub(super) fn two_recloser() -> (Side, Side) {
    let ours = ours::<0>(last_100());
    let breaker = Arc::new(recloser());
    let theirs = move |calls| {
        together(calls, || {
            let (breaker, mut inner) = (Arc::clone(&breaker), Bare::<0>);
            move |calls| timed_with(calls, |number| breaker.call(|| call(&mut inner, number)))
        })
    };
    let ours = move |calls| {
        together(calls, || {
            let mut service = ours.clone();
            move |calls| timed(&mut service, calls)
        })
    };
    (Box::new(ours), Box::new(theirs))
}

/// Two threads make so many calls each, at once; from the start of both to the end of the last.
fn together<W: FnOnce(u64) -> Duration + Send>(calls: u64, worker: impl Fn() -> W) -> Duration {
    const THREADS: usize = 2;
    let barrier = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (barrier, work) = (&barrier, worker());
                scope.spawn(move || {
                    barrier.wait();
                    work(calls);
                })
            })
            .collect();
        barrier.wait();
        let start = Instant::now();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        start.elapsed()
    })
}
