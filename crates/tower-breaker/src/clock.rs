use std::time::Duration;

use tokio::time::Instant;
use tower_breaker_core::Clock;

/// Tokio's clock: the same as the system's, except where a test has paused or advanced it.
///
/// Under `#[tokio::test(start_paused = true)]` every transition of a circuit follows `tokio::time::advance`. For anything
/// but tests the default clock is the better choice, being cheaper to read.
///
/// ```
/// use std::time::Duration;
/// use tower_breaker::{Circuit, CircuitBreakerConfig, State, TokioClock};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let circuit = Circuit::builder("db").config(CircuitBreakerConfig::critical()).clock(TokioClock::new()).build();
/// for _ in 0..3 {
///     let _ = circuit.call(|| Err::<(), _>("down"));
/// }
/// assert_eq!(circuit.state(), State::Open);
/// tokio::time::advance(Duration::from_secs(120)).await;
/// assert!(circuit.snapshot().ready_to_probe);
/// # });
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    origin: Instant,
}

impl TokioClock {
    /// A clock whose origin is now. Make it, and use it, on the runtime whose time it is to follow: elsewhere tokio does
    /// not know that time is paused.
    #[must_use]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.origin)
    }
}
