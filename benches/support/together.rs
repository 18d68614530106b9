//! Threads that begin at once.

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

/// So many threads make so many calls each; from the start of the first to the end of the last.
pub(crate) fn together<W: FnOnce(u64) -> Duration + Send>(
    threads: usize,
    calls: u64,
    worker: impl Fn() -> W,
) -> Duration {
    let barrier = Barrier::new(threads);
    let spans: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|_| {
                let (barrier, work) = (&barrier, worker());
                scope.spawn(move || {
                    barrier.wait();
                    let start = Instant::now();
                    work(calls);
                    (start, Instant::now())
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let start = spans.iter().map(|(start, _)| *start).min();
    let end = spans.iter().map(|(_, end)| *end).max();
    end.zip(start).map_or(Duration::ZERO, |(end, start)| end - start)
}
