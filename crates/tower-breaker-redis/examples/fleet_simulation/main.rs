//! A thousand instances around one Redis, and a thousand that know nothing of each other.
//!
//! ```text
//! redis-server --port 7777 --save "" &
//! cargo run --release -p tower-breaker-redis --example fleet_simulation -- redis://127.0.0.1:7777 [instances [circuits [called [per_second]]]]
//! ```
//! Every instance makes 10 calls a second, unless said otherwise, and tells and hears once a second. The dependency of one circuit is down for 20 s.

mod simulation;

use std::time::Duration;

use simulation::{Plan, run};

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let Some(url) = args.next() else {
        eprintln!("usage: fleet_simulation redis://host:port [instances [circuits [called [per_second]]]]");
        std::process::exit(2);
    };
    let mut number = |default| args.next().and_then(|word| word.parse().ok()).unwrap_or(default);
    let (instances, circuits, called) = (number(1_000), number(10), number(1));
    let per_second = args.next().and_then(|word| word.parse().ok()).unwrap_or(10.0);
    let plan = Plan {
        instances,
        circuits,
        called: called.clamp(1, circuits),
        per_second,
        interval: Duration::from_secs(1),
        lease: Duration::from_secs(5),
        open_duration: Duration::from_secs(5),
        phase: Duration::from_secs(20),
    };
    println!("{plan:?}");
    println!("one fleet:\n{}", run(&plan, Some(&url)).await);
    println!("each by itself:\n{}", run(&plan, None).await);
}
