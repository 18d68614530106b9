//! The one place that names `std::sync`, or loom's model of it under `cfg(loom)`.
#![allow(clippy::disallowed_types, reason = "this is the place that names them")]

#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};

#[cfg(not(loom))]
use std::sync::{Mutex as Inner, MutexGuard, PoisonError};

#[cfg(loom)]
use loom::sync::{Mutex as Inner, MutexGuard};

/// A mutex that no panic can close: no user code runs under a lock of this crate, so what it guards is always whole.
#[derive(Debug)]
pub(crate) struct Mutex<T>(Inner<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(Inner::new(value))
    }

    #[cfg(not(loom))]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(loom)]
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("loom's mutex is never poisoned")
    }
}
