use std::time::Duration;

use tower_breaker_core::{Circuit, Mode};

/// A command, as its path says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    ForceOpen,
    ForceClose,
    Observe,
    Enforce,
    Enforcement,
    Reset,
}

impl Action {
    pub(crate) const ALL: [Self; 6] =
        [Self::ForceOpen, Self::ForceClose, Self::Observe, Self::Enforce, Self::Enforcement, Self::Reset];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ForceOpen => "force-open",
            Self::ForceClose => "force-close",
            Self::Observe => "observe",
            Self::Enforce => "enforce",
            Self::Enforcement => "enforcement",
            Self::Reset => "reset",
        }
    }

    /// One that may be given to all circuits at once. Forcing all of them open or closed is left to a script that says so.
    pub(crate) fn of_all(name: &str) -> Option<Self> {
        [Self::Observe, Self::Enforce, Self::Reset].into_iter().find(|action| action.as_str() == name)
    }
}

/// A command with what its body said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Order {
    ForceOpen(Option<Duration>),
    ForceClose,
    SetMode(Mode),
    /// In [0, 1].
    Enforcement(f64),
    Reset,
}

impl Order {
    pub(crate) fn give(self, circuit: &Circuit) {
        match self {
            Self::ForceOpen(None) => circuit.force_open(),
            Self::ForceOpen(Some(length)) => circuit.force_open_for(length),
            Self::ForceClose => circuit.force_closed(),
            Self::SetMode(mode) => circuit.set_mode(mode),
            Self::Enforcement(share) => {
                // Looked at when the body was read.
                let _ = circuit.set_enforcement(share);
            }
            Self::Reset => circuit.reset(),
        }
    }
}
