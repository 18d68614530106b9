//! Settings in a file (feature `serde`): durations as text, `false` for off, windows and cancel rules as small tables.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IntoDeserializer, Visitor},
};

use super::{
    OnCancel, SlidingWindow,
    setting::{Period, Switch},
};

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Period;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration as text, such as \"30s\" or \"1m 30s\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Period, E> {
                let duration = humantime::parse_duration(text);
                duration.map(Period).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl<T: Serialize> Serialize for Switch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_bool(false),
            Self::On(value) => value.serialize(serializer),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Switch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OffOr<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for OffOr<T> {
            type Value = Switch<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, or false to switch it off")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Self::Value, E> {
                if on { Err(E::invalid_value(de::Unexpected::Bool(on), &self)) } else { Ok(Switch::Off) }
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
                T::deserialize(value.into_deserializer()).map(Switch::On)
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
                T::deserialize(value.into_deserializer()).map(Switch::On)
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
                T::deserialize(value.into_deserializer()).map(Switch::On)
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Self::Value, E> {
                if value.eq_ignore_ascii_case("off") {
                    return Err(E::invalid_value(de::Unexpected::Str(value), &self));
                }
                T::deserialize(value.into_deserializer()).map(Switch::On)
            }
        }
        deserializer.deserialize_any(OffOr(PhantomData))
    }
}

/// `{ calls = 100 }` or `{ time = "5s", buckets = 10 }`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ calls = 100 } or { time = \"5s\" }")]
struct WindowTable {
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Period>,
    #[serde(skip_serializing_if = "Option::is_none")]
    buckets: Option<u32>,
}

impl Serialize for SlidingWindow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = match *self {
            Self::Calls(calls) => WindowTable { calls: Some(calls), time: None, buckets: None },
            Self::Time(time, buckets) => WindowTable { calls: None, time: Some(Period(time)), buckets: Some(buckets) },
        };
        table.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for SlidingWindow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match WindowTable::deserialize(deserializer)? {
            WindowTable { calls: Some(calls), time: None, buckets: None } => Ok(Self::Calls(calls)),
            WindowTable { calls: None, time: Some(Period(time)), buckets } => {
                Ok(Self::Time(time, buckets.unwrap_or(Self::DEFAULT_BUCKETS)))
            }
            _ => Err(de::Error::custom(
                "a sliding window is either { calls = 100 } or { time = \"5s\" }, the latter with buckets if wanted",
            )),
        }
    }
}

/// `"ignore"`, `"failure"` or `{ failure_after = "1s" }`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CancelText {
    Ignore,
    Failure,
    FailureAfter(Period),
}

impl Serialize for OnCancel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match *self {
            Self::Ignore => CancelText::Ignore,
            Self::Failure => CancelText::Failure,
            Self::FailureAfter(after) => CancelText::FailureAfter(Period(after)),
        };
        text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OnCancel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match CancelText::deserialize(deserializer)? {
            CancelText::Ignore => Self::Ignore,
            CancelText::Failure => Self::Failure,
            CancelText::FailureAfter(Period(after)) => Self::FailureAfter(after),
        })
    }
}
