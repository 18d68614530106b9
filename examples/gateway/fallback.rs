//! What callers get in place of an answer that could not be had: `fallback` of a policy.

use std::{fmt, pin::Pin};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body::Body as _;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};
use tower_breaker::fallback::{self, Cause, FallbackKind};

use crate::{
    config::Matched,
    forward::{Failure, Forward, Patience},
    upload::Upload,
    upstream::Upstream,
};

/// `{ status = 200, body = "[]" }`, `{ upstream = "http://127.0.0.1:9002" }`, or `false`.
#[derive(Debug, Default)]
pub(crate) enum Fallback {
    #[default]
    Off,
    Answer(Answer),
    /// Another upstream, for requests that have nothing left to send.
    Upstream(Upstream),
}

impl Fallback {
    pub(crate) const fn is_on(&self) -> bool {
        !matches!(self, Self::Off)
    }
}

/// An answer that is always the same.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    content_type: Option<HeaderValue>,
    body: Bytes,
}

impl Answer {
    fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        if let Some(content_type) = &self.content_type {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type.clone());
        }
        response
    }
}

/// The fallback of one call, as the layer asks for it.
#[derive(Debug, Clone)]
pub(crate) struct Standby {
    forward: Forward,
    found: Matched,
}

impl Standby {
    pub(crate) const fn new(forward: Forward, found: Matched) -> Self {
        Self { forward, found }
    }

    async fn answer(self, head: Option<Parts>) -> Result<Response<Body>, Failure> {
        match (&self.found.route().policy().extra().fallback, head) {
            (Fallback::Answer(answer), _) => Ok(answer.response()),
            (Fallback::Upstream(upstream), Some(mut head)) => {
                head.uri = upstream.target(head.uri.path_and_query());
                head.headers.insert(header::HOST, upstream.host());
                self.forward.call(upstream, Request::from_parts(head, Body::empty()), Patience::Theirs).await
            }
            (Fallback::Upstream(_) | Fallback::Off, _) => Err(Failure::Broken),
        }
    }
}

impl fallback::Answer<Request<Upload>, Response<Body>, Failure> for Standby {
    /// The head of a request that may go to another upstream: one that has no body, which may be gone by then, and that
    /// does no harm when the first upstream carries it out after all.
    type Kept = (Self, Option<Parts>);
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Failure>> + Send>>;

    const KIND: FallbackKind = FallbackKind::Function;

    fn keep(&self, request: &Request<Upload>) -> Self::Kept {
        let repeatable = request.body().is_end_stream() && request.method().is_idempotent();
        let head = repeatable.then(|| {
            let mut head = Request::new(()).into_parts().0;
            head.method = request.method().clone();
            head.uri = request.uri().clone();
            head.headers = request.headers().clone();
            head
        });
        (self.clone(), head)
    }

    fn answer(
        (standby, head): Self::Kept,
        _: &Cause,
        own: Result<Response<Body>, Failure>,
    ) -> Result<Self::Future, Result<Response<Body>, Failure>> {
        match standby.found.route().policy().extra().fallback {
            Fallback::Upstream(_) if head.is_none() => Err(own),
            _ => Ok(Box::pin(standby.answer(head))),
        }
    }
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
