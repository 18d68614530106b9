//! The name that a refusal carries.
//!
//! An open circuit may refuse many calls on many threads, and all of them would count the one name up and down. So a name
//! that is dropped stays with its thread, and the next refusal there takes it. What is kept is the name alone, one a thread.

use std::{cell::Cell, fmt, ops::Deref, sync::Arc};

thread_local! {
    static SPARE: Cell<Option<Arc<str>>> = const { Cell::new(None) };
}

/// `None` only while it is dropped.
pub(crate) struct Name(Option<Arc<str>>);

impl Name {
    #[inline(always)]
    pub(crate) fn of(name: &Arc<str>) -> Self {
        // `Err`: the thread is ending.
        match SPARE.try_with(Cell::take) {
            Ok(Some(spare)) if Arc::ptr_eq(&spare, name) => Self(Some(spare)),
            _ => Self(Some(Arc::clone(name))),
        }
    }
}

impl Drop for Name {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(name) = self.0.take() {
            leave(name);
        }
    }
}

/// Out of line, so that whatever drops a refusal stays small.
#[inline(never)]
fn leave(name: Arc<str>) {
    let _gone = SPARE.try_with(|spare| spare.replace(Some(name)));
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl Clone for Name {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Name {}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
