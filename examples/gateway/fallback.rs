//! What callers get in place of an answer that could not be had: `fallback` of a policy.

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::upstream::Upstream;

/// `{ status = 200, body = "[]" }`, `{ upstream = "http://127.0.0.1:9002" }`, or `false`.
#[derive(Debug, Default)]
pub(crate) enum Fallback {
    #[default]
    Off,
    Answer(Answer),
    /// Another upstream, for requests that have nothing left to send.
    Upstream(Upstream),
}

/// An answer that is always the same.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

/// As a routes file has it.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| serde_json::json!(String::from_utf8_lossy(bytes));
        write!(f, "{{ status = {}, body = {}", self.status.as_u16(), text(&self.body))?;
        if let Some(content_type) = &self.content_type {
            write!(f, ", content_type = {}", text(content_type.as_bytes()))?;
        }
        f.write_str(" }")
    }
}

/// The table, before it is known which of the two it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    status: Option<Status>,
    body: Option<String>,
    content_type: Option<ContentType>,
    upstream: Option<Upstream>,
}

#[derive(Deserialize)]
#[serde(try_from = "u16")]
struct Status(StatusCode);

impl TryFrom<u16> for Status {
    type Error = String;

    fn try_from(code: u16) -> Result<Self, String> {
        let status = StatusCode::from_u16(code).ok().filter(|_| (200..600).contains(&code));
        status.map(Self).ok_or_else(|| format!("{code} is no status of an answer; there are 200..=599"))
    }
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct ContentType(HeaderValue);

impl TryFrom<String> for ContentType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        // As text again for `--check`, so no opaque bytes.
        let value = HeaderValue::from_str(&text).ok().filter(|value| value.to_str().is_ok());
        value.map(Self).ok_or_else(|| format!("{text:?} is no value of a header"))
    }
}

impl<'de> Deserialize<'de> for Fallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TableOrFalse;
        impl<'de> Visitor<'de> for TableOrFalse {
            type Value = Fallback;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("{ status = 200, body = \"[]\" }, { upstream = \"http://HOST:PORT\" }, or false")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Fallback, E> {
                if on { Err(E::invalid_value(de::Unexpected::Bool(on), &self)) } else { Ok(Fallback::Off) }
            }

            fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<Fallback, A::Error> {
                match Fields::deserialize(MapAccessDeserializer::new(fields))? {
                    Fields { status: None, body: None, content_type: None, upstream: Some(upstream) } => {
                        Ok(Fallback::Upstream(upstream))
                    }
                    Fields { status: Some(Status(status)), body, content_type, upstream: None } => {
                        Ok(Fallback::Answer(Answer {
                            status,
                            content_type: content_type.map(|ContentType(value)| value),
                            body: body.unwrap_or_default().into(),
                        }))
                    }
                    _ => Err(de::Error::invalid_value(de::Unexpected::Map, &self)),
                }
            }
        }
        deserializer.deserialize_any(TableOrFalse)
    }
}
