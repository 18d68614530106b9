//! A fallback that takes an order now and delivers it later.
//!
//! ```sh
//! cargo run --example queued_fallback
//! ```
//!
//! In one process, in about three seconds: orders come every 100 ms, and the warehouse they go to is down for a second.
//! Its circuit opens after three failures. From then on orders are queued and answered 202, until the queue is full;
//! when the circuit closes again an observer wakes the task that drains the queue, at its own pace, through the same
//! circuit.
//!
//! What makes this right for orders and not for everything:
//!
//! - Only orders that were *refused* are queued: they were never sent. One that failed on the way may have arrived, so
//!   its failure is the caller's, who may repeat it with the same `Idempotency-Key`.
//! - The queue is bounded. When it is full, the answer is the 503 that it would have been.
//! - It lives in memory: a real one that promises 202 writes to disk first.

use std::{
    convert::Infallible,
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{Request, Response, StatusCode};
use tokio::{
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_breaker::{
    Circuit, CircuitBreakerConfig, CircuitBreakerLayer, FallbackLayer, Refusal, State, Transition,
    fallback::{self, Cause},
};

const QUEUE: usize = 6;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = CircuitBreakerConfig::builder()
        .failure_threshold(3)
        .open_duration(Duration::from_millis(500))
        .open_duration_multiplier(1.0)
        .success_threshold(1)
        .build()?;
    let circuit = Circuit::new("warehouse", config);

    // Told after each transition. It must not block, so it only wakes.
    let closed = Arc::new(Notify::new());
    circuit.observe({
        let closed = Arc::clone(&closed);
        move |transition: &Transition| {
            println!("           circuit: {:?} -> {:?}", transition.from, transition.to);
            if transition.to == State::Closed {
                closed.notify_one();
            }
        }
    });

    // The part below the fallback is what the queue is drained through.
    let start = Instant::now();
    let warehouse = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::http(circuit.clone()))
        .service(service_fn(move |order: Request<String>| deliver(start, order)));

    let (queue, queued) = mpsc::channel(QUEUE);
    let later = fallback::lookup(move |order: Request<String>, _: &Cause| {
        // Full: nothing is found, and the 503 with its `Retry-After` stands.
        queue.try_send(order).ok()?;
        let mut answer = Response::new("queued".to_owned());
        *answer.status_mut() = StatusCode::ACCEPTED;
        Some(answer)
    });
    let drain = tokio::spawn(drain(queued, warehouse.clone(), closed));

    let mut shop = FallbackLayer::http(later).circuit(circuit.clone()).layer(warehouse);
    for number in 1..=24 {
        let order = Request::post("/orders").header("idempotency-key", number).body(format!("order {number}"))?;
        let answer = shop.ready().await?.call(order).await?;
        let is_refused = answer.extensions().get::<Refusal>().is_some();
        let says = if is_refused { "refused, and the queue is full" } else { answer.body() };
        println!("order {number:2}: {} {says}", answer.status().as_u16());
        sleep(Duration::from_millis(100)).await;
    }

    // The last sender goes, so the queue ends when it is empty.
    drop(shop);
    let delivered = timeout(Duration::from_secs(10), drain).await??;
    println!("{} orders were queued, {delivered} of them delivered", circuit.snapshot().fallbacks);
    Ok(())
}

/// Delivers what is queued when the circuit has closed, and says how many at the end.
async fn drain<S>(mut queued: mpsc::Receiver<Request<String>>, mut warehouse: S, closed: Arc<Notify>) -> u32
where
    S: Service<Request<String>, Response = Response<String>, Error = Infallible>,
{
    let mut delivered = 0;
    while let Some(order) = queued.recv().await {
        loop {
            let Ok(ready) = warehouse.ready().await;
            let Ok(answer) = ready.call(order.clone()).await;
            if answer.status().is_success() {
                println!("           {} delivered late", order.body());
                delivered += 1;
                // Not all at once: it has just come back.
                sleep(Duration::from_millis(50)).await;
                break;
            }
            // Refused: nothing was sent. Wait until the circuit closes; or, since it stays open while nobody calls,
            // until this order may be the one that tries. Anything else may be repeated, thanks to its key.
            let wait = answer.extensions().get().map_or(Duration::ZERO, Refusal::retry_after);
            let _ = timeout(wait.max(Duration::from_millis(50)), closed.notified()).await;
        }
    }
    delivered
}

/// The warehouse: down for the second second.
async fn deliver(start: Instant, order: Request<String>) -> Result<Response<String>, Infallible> {
    let is_down = (500..1_500).contains(&start.elapsed().as_millis());
    let mut answer = Response::new(if is_down { "down".to_owned() } else { format!("{} delivered", order.body()) });
    if is_down {
        *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(answer)
}
