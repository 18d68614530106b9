//! What a request and an answer lose and gain on their way through (RFC 9110, section 7.6).

use std::net::IpAddr;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Version,
    header::{CONNECTION, CONTENT_LENGTH, COOKIE, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA},
    request,
    uri::Authority,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Removes what is meant for one connection alone, also what `Connection` names.
pub(crate) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers, &CONNECTION).filter_map(|name| name.parse().ok()).collect();
    let proxy = headers.keys().filter(|name| name.as_str().starts_with("proxy-")).cloned();
    let gone: Vec<HeaderName> = named.into_iter().chain(proxy).collect();
    // A length beside a transfer coding is none: whoever reads it would see another message.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    for name in [CONNECTION, KEEP_ALIVE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].iter().chain(&gone) {
        headers.remove(name);
    }
}

/// Whether somebody wants another protocol on this connection. An offer of HTTP/2 is none: it may be left unanswered, and
/// then the request is served as it is.
pub(crate) fn wants_upgrade(request: &request::Parts) -> bool {
    request.method == Method::CONNECT
        || tokens(&request.headers, &UPGRADE).any(|protocol| !protocol.eq_ignore_ascii_case("h2c"))
}

/// Whether a body comes in a transfer coding beside `chunked`, which alone is undone here (RFC 9112, section 6.1): passed on
/// without its name, the rest would be taken for the content.
pub(crate) fn has_other_codings(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(TRANSFER_ENCODING).into_iter().map(HeaderValue::as_bytes);
    let codings = fields.flat_map(|field| field.split(|&byte| byte == b',')).map(<[u8]>::trim_ascii);
    let mut codings = codings.filter(|coding| !coding.is_empty());
    codings.next().is_some_and(|first| !first.eq_ignore_ascii_case(b"chunked")) || codings.next().is_some()
}

/// Whether the caller sends its body only once it is told to.
pub(crate) fn expects_continue(headers: &HeaderMap) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Whether a request says what host it is for, as RFC 9112, section 3.2 asks: by one `Host` at most, which HTTP/1.1 must have,
/// and one that names a host. Who speaks for whom (`user@host`) is said elsewhere and not passed on.
pub(crate) fn names_its_host(request: &request::Parts) -> bool {
    let mut hosts = request.headers.get_all(HOST).into_iter();
    let (host, another) = (hosts.next(), hosts.next());
    another.is_none()
        && host.map_or(request.version != Version::HTTP_11, |host| host.to_str().is_ok_and(is_host))
        && request.uri.authority().is_none_or(|authority| is_host(authority.as_str()))
}

fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let is_port = |port: &str| {
        port.is_empty() || (port.bytes().all(|digit| digit.is_ascii_digit()) && port.parse::<u16>().is_ok())
    };
    !authority.host().is_empty()
        && text
            .strip_prefix(authority.host())
            .is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

/// Makes the head of a request into the one that goes to the upstream; the target is set elsewhere.
pub(crate) fn prepare(request: &mut request::Parts, caller: IpAddr, has_body: bool, upstream_host: HeaderValue) {
    let seen_host = match request.uri.authority() {
        Some(authority) => HeaderValue::from_str(authority.as_str()).ok(),
        None => request.headers.get(HOST).cloned(),
    };
    let received = match request.version {
        Version::HTTP_10 => "1.0 gateway",
        Version::HTTP_2 => "2.0 gateway",
        _ => "1.1 gateway",
    };
    let headers = &mut request.headers;
    // The caller was told to go on as soon as its body was wanted: nothing is left to expect.
    if expects_continue(headers) {
        headers.remove(EXPECT);
    }
    remove_hop_by_hop(headers);
    headers.insert(HOST, upstream_host);
    if has_body && !headers.contains_key(CONTENT_LENGTH) {
        // Said aloud, because a client may take a GET without a length for one without a body.
        headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    // HTTP/2 may send a cookie in crumbs; HTTP/1.1 knows one line (RFC 9113, 8.2.3).
    join(headers, &COOKIE, "; ", None);
    let caller = HeaderValue::from_str(&caller.to_canonical().to_string()).ok();
    join(headers, &FORWARDED_FOR, ", ", caller.as_ref());
    join(headers, &FORWARDED_PROTO, ", ", Some(&HeaderValue::from_static("http")));
    join(headers, &FORWARDED_HOST, ", ", seen_host.as_ref());
    join(headers, &VIA, ", ", Some(&HeaderValue::from_static(received)));
    request.version = Version::HTTP_11;
}

/// Makes all values of a header, and one more, into one line. What callers sent stays in front: it is passed on, not trusted.
fn join(headers: &mut HeaderMap, name: &HeaderName, separator: &str, more: Option<&HeaderValue>) {
    let values: Vec<&[u8]> = headers.get_all(name).iter().chain(more).map(HeaderValue::as_bytes).collect();
    if values.is_empty() || (values.len() == 1 && more.is_none()) {
        return;
    }
    if let Ok(joined) = HeaderValue::from_bytes(&values.join(separator.as_bytes())) {
        headers.insert(name, joined);
    }
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|token| !token.is_empty())
}
