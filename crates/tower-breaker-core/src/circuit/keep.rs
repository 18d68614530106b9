//! What a set asks to know which of its circuits may go.

use std::sync::Arc;

use super::{Circuit, shared::Keep};
use crate::sync::Ordering;

// No lock where it is asked under the map's.
impl Circuit {
    /// Not yet seen by anybody.
    pub(crate) fn is_new(&self) -> bool {
        self.shared.keep.load(Ordering::Relaxed) == Keep::New as u8
    }

    pub(crate) fn no_longer_new(&self) {
        // Relaxed, and only if nothing happened to it yet: what happened has the say.
        let (new, plain) = (Keep::New as u8, Keep::Plain as u8);
        let _ = self.shared.keep.compare_exchange(new, plain, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Not closed, or forced.
    pub(crate) fn is_worth_keeping(&self) -> bool {
        self.shared.keep.load(Ordering::Relaxed) == Keep::Last as u8
    }

    /// Whether nobody called since this was last asked, and nothing is lost by letting it go.
    pub(crate) fn was_idle(&self) -> bool {
        let snapshot = self.snapshot();
        #[expect(clippy::cast_possible_truncation, reason = "the low half tells enough")]
        let calls = (snapshot.totals.calls() + snapshot.refusals.detected()) as u32;
        // The map has one handle, whoever asks another; a call under way would have a third.
        let is_held = Arc::strong_count(&self.shared) > 2;
        self.shared.calls_seen.swap(calls, Ordering::Relaxed) == calls && !is_held && !self.is_worth_keeping()
    }
}
