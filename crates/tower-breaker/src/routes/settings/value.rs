//! What a value of a document is, where it is what is asked for.

use std::{ops::RangeInclusive, time::Duration};

use super::super::node::Value;

pub(super) fn count(range: RangeInclusive<u32>) -> impl Fn(&Value) -> Option<u32> {
    move |value| match value {
        Value::Signed(number) => u32::try_from(*number).ok().filter(|number| range.contains(number)),
        _ => None,
    }
}

/// A number, with a fraction or without.
#[expect(clippy::cast_precision_loss, reason = "no number that large is accepted anywhere")]
pub(super) fn number(value: &Value) -> Option<f64> {
    match *value {
        Value::Signed(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}

pub(super) fn duration(value: &Value) -> Option<Duration> {
    match value {
        Value::Text(text) => humantime::parse_duration(text).ok(),
        _ => None,
    }
}

/// A duration other than zero.
pub(super) fn positive(value: &Value) -> Option<Duration> {
    duration(value).filter(|duration| !duration.is_zero())
}

/// `false` for off.
pub(super) fn or_off<T>(read: impl Fn(&Value) -> Option<T>) -> impl Fn(&Value) -> Option<Option<T>> {
    move |value| match value {
        Value::Bool(false) => Some(None),
        value => read(value).map(Some),
    }
}

/// A duration as a document has it.
pub(super) fn text(duration: Duration) -> String {
    format!("\"{}\"", humantime::format_duration(duration))
}
