//! What a circuit of a set takes, over a million of them, and what a call takes while it is under way:
//! `cargo bench -p benches --bench memory`, with `-- --quick` over a hundred thousand.
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]
#![allow(clippy::cast_precision_loss, reason = "counts of bytes stay far below 2^53")]

use std::{env, fs, time::Duration};

use tower::Layer;
use tower_breaker::{
    Bulkhead, Circuit, CircuitBreakerConfig, CircuitBreakerLayer, Circuits, Outcome, ResilienceLayer,
    retry::RetryConfig,
};
use tower_service::Service;

#[path = "support/inner.rs"]
mod inner;

use inner::Bare;

fn main() {
    let quick = env::args().any(|argument| argument == "--quick");
    println!(
        "a circuit with the default configuration, all told: name, entry in the set, window; the set sized to fit"
    );
    println!("{:>11} {:>14} {:>10} {:>10} {:>8}", "circuits", "", "asked for", "held", "bar");
    let count = if quick { 100_000 } else { 1_000_000 };
    print(count, "closed", Some(512), |_| ());
    print(count, "opened once", None, |circuit| {
        (0..5).filter_map(|_| circuit.try_acquire().ok()).for_each(|permit| permit.record(Outcome::Failure));
    });

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _entered = runtime.enter();
    println!(
        "\nwhat a call adds to the inner future (for the stack: to the inner future, the service and the request)"
    );
    println!("{:>26} {:>8} {:>8}", "", "bytes", "bar");
    let inner = future_of(&mut Bare::<0>);
    let breaker =
        future_of(&mut CircuitBreakerLayer::new(Circuit::new("one", CircuitBreakerConfig::default())).layer(Bare::<0>));
    println!("{:>26} {:>8} {:>8}", "circuit breaker", breaker - inner, 64);
    let stack = future_of(&mut stack().layer(Bare::<0>));
    let service = size_of::<Bare<0>>() + size_of::<u64>();
    println!("{:>26} {:>8} {:>8}", "whole stack", stack - inner - service, 512);
}

fn stack() -> ResilienceLayer {
    ResilienceLayer::builder()
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::default())
        .bulkhead(Bulkhead::builder(64).max_queue(128).max_wait(Duration::from_millis(100)).build().unwrap())
        .circuit(Circuit::new("all", CircuitBreakerConfig::default()))
        .attempt_timeout(Duration::from_secs(2))
        .build()
        .unwrap()
}

fn future_of<S: Service<u64>>(_: &mut S) -> usize {
    size_of::<S::Future>()
}

fn print(count: usize, what: &str, bar: Option<u32>, touch: impl Fn(&Circuit)) {
    let (mut set, before) = (None, resident());
    let counted = allocation_counter::measure(|| {
        // A little room, because the parts of the map do not fill evenly.
        let circuits =
            Circuits::builder().config(CircuitBreakerConfig::default()).capacity(count + count / 100).build();
        for key in 0..count {
            touch(&circuits.get_or_create(&format!("host-{key}.example.com")));
        }
        set = Some(circuits);
    });
    let kept = set.as_ref().map_or(0, Circuits::len);
    let (asked, held) = (counted.bytes_current as f64 / kept as f64, (resident() - before) / kept as f64);
    match bar {
        Some(bar) => println!("{kept:>11} {what:>14} {asked:>10.1} {held:>10.1} {bar:>8}"),
        // The process may hold what an earlier set gave back: only the first one shows what is held.
        None => println!("{kept:>11} {what:>14} {asked:>10.1}"),
    }
}

/// Bytes of memory the process holds, where the system says so.
fn resident() -> f64 {
    let pages =
        fs::read_to_string("/proc/self/statm").ok().and_then(|line| line.split(' ').nth(1)?.parse::<f64>().ok());
    pages.map_or(f64::NAN, |pages| pages * 4_096.0)
}
