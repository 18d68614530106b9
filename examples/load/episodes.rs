//! When something was wrong, when it was refused from, and when it was well again: as far as callers can tell.

use std::time::Duration;

use crate::seen::Kind;

/// It is well again once nothing has been wrong for so long, as of the first success.
const CALM: Duration = Duration::from_secs(1);

/// From the first failure or refusal to the first success that was followed by neither.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Episode {
    /// When the first call failed, before any was refused.
    pub(crate) failing: Option<Duration>,
    pub(crate) failures: u64,
    pub(crate) opened: Option<Duration>,
    pub(crate) refusals: u64,
    /// When the last of both was seen.
    pub(crate) last: Duration,
    pub(crate) recovered: Option<Duration>,
}

#[derive(Debug, Default)]
pub(crate) struct Episodes {
    over: Vec<Episode>,
    now: Option<Episode>,
}

impl Episodes {
    /// A call ended so long after the start. They are told in the order of their ends.
    pub(crate) fn add(&mut self, at: Duration, kind: Kind) {
        let calm = |now: &Episode| now.recovered.is_some() && at.saturating_sub(now.last) >= CALM;
        self.over.extend(self.now.take_if(|now| calm(now)));
        match kind {
            Kind::Other => {}
            Kind::Success => {
                if let Some(now) = &mut self.now {
                    now.recovered.get_or_insert(at);
                }
            }
            Kind::Failure => {
                let now = self.now.get_or_insert_default();
                if now.opened.is_none() {
                    now.failing.get_or_insert(at);
                }
                now.failures += 1;
                (now.last, now.recovered) = (at, None);
            }
            Kind::Refusal => {
                let now = self.now.get_or_insert_default();
                now.opened.get_or_insert(at);
                now.refusals += 1;
                (now.last, now.recovered) = (at, None);
            }
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Episode> {
        self.over.iter().chain(&self.now)
    }
}

impl Episode {
    pub(crate) fn words(&self) -> String {
        let seconds = |at: Duration| format!("{:.1} s", at.as_secs_f64());
        let well =
            self.recovered.map_or("still so at the end".to_owned(), |at| format!("recovered at {}", seconds(at)));
        let (failures, refusals) = (self.failures, self.refusals);
        match (self.failing, self.opened) {
            (Some(failing), Some(opened)) => format!(
                "failing from {}, opened at {}, {well}: {failures} failed, {refusals} refused",
                seconds(failing),
                seconds(opened)
            ),
            (None, Some(opened)) => {
                let failed = if failures > 0 { format!(", {failures} failed meanwhile") } else { String::new() };
                format!("opened at {}, {well}: {refusals} refused{failed}", seconds(opened))
            }
            (failing, None) => {
                let from = failing.unwrap_or(self.last);
                format!("failing from {}, never opened, {well}: {failures} failed", seconds(from))
            }
        }
    }
}
