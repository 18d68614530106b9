//! What a field of the builder holds: a switch that can be off, and a duration that a file writes as text.

use std::time::Duration;

/// A condition that is off, or on with its value. In a file, `false` is off.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Switch<T> {
    Off,
    On(T),
}

impl<T> Switch<T> {
    pub(super) fn into_option(self) -> Option<T> {
        match self {
            Self::Off => None,
            Self::On(value) => Some(value),
        }
    }
}

impl<T> From<Option<T>> for Switch<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Off, Self::On)
    }
}

/// A duration; in a file, text such as `"1m 30s"`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Period(pub(crate) Duration);
