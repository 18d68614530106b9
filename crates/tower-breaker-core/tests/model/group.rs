//! The ejection group: how many of the circuits in it may be out at once.

use std::time::Duration;

use tower_breaker_core::Condition;

use super::Model;

/// The circuit in its group, and the others.
#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) out: bool,
    /// Whether each of the others is.
    pub(super) others: Vec<bool>,
    most: usize,
}

impl Group {
    /// Of n circuits at most `max(1, floor(n * share))` are out at once, and never the last one.
    pub(super) fn new(share: f64, others: usize) -> Self {
        let members = others + 1;
        let most = ((members as f64 * share).floor() as usize).max(1).min(members - 1);
        Self { out: false, others: vec![false; others], most }
    }

    /// The circuit has gone and come again.
    pub(super) fn after_restart(self) -> Self {
        Self { out: false, ..self }
    }

    /// How many are out.
    pub(super) fn ejected(&self) -> usize {
        self.others.iter().filter(|out| **out).count() + usize::from(self.out)
    }

    fn has_room(&self) -> bool {
        self.ejected() < self.most
    }

    /// For an open that the group is not asked about: it counts there all the same, if there is room.
    pub(super) fn takes_place(&mut self) {
        self.out |= self.has_room();
    }

    /// Another one is sick: out, if there is room.
    pub(super) fn other_is_sick(&mut self, which: usize) {
        let room = self.has_room();
        self.others[which] |= room;
    }
}

impl Model {
    /// From closed to open, if the group allows; a veto clears window and row.
    pub(super) fn trip(&mut self, condition: Condition, wish: Option<Duration>) {
        if let Some(group) = &mut self.group {
            group.takes_place();
            if !group.out {
                self.totals.vetoed += 1;
                self.window_from = self.entries.len();
                self.row_from = self.entries.len();
                return;
            }
        }
        self.open(condition, self.now, wish);
    }
}
