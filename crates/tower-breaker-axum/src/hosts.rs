//! Which hosts are answered to.
//!
//! A browser lets a page read what comes from the page's own origin, and an origin is a name, not an address. Whoever owns
//! a name can point it first at a server of theirs and then at this one (DNS rebinding): their page, open in the browser of
//! somebody who reaches this address, then reads it. What gives it away is the name in `Host`, which no script can change.

use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use tower_breaker_core::InvalidConfig;

use crate::problem::Problem;

const OTHER_HOST: Problem = Problem::new(
    StatusCode::MISDIRECTED_REQUEST,
    "requests for this host are not answered here; accepted: an IP address, localhost, and the hosts that are configured",
);

/// Names in small letters, without the dot of the root.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts(BTreeSet<String>);

impl Hosts {
    pub(crate) fn add(&mut self, host: &str) -> Result<(), InvalidConfig> {
        let name = canonical(host);
        if !is_name(&name) && !is_address(&name) && host.parse::<Ipv6Addr>().is_err() {
            let accepted =
                "a name in ASCII letters, as in admin.example, or an IP address; no scheme, port, path or wildcard";
            return Err(InvalidConfig::new("allowed_hosts", host, accepted));
        }
        self.0.insert(name);
        Ok(())
    }

    /// Whether each host that the request names is answered to, and it names one.
    fn answer(&self, target: &Uri, headers: &HeaderMap) -> bool {
        // HTTP/2 names it in the target, and so may HTTP/1.1.
        let target = target.authority().map(|host| host.as_str().as_bytes());
        let fields = headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
        let mut named = target.into_iter().chain(fields).peekable();
        named.peek().is_some() && named.all(|host| name(host).is_some_and(|name| self.allow(&canonical(name))))
    }

    fn allow(&self, name: &str) -> bool {
        name == "localhost" || is_address(name) || self.0.contains(name)
    }
}

pub(crate) async fn guard(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Response {
    if hosts.answer(request.uri(), request.headers()) { next.run(request).await } else { OTHER_HOST.into_response() }
}

/// Without the port. `Authority` of the crate `http` would take `[::1]evil.example` for `[::1]`.
fn name(host: &[u8]) -> Option<&str> {
    let host = str::from_utf8(host).ok()?;
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at(end);
    let is_port = port.strip_prefix(':').is_some_and(|port| port.bytes().all(|digit| digit.is_ascii_digit()));
    (port.is_empty() || is_port).then_some(name)
}

fn canonical(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Letters, digits, hyphens and, as some name their machines, underscores, between dots (RFC 1123, section 2.1).
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

/// An address as it stands in a URL.
fn is_address(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => host.parse::<Ipv6Addr>().is_ok(),
        None => host.parse::<Ipv4Addr>().is_ok(),
    }
}
