//! Where a route leads: `upstream = "http://127.0.0.1:9001"`.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use http::{
    HeaderValue, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};
use serde::{Deserialize, Deserializer, de};

use crate::report;

/// An upstream, and whether it was last seen alive.
#[derive(Debug)]
pub(crate) struct Upstream {
    authority: Authority,
    host: HeaderValue,
    down: AtomicBool,
}

impl Upstream {
    /// The target there for the same path and query, byte for byte.
    pub(crate) fn target(&self, path_and_query: Option<&PathAndQuery>) -> Uri {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(path_and_query.cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
        // Scheme, authority and path are all there: nothing is left to refuse.
        Uri::from_parts(parts).unwrap_or_default()
    }

    /// Its address, without the scheme.
    pub(crate) fn endpoint(&self) -> &str {
        self.authority.as_str()
    }

    /// What its requests have for a `Host`.
    pub(crate) fn host(&self) -> HeaderValue {
        self.host.clone()
    }

    /// Says so when it cannot be connected to for the first time in a row.
    pub(crate) fn is_down(&self, why: &dyn fmt::Display) {
        if !self.down.swap(true, Relaxed) {
            report::event(format_args!("{self} cannot be reached ({why}); its callers get 502"));
        }
    }

    /// Says so when it had been down.
    pub(crate) fn is_up(&self) {
        if self.down.load(Relaxed) && self.down.swap(false, Relaxed) {
            report::event(format_args!("{self} can be reached again"));
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

impl<'de> Deserialize<'de> for Upstream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const ACCEPTED: &str = "http://HOST:PORT, without a path";
        let text = String::deserialize(deserializer)?;
        let refused = || de::Error::invalid_value(de::Unexpected::Str(&text), &ACCEPTED);
        let uri: Uri = text.parse().map_err(|_| refused())?;
        let plain = uri.scheme() == Some(&Scheme::HTTP) && uri.path() == "/" && uri.query().is_none();
        let authority = uri.authority().filter(|authority| plain && !authority.as_str().contains('@'));
        let authority = authority.filter(|authority| !authority.host().is_empty()).ok_or_else(refused)?.clone();
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| refused())?;
        Ok(Self { authority, host, down: AtomicBool::new(false) })
    }
}
