//! Two hours of the whole stack under random faults, in paused time and with a seed: nothing is counted twice or lost, and
//! no place stays taken.

use std::{
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use ::tower::{Layer, ServiceExt, service_fn};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tower_breaker::{
    Bulkhead, Circuit, CircuitBreakerConfig, ResilienceLayer, State, TokioClock,
    retry::{Jitter, RetryConfig},
};

const MILLI: Duration = Duration::from_millis(1);

/// Calls that reached the service, and those of them that are still there.
#[derive(Debug, Default)]
struct Inside {
    calls: AtomicU64,
    out: AtomicU64,
}

struct Out(Arc<Inside>);

impl Drop for Out {
    fn drop(&mut self) {
        self.0.out.fetch_sub(1, Relaxed);
    }
}

/// Well, dead, slow and hung take turns of five minutes.
async fn served(inside: Arc<Inside>, minute: u64, draw: u64) -> Result<(), io::Error> {
    inside.calls.fetch_add(1, Relaxed);
    inside.out.fetch_add(1, Relaxed);
    let _out = Out(inside);
    sleep(MILLI * (draw % 50) as u32).await;
    match (minute / 5 % 4, draw % 100) {
        (0, 0..=1) | (1, 0..=97) | (2, 0..=30) => Err(io::ErrorKind::ConnectionReset.into()),
        (2, 31..=50) => {
            sleep(MILLI * 400).await;
            Ok(())
        }
        (3, 0..=80) => pending().await,
        _ => Ok(()),
    }
}

fn check(circuit: &Circuit, bulkhead: &Bulkhead, inside: &Inside) {
    let snapshot = circuit.snapshot();
    let totals = &snapshot.totals;
    let ended = totals.successes + totals.failures + totals.ignored + totals.stale + totals.cancelled + totals.bypassed;
    assert_eq!(ended + inside.out.load(Relaxed), inside.calls.load(Relaxed), "{snapshot:?}");
    let figures = bulkhead.figures();
    assert!(figures.in_use <= 16 && figures.queued <= 16, "{figures:?}");
    assert!(inside.out.load(Relaxed) <= figures.in_use, "each call inside has its place");
    assert!(snapshot.open_remaining <= snapshot.open_wait, "{snapshot:?}");
}

#[tokio::test(start_paused = true)]
async fn two_hours_of_the_whole_stack_under_random_faults_lose_no_call_and_no_place() {
    let mut random = fastrand::Rng::with_seed(11);
    let config = CircuitBreakerConfig::builder().failure_threshold(5).build().unwrap();
    let circuit = Circuit::builder("soak").config(config).clock(TokioClock::new()).seed(11).build();
    let bulkhead = Bulkhead::builder(16).max_queue(16).max_wait(MILLI * 100).build().unwrap();
    let layer = ResilienceLayer::builder()
        .timeout(Duration::from_secs(2))
        .attempt_timeout(MILLI * 300)
        .retry(RetryConfig::builder().attempts(3).jitter(Jitter::Full).build().unwrap())
        .bulkhead(bulkhead.clone())
        .circuit(circuit.clone())
        .build()
        .unwrap();
    let (start, inside) = (Instant::now(), Arc::<Inside>::default());
    let (seen, draws) = (Arc::clone(&inside), Arc::new(AtomicU64::new(1)));
    let service = layer.layer(service_fn(move |(): ()| {
        let draw = draws.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed) >> 40;
        served(Arc::clone(&seen), start.elapsed().as_secs() / 60, draw)
    }));

    let mut callers = JoinSet::new();
    while start.elapsed() < Duration::from_secs(2 * 3600) {
        // A few at once, now and then; some leave early.
        for _ in 0..random.u32(0..4) {
            let patience = if random.u32(0..10) == 0 { MILLI * random.u32(1..1500) } else { Duration::from_secs(60) };
            callers.spawn(timeout(patience, service.clone().oneshot(())));
        }
        sleep(MILLI * random.u32(50..900)).await;
        while callers.try_join_next().is_some_and(|joined| joined.map(drop).is_ok()) {}
        check(&circuit, &bulkhead, &inside);
        match random.u32(0..4000) {
            0 => circuit.reset(),
            1 => circuit.force_open_for(Duration::from_secs(5)),
            2 => callers.shutdown().await,
            _ => {}
        }
    }
    while let Some(joined) = callers.join_next().await {
        drop(joined.unwrap());
    }
    check(&circuit, &bulkhead, &inside);
    let (snapshot, figures) = (circuit.snapshot(), bulkhead.figures());
    assert_eq!((inside.out.load(Relaxed), figures.in_use, figures.queued), (0, 0, 0));
    assert!(snapshot.opens > 10 && snapshot.totals.successes > 1000 && snapshot.totals.failures > 100, "{snapshot:?}");

    // It is as good as new.
    circuit.reset();
    assert_eq!(circuit.state(), State::Closed);
    assert!(bulkhead.try_acquire().is_ok());
}
