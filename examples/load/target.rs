//! What is called: something on this machine, and nothing else.

use std::net::{SocketAddr, ToSocketAddrs};

use http::{HeaderValue, Uri, uri::Scheme};

const ACCEPTED: &str = "accepted: http:// and localhost, 127.0.0.1 or [::1], as in http://127.0.0.1:8080/orders";

/// A URL whose host is this machine.
#[derive(Debug)]
pub(crate) struct Target {
    /// With the address in place of the name: what a name means is asked once, and cannot change on the way.
    pub(crate) uri: Uri,
    pub(crate) at: SocketAddr,
    pub(crate) host: HeaderValue,
}

impl Target {
    /// An error is one line.
    pub(crate) fn new(url: &str) -> Result<Self, String> {
        let no_url = || format!("{url:?} is no URL; {ACCEPTED}");
        let uri: Uri = url.parse().map_err(|_| no_url())?;
        let (scheme, authority) = uri.scheme().zip(uri.authority()).ok_or_else(no_url)?;
        if *scheme != Scheme::HTTP {
            return Err(format!("{url:?} is {scheme}, which is not spoken here; {ACCEPTED}"));
        }
        if authority.as_str().contains('@') {
            return Err(format!("{url:?} has a password in it; --header 'Authorization: ..' is for that"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(80);
        let elsewhere = || {
            format!(
                "{host:?} is not this machine, and a load that does not wait for answers is an attack there; {ACCEPTED}"
            )
        };
        // Of other names it is not even asked what they mean.
        if host != "localhost" && host.parse().map_or(true, |it: std::net::IpAddr| !it.is_loopback()) {
            return Err(elsewhere());
        }
        let found: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(|_| no_url())?.collect();
        let at = found.into_iter().filter(|at| at.ip().is_loopback()).min_by_key(SocketAddr::is_ipv6);
        let at = at.ok_or_else(elsewhere)?;
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| no_url())?;
        Ok(Self { uri: format!("http://{at}{path}").parse().map_err(|_| no_url())?, at, host })
    }
}
