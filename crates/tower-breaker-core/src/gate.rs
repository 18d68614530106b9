//! What callers may act upon without the lock: what is shown, which changes seldom, and what is counted, which changes with
//! every call.
//!
//! [`Gate`] shows the generation, two flags and two instants. [`Tally`] counts: calls refused here, and in one word beside the
//! same generation and flags the successes.
//!
//! ```text
//! 63            22 21    20     19           0
//! | generation     | QUIET | ADMITS | successes |
//! ```
//!
//! A closed circuit has ADMITS: a call is let through by one load. While QUIET, a plain success of the same generation is
//! recorded by adding one, and nothing else: the machine cannot come to another decision by it (`Machine::face` says
//! when). Whoever takes the lock next first absorbs what was counted, so the machine knows of every success, in order,
//! before it judges anything else.
//!
//! Gate and tally are two, far apart in memory, so that threads which count do not take from each other what all of them
//! read: a success costs them the one line that they must share.
//!
//! # Races
//!
//! The adder checks what is shown, then adds; between the two the word may change. The add returns the word as it was:
//! - still QUIET: counted. (If another closed generation began in between, the success counts in that one: both
//!   instants lie within one `record`, and it moves a decision by one call at most. In an open or half-open generation it
//!   counts as stale, for those are never QUIET and only successes that went through the lock count there.)
//! - no longer QUIET: the adder takes the lock and absorbs, so that the machine judges at once.
//!
//! The word is changed before what is shown, under one lock: who is shown a generation finds it, or a newer one, in the word.
//!
//! An open circuit shows until when it refuses. That instant alone is the truth: it is set only while open, so a caller
//! that reads it together with an older word still refuses rightly.

use crate::{
    state::Face,
    sync::{AtomicU64, Ordering},
};

const COUNT_BITS: u32 = 20;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
const ADMITS: u64 = 1 << COUNT_BITS;
const QUIET: u64 = 1 << (COUNT_BITS + 1);
const GENERATION_SHIFT: u32 = COUNT_BITS + 2;

/// From here on who counts a success goes on to the lock, which empties the count; the rest is room for those on the way.
const FULL: u64 = 1 << (COUNT_BITS - 1);

#[derive(Debug)]
pub(crate) struct Gate {
    /// The tally's word without its successes.
    shown: AtomicU64,
    quiet_until: AtomicU64,
    refuses_until: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Tally {
    word: AtomicU64,
    /// Calls refused without the lock.
    refused: AtomicU64,
}

/// Successes that were counted in a word as it was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    OfThisGeneration(u32),
    OfAnOlderOne(u32),
}

impl Gate {
    pub(crate) fn new(face: Face) -> Self {
        Self {
            shown: AtomicU64::new(word(face)),
            quiet_until: AtomicU64::new(face.quiet_until),
            refuses_until: AtomicU64::new(face.refuses_until),
        }
    }

    /// The generation, where every call is let through.
    #[inline(always)]
    pub(crate) fn admits(&self) -> Option<u64> {
        // Acquire: pairs with `show`, so that what is read after it is at least as new.
        let word = self.shown.load(Ordering::Acquire);
        (word & ADMITS != 0).then_some(word >> GENERATION_SHIFT)
    }

    /// Nanoseconds for which every call is refused from `now`, if it is. Only after `admits` said no.
    #[inline]
    pub(crate) fn refuses(&self, now: impl FnOnce() -> u64) -> Option<u64> {
        // Acquire: as in `admits`.
        let until = self.refuses_until.load(Ordering::Acquire);
        if until == 0 {
            return None;
        }
        let remaining = until.saturating_sub(now());
        (remaining > 0).then_some(remaining)
    }

    /// Whether refusals are made here at all.
    pub(crate) fn is_refusing(&self) -> bool {
        self.refuses_until.load(Ordering::Relaxed) > 0
    }

    /// Whether a plain success of `generation` has only to be counted.
    #[inline(always)]
    pub(crate) fn is_quiet(&self, generation: u64, now: impl FnOnce() -> u64) -> bool {
        // Acquire: `quiet_until` below is at least as new as this word.
        let word = self.shown.load(Ordering::Acquire);
        if word & QUIET == 0 || word >> GENERATION_SHIFT != generation {
            return false;
        }
        let until = self.quiet_until.load(Ordering::Relaxed);
        until == u64::MAX || now() < until
    }

    /// Shows a face; gives back successes that the machine must now hear of. Under the lock.
    pub(crate) fn show(&self, tally: &Tally, face: Face) -> Option<Left> {
        // Relaxed: only the lock's holder stores these, and the words below publish them.
        self.quiet_until.store(face.quiet_until, Ordering::Relaxed);
        self.refuses_until.store(face.refuses_until, Ordering::Release);
        let left = tally.turn_to(word(face));
        if self.shown.load(Ordering::Relaxed) != word(face) {
            // Release: pairs with the loads above.
            self.shown.store(word(face), Ordering::Release);
        }
        left
    }
}

impl Tally {
    pub(crate) fn new(face: Face) -> Self {
        Self { word: AtomicU64::new(word(face)), refused: AtomicU64::new(0) }
    }

    #[inline]
    pub(crate) fn count_refusal(&self) {
        // Relaxed: a counter that orders nothing.
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Counts a plain success that the gate said is quiet; `false` where the machine must look at it now.
    #[inline(always)]
    pub(crate) fn count_success(&self) -> bool {
        // Relaxed: the count is read under the lock, and nothing else is published by it.
        let before = self.word.fetch_add(1, Ordering::Relaxed);
        before & QUIET != 0 && before & COUNT < FULL
    }

    /// Takes the successes counted so far. Under the lock.
    pub(crate) fn take_successes(&self) -> u32 {
        let count = self.word.load(Ordering::Relaxed) & COUNT;
        if count > 0 {
            self.word.fetch_sub(count, Ordering::Relaxed);
        }
        as_count(count)
    }

    /// Turns to another generation, or other flags; gives back what was counted before.
    fn turn_to(&self, new: u64) -> Option<Left> {
        let old = self.word.load(Ordering::Relaxed);
        let differs = (old ^ new) & !COUNT;
        if differs == 0 {
            return None;
        }
        // Relaxed, here and below: what is shown is published by the gate, and read under the lock by those who come late.
        if differs >> GENERATION_SHIFT != 0 {
            let count = self.word.swap(new, Ordering::Relaxed) & COUNT;
            return (count > 0).then(|| Left::OfAnOlderOne(as_count(count)));
        }
        // Only flags: the count stays, for successes may be added at any time.
        let count = self.word.fetch_xor(differs, Ordering::Relaxed) & COUNT;
        let no_longer_quiet = differs & old & QUIET != 0;
        (no_longer_quiet && count > 0).then(|| Left::OfThisGeneration(self.take_successes()))
    }
}

fn word(face: Face) -> u64 {
    let admits = if face.admits { ADMITS } else { 0 };
    let quiet = if face.quiet_until > 0 { QUIET } else { 0 };
    face.generation << GENERATION_SHIFT | admits | quiet
}

fn as_count(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    const CLOSED: Face = Face { generation: 3, admits: true, quiet_until: u64::MAX, refuses_until: 0 };

    fn count(gate: &Gate, tally: &Tally, generation: u64, now: u64) -> Option<bool> {
        gate.is_quiet(generation, || now).then(|| tally.count_success())
    }

    #[test]
    fn successes_are_counted_and_taken_once() {
        let (gate, tally) = (Gate::new(CLOSED), Tally::new(CLOSED));
        assert_eq!(count(&gate, &tally, 3, 0), Some(true));
        assert_eq!(count(&gate, &tally, 3, 0), Some(true));
        assert_eq!(tally.take_successes(), 2);
        assert_eq!(tally.take_successes(), 0);
    }

    #[test]
    fn another_generation_an_ended_bucket_and_a_full_count_go_through_the_lock() {
        let face = Face { quiet_until: 10, ..CLOSED };
        let (gate, tally) = (Gate::new(face), Tally::new(face));
        assert_eq!(count(&gate, &tally, 2, 0), None);
        assert_eq!(count(&gate, &tally, 3, 10), None);
        assert_eq!(count(&gate, &tally, 3, 9), Some(true));
        // Full at half of what its bits hold: the other half is for those on the way.
        tally.word.fetch_add(COUNT / 2, Ordering::Relaxed);
        assert_eq!(count(&gate, &tally, 3, 9), Some(false));
        assert_eq!(tally.take_successes(), FULL as u32 + 1);
    }

    #[test]
    fn a_gate_says_whether_it_refuses_at_all() {
        let open = Face { generation: 4, admits: false, quiet_until: 0, refuses_until: 1 };
        assert!(Gate::new(open).is_refusing() && !Gate::new(CLOSED).is_refusing());
    }

    #[test]
    fn what_was_counted_when_the_face_changes_is_given_back() {
        let (gate, tally) = (Gate::new(CLOSED), Tally::new(CLOSED));
        count(&gate, &tally, 3, 0);
        assert_eq!(gate.show(&tally, Face { quiet_until: 0, ..CLOSED }), Some(Left::OfThisGeneration(1)));
        assert_eq!(count(&gate, &tally, 3, 0), None);
        assert_eq!(gate.show(&tally, CLOSED), None);
        count(&gate, &tally, 3, 0);
        let open = Face { generation: 4, admits: false, quiet_until: 0, refuses_until: 7 };
        assert_eq!(gate.show(&tally, open), Some(Left::OfAnOlderOne(1)));
        assert_eq!(gate.admits(), None);
        assert_eq!((gate.refuses(|| 4), gate.refuses(|| 7)), (Some(3), None));
    }
}
