//! Keeps a breaker that reads the system's clock in step with the simulation: see `theirs`.

use std::{
    hint::spin_loop,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant as SystemInstant},
};

use tokio::time::Instant;
use tower::{Layer, Service};
use tower_resilience_circuitbreaker::CircuitState;

/// Milliseconds of the system's clock that stand for the wait of an open circuit. Grows where they are too few.
static SHORT_WAIT: AtomicU64 = AtomicU64::new(60);
/// The system's clock is read by the breaker a moment after it tells of a transition.
const MOMENT: Duration = Duration::from_millis(1);

#[derive(Debug, Clone)]
pub(super) struct Step {
    wait: Duration,
    short_wait: Duration,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    /// By both clocks.
    opened: Option<(Instant, SystemInstant)>,
    in_step: bool,
}

impl Step {
    /// For a breaker whose wait is to be `wait`.
    pub(super) fn new(wait: Duration) -> Self {
        let short_wait = Duration::from_millis(SHORT_WAIT.load(Ordering::Relaxed));
        Self { wait, short_wait, kept: Arc::new(Mutex::new(Kept { opened: None, in_step: true })) }
    }

    /// What the breaker is to be given.
    pub(super) const fn short_wait(&self) -> Duration {
        self.short_wait
    }

    pub(super) fn listener(&self) -> impl Fn(CircuitState, CircuitState) + Send + Sync + 'static {
        let kept = Arc::clone(&self.kept);
        move |_, to| {
            let opened = (to == CircuitState::Open).then(|| (Instant::now(), SystemInstant::now()));
            kept.lock().expect("no panic").opened = opened;
        }
    }

    pub(super) fn was_kept(&self) -> Box<dyn Fn() -> bool> {
        let kept = Arc::clone(&self.kept);
        Box::new(move || kept.lock().expect("no panic").in_step)
    }

    /// Before the breaker looks at its clock.
    fn keep(&self) {
        let mut kept = self.kept.lock().expect("no panic");
        let Some((opened, by_system)) = kept.opened else { return };
        if opened.elapsed() >= self.wait {
            while by_system.elapsed() < self.short_wait + MOMENT {
                spin_loop();
            }
        } else if kept.in_step && by_system.elapsed() + MOMENT >= self.short_wait {
            kept.in_step = false;
            let more = u64::try_from(self.short_wait.as_millis()).unwrap_or(u64::MAX).saturating_mul(2);
            SHORT_WAIT.fetch_max(more, Ordering::Relaxed);
        }
    }
}

impl<S> Layer<S> for Step {
    type Service = InStep<S>;

    fn layer(&self, inner: S) -> InStep<S> {
        InStep { step: self.clone(), inner }
    }
}

#[derive(Debug, Clone)]
pub(super) struct InStep<S> {
    step: Step,
    inner: S,
}

impl<S: Service<Req>, Req> Service<Req> for InStep<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.step.keep();
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> S::Future {
        self.step.keep();
        self.inner.call(request)
    }
}
