//! What of a request picks its route and its circuit.

use std::borrow::Cow;

use http::{HeaderMap, Request, header::HOST};

use super::RouteKey;
use crate::key::LONGEST;

/// The authority a request is for: that of its target where it has one (HTTP/2, absolute form), else its `Host`.
pub(super) fn authority<B>(request: &Request<B>) -> Option<&str> {
    let header = || request.headers().get(HOST).and_then(|host| host.to_str().ok());
    request.uri().authority().map(http::uri::Authority::as_str).or_else(header)
}

/// The host of an authority, without user, port and the dot of a fully qualified name.
pub(super) fn without_port(authority: &str) -> &str {
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let host = match authority.rfind(':') {
        Some(colon) if authority[colon + 1..].bytes().all(|byte| byte.is_ascii_digit()) => &authority[..colon],
        _ => authority,
    };
    host.strip_suffix('.').unwrap_or(host)
}

/// What the request has for a key. `None`: the key is the route itself, or the request does not have it.
pub(super) fn key<'a>(key: &RouteKey, authority: Option<&'a str>, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
    let value = match key {
        RouteKey::Route => return None,
        RouteKey::Host => {
            let host = without_port(authority?);
            if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
                Cow::Owned(host.to_ascii_lowercase())
            } else {
                Cow::Borrowed(host)
            }
        }
        RouteKey::Header(name) => String::from_utf8_lossy(headers.get(name)?.as_bytes()),
    };
    Some(cut(value)).filter(|value| !value.is_empty())
}

fn cut(value: Cow<'_, str>) -> Cow<'_, str> {
    let end = value.floor_char_boundary(LONGEST);
    match value {
        Cow::Borrowed(text) => Cow::Borrowed(&text[..end]),
        Cow::Owned(mut text) => {
            text.truncate(end);
            Cow::Owned(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_known_with_and_without_its_port() {
        for authority in ["example.com", "example.com:8080", "example.com.", "user@example.com:80", "example.com:"] {
            assert_eq!(without_port(authority), "example.com");
        }
        assert_eq!(without_port("[::1]:80"), "[::1]");
        assert_eq!(without_port("[::1]"), "[::1]");
    }

    #[test]
    fn a_key_has_a_bound_and_keeps_its_letters_whole() {
        let mut headers = HeaderMap::new();
        headers.insert("x-tenant", http::HeaderValue::from_bytes("ä".repeat(1_000).as_bytes()).unwrap());
        let header = RouteKey::Header("x-tenant".parse().unwrap());
        assert_eq!(key(&header, None, &headers).unwrap(), "ä".repeat(LONGEST / 2));
        assert_eq!(key(&RouteKey::Host, Some("A.example:80"), &headers).unwrap(), "a.example");
        assert_eq!(key(&RouteKey::Host, None, &headers), None);
        assert_eq!(key(&RouteKey::Route, Some("a.example"), &headers), None);
    }
}
