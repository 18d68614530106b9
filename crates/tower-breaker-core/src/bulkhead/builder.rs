use std::{sync::Arc, time::Duration};

use super::{Bulkhead, Places, Shared, nanos};
use crate::{InvalidConfig, sync::AtomicU64};

const MOST: u32 = 1 << 20;

pub(super) fn check_places(max_concurrent: u32) -> Result<(), InvalidConfig> {
    match max_concurrent {
        1..=MOST => Ok(()),
        _ => Err(InvalidConfig::new("max_concurrent", max_concurrent, "1..=1048576")),
    }
}

pub(super) fn check_queue(max_queue: u32) -> Result<(), InvalidConfig> {
    match max_queue {
        0..=MOST => Ok(()),
        _ => Err(InvalidConfig::new("max_queue", max_queue, "0..=1048576")),
    }
}

/// Builds a [`Bulkhead`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is built"]
pub struct BulkheadBuilder {
    max_concurrent: u32,
    max_queue: u32,
    max_wait: Option<Duration>,
}

impl BulkheadBuilder {
    pub(super) const fn new(max_concurrent: u32) -> Self {
        Self { max_concurrent, max_queue: 0, max_wait: None }
    }

    /// How many calls may queue, 0..=1,048,576. Default 0: refused at once.
    pub const fn max_queue(mut self, max_queue: u32) -> Self {
        self.max_queue = max_queue;
        self
    }

    /// How long a call may queue; `None`, the default: until it is its turn.
    pub fn max_wait(mut self, max_wait: impl Into<Option<Duration>>) -> Self {
        self.max_wait = max_wait.into();
        self
    }

    /// The bulkhead.
    ///
    /// # Errors
    ///
    /// [`InvalidConfig`] names the field that is out of range.
    pub fn build(self) -> Result<Bulkhead, InvalidConfig> {
        let Self { max_concurrent, max_queue, max_wait } = self;
        check_places(max_concurrent)?;
        check_queue(max_queue)?;
        let places = Places::new(max_concurrent, max_queue);
        let max_wait = AtomicU64::new(nanos(max_wait));
        Ok(Bulkhead { shared: Arc::new(Shared { places, max_wait, rejected: AtomicU64::new(0) }) })
    }
}
