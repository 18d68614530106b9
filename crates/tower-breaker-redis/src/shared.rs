//! What the task writes and the handle reads.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{FleetCircuit, FleetStatus};

#[derive(Debug)]
pub(crate) struct Shared {
    instance: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) connected: bool,
    pub(crate) reason: Option<String>,
    pub(crate) heard_at: Option<Instant>,
    pub(crate) rounds: u64,
    pub(crate) failed: u64,
    pub(crate) commands: u64,
    pub(crate) exchanged: u64,
    pub(crate) took: Duration,
    pub(crate) circuits: HashMap<String, FleetCircuit>,
}

impl Shared {
    pub(crate) fn new(instance: String) -> Self {
        Self { instance, state: Mutex::default() }
    }

    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // No user code runs under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn status(&self) -> FleetStatus {
        let state = self.state();
        FleetStatus {
            connected: state.connected,
            reason: state.reason.clone(),
            last_contact: state.heard_at.map(|at| at.elapsed()),
            rounds: state.rounds,
            failed: state.failed,
            commands: state.commands,
            exchanged: state.exchanged,
            took: state.took,
        }
    }
}
