use std::{collections::VecDeque, sync::Arc};

use serde::Serialize;
use tower_breaker_core::{Condition, Transition};

use crate::json::{seconds, text};

/// Transitions that are kept to be told to those who come later.
const MOST: usize = 256;

#[derive(Debug, Clone)]
pub(super) struct Happened {
    pub(super) id: u64,
    /// Milliseconds since 1970, for people.
    at: u64,
    set: Arc<str>,
    transition: Transition,
}

/// The last transitions, numbered from 1.
#[derive(Debug, Default)]
pub(super) struct Recent {
    last: u64,
    kept: VecDeque<Happened>,
}

impl Recent {
    pub(super) fn push(&mut self, at: u64, set: Arc<str>, transition: Transition) {
        self.last += 1;
        if self.kept.len() == MOST {
            self.kept.pop_front();
        }
        self.kept.push_back(Happened { id: self.last, at, set, transition });
    }

    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Those after number `id`, as far as they are kept.
    pub(super) fn after(&self, id: u64) -> Vec<Happened> {
        self.kept.iter().filter(|happened| happened.id > id).cloned().collect()
    }
}

/// A transition as it is told.
#[derive(Debug, Serialize)]
pub(super) struct Told {
    id: u64,
    at: u64,
    #[serde(serialize_with = "text")]
    set: Arc<str>,
    #[serde(serialize_with = "text")]
    circuit: Arc<str>,
    from: &'static str,
    to: &'static str,
    mode: &'static str,
    generation: u64,
    condition: Option<&'static str>,
    failure_rate: Option<f64>,
    slow_call_rate: Option<f64>,
    wait_seconds: Option<f64>,
}

impl From<Happened> for Told {
    fn from(happened: Happened) -> Self {
        let Happened { id, at, set, transition } = happened;
        Self {
            id,
            at,
            set,
            from: transition.from.as_str(),
            to: transition.to.as_str(),
            mode: transition.mode.as_str(),
            generation: transition.generation,
            condition: transition.condition.map(Condition::as_str),
            failure_rate: transition.failure_rate,
            slow_call_rate: transition.slow_call_rate,
            wait_seconds: transition.wait.map(seconds),
            circuit: transition.circuit,
        }
    }
}
