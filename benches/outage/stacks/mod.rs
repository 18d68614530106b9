//! What stands between callers and backend. All have the same deadline for a call and, where they cut attempts, the same
//! time for one; everything else is what each recommends or has by default.

mod ours;
mod step;
mod theirs;
mod tower;

use std::{error::Error as StdError, future::Future, pin::Pin, time::Duration};

use ::tower::{Service, ServiceExt};

use crate::{backend::Backend, clients::Ending};

/// For each try, where a stack has such a timeout.
const ATTEMPT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    Nothing,
    RetryOnly,
    Tower,
    /// In the order of the README's snippet.
    PeerSnippet,
    /// In the order that the README's text recommends.
    PeerAdvised,
    Ours,
    OursThrottled,
    OursRamped,
}

type Answer = Pin<Box<dyn Future<Output = Ending> + Send>>;

/// A stack around a backend.
pub(crate) struct Built {
    pub(crate) call: Box<dyn FnMut(u64) -> Answer>,
    /// Whether whatever clocks it reads kept the time of the simulation.
    pub(crate) in_step: Box<dyn Fn() -> bool>,
}

impl Stack {
    pub(crate) const ALL: [Self; 8] = [
        Self::Nothing,
        Self::RetryOnly,
        Self::Tower,
        Self::PeerSnippet,
        Self::PeerAdvised,
        Self::Ours,
        Self::OursThrottled,
        Self::OursRamped,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::RetryOnly => "retry only",
            Self::Tower => "tower's layers",
            Self::PeerSnippet => "tower-resilience, README's snippet",
            Self::PeerAdvised => "tower-resilience, README's advice",
            Self::Ours => "ours",
            Self::OursThrottled => "ours, throttle",
            Self::OursRamped => "ours, ramp",
        }
    }

    /// In plots.
    pub(crate) const fn colour(self) -> &'static str {
        match self {
            Self::Nothing => "#888888",
            Self::RetryOnly => "#b07a3c",
            Self::Tower => "#7b5ea7",
            Self::PeerSnippet => "#d98cb3",
            Self::PeerAdvised => "#c2334d",
            Self::Ours => "#1f6fb4",
            Self::OursThrottled => "#2a9d5c",
            Self::OursRamped => "#45b5c4",
        }
    }

    pub(crate) fn build(self, backend: &Backend, seed: u64) -> Built {
        let backend = backend.clone();
        match self {
            Self::Nothing => tower::nothing(backend),
            Self::RetryOnly => tower::retry_only(backend),
            Self::Tower => tower::layers(backend),
            Self::PeerSnippet => theirs::snippet(backend),
            Self::PeerAdvised => theirs::advised(backend),
            Self::Ours => ours::stack(backend, seed, |config| config),
            Self::OursThrottled => ours::stack(backend, seed, |config| config.throttle(ours::THROTTLE)),
            Self::OursRamped => ours::stack(backend, seed, |config| config.recovery_ramp(ours::RAMP)),
        }
    }
}

/// A stack that reads tokio's time alone.
fn on_tokios_time<S>(service: S, judge: fn(&S::Error) -> Ending) -> Built
where
    S: Service<u64, Response = ()> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    let call = move |number| -> Answer {
        let service = service.clone();
        Box::pin(async move { service.oneshot(number).await.map_or_else(|error| judge(&error), |()| Ending::Answered) })
    };
    Built { call: Box::new(call), in_step: Box::new(|| true) }
}

/// Whether this error, or one that it came from, is an `E`.
fn is<E: StdError + 'static>(error: &(dyn StdError + 'static), which: fn(&E) -> bool) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref().is_some_and(which) {
            return true;
        }
        next = error.source();
    }
    false
}
