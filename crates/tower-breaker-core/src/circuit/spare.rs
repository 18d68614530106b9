//! Handles that calls leave behind for the next ones.
//!
//! A permit may outlive the service it came from, so it holds a handle of its own. Counting that handle up and down again
//! costs more than all else a healthy call does, and threads that call at once wait for each other there. So a call that
//! ends leaves its handle with its thread, and the next call there takes it.
//!
//! What is left behind keeps its circuit alive until the place goes to another one or the thread ends. So only circuits
//! leave handles whose end nobody can see: no set waits for their totals and no group for their place, nobody's clock or
//! observer goes with them, and nobody has a weak handle. They keep a few hundred bytes, for at most [`PLACES`] circuits a
//! thread.

use std::{cell::Cell, sync::Arc};

use super::Circuit;

/// A power of two. A thread that calls through more circuits in turn counts handles as everybody does.
const PLACES: usize = 8;

thread_local! {
    static SPARE: [Cell<Option<Circuit>>; PLACES] = const { [const { Cell::new(None) }; PLACES] };
}

impl Circuit {
    /// A handle for a call.
    #[inline(always)]
    pub(super) fn handle(&self) -> Self {
        if !self.shared.may_have_left_handles() {
            return self.clone();
        }
        // `Err`: the thread is ending.
        let spare = SPARE.try_with(|places| {
            let place = &places[self.place()];
            match place.take() {
                Some(spare) if spare.is_same(self) => Some(spare),
                another => {
                    place.set(another);
                    None
                }
            }
        });
        match spare {
            Ok(Some(spare)) => spare,
            _ => self.clone(),
        }
    }

    /// The call is over.
    #[inline(always)]
    pub(crate) fn leave(self) {
        if !self.shared.leaves_handles() {
            return;
        }
        // Whichever stood there goes after the place is let go of: it may be the last handle of its circuit.
        let _gone = SPARE.try_with(|places| places[self.place()].replace(Some(self)));
    }

    /// Somebody sees from now on when the circuit goes: what this thread has left goes at once, and what others have, with
    /// their next calls.
    pub(super) fn leave_no_more_handles(&self) {
        self.shared.leave_no_more_handles();
        drop(self.handle());
    }

    /// Circuits are allocated some hundreds of bytes apart.
    fn place(&self) -> usize {
        let address = Arc::as_ptr(&self.shared).addr();
        (address >> 9 ^ address >> 5) % PLACES
    }
}
