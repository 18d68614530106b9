//! One circuit and 1 to N threads that do nothing but call: `cargo bench -p benches --bench threads`, with `-- --quick` for a
//! look, `-- 16` for up to 16 threads (default: as many as the machine has cores, and at least 2).
//!
//! Beside recloser stands the floor of the obvious way: one `Arc` cloned and dropped, and one counter, for each call.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]
#![allow(clippy::cast_precision_loss, reason = "counts and nanoseconds stay far below 2^53")]

use std::{
    env,
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use recloser::Recloser;
use tower::Layer;
use tower_breaker::{Circuit, CircuitBreakerConfig, CircuitBreakerLayer, SlidingWindow};

#[path = "support/drive.rs"]
mod drive;
#[path = "support/inner.rs"]
mod inner;
#[path = "support/together.rs"]
mod together;

use drive::{call, timed, timed_with};
use inner::Bare;
use together::together;

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let (rounds, calls) = if arguments.iter().any(|it| it == "--quick") { (5, 50_000) } else { (15, 200_000) };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let most = arguments.iter().find_map(|it| it.parse().ok()).unwrap_or(cores.max(2));

    let config = CircuitBreakerConfig::builder().sliding_window(SlidingWindow::calls(100)).build().unwrap();
    let service = CircuitBreakerLayer::new(Circuit::new("shared", config)).layer(Bare::<0>);
    let breaker = Arc::new(Recloser::custom().error_rate(0.5).closed_len(100).build());
    let counter = Arc::new(AtomicU64::new(0));

    println!("{cores} cores; millions of calls a second of all threads together, medians of {rounds} rounds in turn");
    println!(
        "{:>7} {:>8} {:>9} {:>8} {:>15} {:>12}",
        "threads", "ours", "recloser", "floor", "ours/recloser", "ours/floor"
    );
    for threads in (0..).map(|power| 1 << power).take_while(|threads| *threads <= most) {
        let (mut ours, mut theirs, mut floor) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(together(threads, calls, || {
                let mut service = service.clone();
                move |calls| timed(&mut service, calls)
            }));
            theirs.push(together(threads, calls, || {
                let (breaker, mut inner) = (Arc::clone(&breaker), Bare::<0>);
                move |calls| timed_with(calls, |number| breaker.call(|| call(&mut inner, number)))
            }));
            floor.push(together(threads, calls, || {
                let (counter, mut inner) = (Arc::clone(&counter), Bare::<0>);
                move |calls| {
                    timed_with(calls, |number| {
                        let held = black_box(Arc::clone(&counter));
                        let result = call(&mut inner, number);
                        held.fetch_add(1, Ordering::Relaxed);
                        result
                    })
                }
            }));
        }
        let rates = [ours, theirs, floor].map(|mut times| {
            times.sort();
            (calls * threads as u64) as f64 / times[times.len() / 2].as_secs_f64() / 1e6
        });
        let [ours, theirs, floor] = rates;
        println!(
            "{threads:>7} {ours:>8.1} {theirs:>9.1} {floor:>8.1} {:>7.2} (2.0) {:>6.2} (0.8)",
            ours / theirs,
            ours / floor
        );
    }
}
