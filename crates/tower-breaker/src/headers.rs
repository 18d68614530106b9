//! Headers by which a server says when to come back.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, header};

/// How long a server asked to be left alone: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3).
///
/// A date is measured from the response's own `Date`, so that a wrong clock on either side does no harm, and from the
/// local wall clock where there is none. `None` for anything malformed, and for a date that has passed.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    match value.bytes().all(|byte| byte.is_ascii_digit()) {
        true if value.is_empty() => None,
        // Digits alone are well-formed however many: what does not fit is for ever, and the circuit's cap bounds it.
        true => Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX))),
        false => {
            let until = httpdate::parse_http_date(value).ok()?;
            let from = headers.get(header::DATE).and_then(date).unwrap_or_else(SystemTime::now);
            until.duration_since(from).ok()
        }
    }
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// What `grpc-retry-pushback-ms` asks for.
#[cfg(feature = "retry")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushback {
    /// Another attempt after so long, no sooner.
    After(Duration),
    /// No other attempt.
    Stop,
}

/// The server's pushback, of a response without a body in its head (gRFC A6). `None` where there is none, or no number.
#[cfg(feature = "retry")]
pub(crate) fn pushback(headers: &HeaderMap) -> Option<Pushback> {
    let value = headers.get("grpc-retry-pushback-ms")?.to_str().ok()?.trim();
    let (negative, digits) = value.strip_prefix('-').map_or((false, value), |digits| (true, digits));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some(match digits.parse() {
        Ok(0) => Pushback::After(Duration::ZERO),
        _ if negative => Pushback::Stop,
        Ok(millis) => Pushback::After(Duration::from_millis(millis)),
        // Too many digits: for ever.
        Err(_) => Pushback::After(Duration::MAX),
    })
}
