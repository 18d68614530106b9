use std::time::Duration;

use super::{
    super::{RoutesError, hint::Level},
    Fields, value,
};

pub(in super::super) const FIELDS: &[&str] = &["max_concurrent", "max_queue", "max_wait"];
const MOST: u32 = 1 << 20;

/// How many calls may be under way at once: `bulkhead` of a policy.
///
/// | field | default | accepted |
/// |---|---|---|
/// | `max_concurrent` | | 1..=1048576 |
/// | `max_queue`, how many more may wait for a place | 0: refuse at once | 0..=1048576 |
/// | `max_wait`, how long each of those may | `false` | a duration; `false`: until it is its turn |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BulkheadSettings {
    max_concurrent: u32,
    max_queue: u32,
    max_wait: Option<Duration>,
}

impl BulkheadSettings {
    /// How many calls may be under way at once.
    #[must_use]
    pub const fn max_concurrent(&self) -> u32 {
        self.max_concurrent
    }

    /// How many more may wait for a place.
    #[must_use]
    pub const fn max_queue(&self) -> u32 {
        self.max_queue
    }

    /// How long a call may wait for a place. `None`: until it is its turn.
    #[must_use]
    pub const fn max_wait(&self) -> Option<Duration> {
        self.max_wait
    }
}

pub(super) fn read(fields: &Fields<'_>) -> Result<BulkheadSettings, RoutesError> {
    const TIME: &str = "a duration as text, such as \"100ms\", or false";
    fields.only(Level::Bulkhead)?;
    Ok(BulkheadSettings {
        max_concurrent: fields.required("max_concurrent", "1..=1048576", value::count(1..=MOST))?,
        max_queue: fields.read("max_queue", "0..=1048576", value::count(0..=MOST))?.unwrap_or(0),
        max_wait: fields.read("max_wait", TIME, value::or_off(value::duration))?.unwrap_or(None),
    })
}
