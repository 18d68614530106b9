//! Headers that speak of time: when a server wants to be asked again, and how long a caller waits.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushback {
    /// Another attempt after so long, no sooner.
    After(Duration),
    /// No other attempt.
    Stop,
}

/// The server's pushback, in a head or in trailers (gRFC A6). `None` where there is none, and for nonsense, of which gRFC A6
/// would not retry at all: no number, or one of more digits than any wait has.
pub(crate) fn pushback(headers: &HeaderMap) -> Option<Pushback> {
    let value = headers.get("grpc-retry-pushback-ms")?.to_str().ok()?.trim();
    let (negative, digits) = value.strip_prefix('-').map_or((false, value), |digits| (true, digits));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match digits.parse() {
        Ok(0) => Some(Pushback::After(Duration::ZERO)),
        _ if negative => Some(Pushback::Stop),
        Ok(millis) => Some(Pushback::After(Duration::from_millis(millis))),
        Err(_) => None,
    }
}

/// The units of `grpc-timeout`, the largest first, in nanoseconds.
#[cfg(feature = "timeout")]
const UNITS: [(char, u128); 6] =
    [('H', 3_600_000_000_000), ('M', 60_000_000_000), ('S', 1_000_000_000), ('m', 1_000_000), ('u', 1_000), ('n', 1)];

/// At most eight digits.
#[cfg(feature = "timeout")]
const MOST: u128 = 99_999_999;

/// How long the caller of a gRPC request waits for its answer: at most eight ASCII digits and a unit (gRPC over HTTP/2,
/// "Requests", `Timeout`). `None` where there is none, or nothing that can be read. Zero is not in the grammar, but what
/// grpc-go sends when the time is over already.
#[cfg(feature = "timeout")]
pub(crate) fn grpc_timeout(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (_, nanos) = UNITS.into_iter().find(|(name, _)| unit.starts_with(*name))?;
    let nanos = digits.parse::<u128>().ok()? * nanos;
    Some(Duration::new(u64::try_from(nanos / 1_000_000_000).ok()?, (nanos % 1_000_000_000) as u32))
}

/// Writes what is left of the time: in the largest unit that says it exactly, or else in the finest that does with eight
/// digits, rounded up, and never zero, which is not in the grammar.
#[cfg(feature = "timeout")]
pub(crate) fn set_grpc_timeout(headers: &mut HeaderMap, left: Duration) {
    let nanos = left.as_nanos().max(1);
    let exact = UNITS.into_iter().find(|(_, unit)| nanos.is_multiple_of(*unit) && nanos / unit <= MOST);
    let (name, unit) = exact.unwrap_or_else(|| {
        let finest = UNITS.into_iter().rev().find(|(_, unit)| nanos.div_ceil(*unit) <= MOST);
        finest.unwrap_or(UNITS[0])
    });
    let text = format!("{}{name}", nanos.div_ceil(unit).min(MOST));
    headers.insert(GRPC_TIMEOUT, HeaderValue::try_from(text).expect("digits and a letter"));
}

#[cfg(feature = "timeout")]
const GRPC_TIMEOUT: http::HeaderName = http::HeaderName::from_static("grpc-timeout");
