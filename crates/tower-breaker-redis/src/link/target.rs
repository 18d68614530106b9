//! What a URL means.

use std::{fmt, time::Duration};

use redis::{Client, IntoConnectionInfo};

use crate::InvalidFleet;

/// Where Redis is.
pub(crate) enum Target {
    One(Client),
    #[cfg(feature = "sentinel")]
    Sentinel(redis::sentinel::SentinelClient),
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster::ClusterClient),
}

const ACCEPTED: &str = "redis://[user:password@]host[:port][/db], rediss:// (feature tls-rustls), unix:///path, \
     redis+cluster://host:port,host:port (feature cluster), redis+sentinel://host:port,host:port/master[/db] (feature sentinel)";

#[cfg_attr(not(all(feature = "cluster", feature = "sentinel")), allow(dead_code, reason = "each reads a part"))]
/// The parts of `scheme://[user:password@]host:port,host:port[/path]`.
struct Parts<'a> {
    tls: bool,
    user: Option<&'a str>,
    hosts: Vec<&'a str>,
    path: &'a str,
}

impl Target {
    /// The target and, for messages, its address without a password.
    pub(crate) fn parse(url: &str, timeout: Duration) -> Result<(Self, String), InvalidFleet> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| invalid(url, "there is no scheme"))?;
        match scheme {
            "redis+cluster" | "rediss+cluster" => Self::cluster(url, &Parts::of(scheme, rest), timeout),
            "redis+sentinel" | "rediss+sentinel" => Self::sentinel(url, &Parts::of(scheme, rest)),
            "rediss" if cfg!(not(feature = "tls-rustls")) => {
                Err(invalid(url, "TLS needs the feature `tls-rustls` of tower-breaker-redis"))
            }
            _ => {
                let info = url.into_connection_info().map_err(|error| invalid(url, &error.to_string()))?;
                let address = info.addr().to_string();
                let client = Client::open(info).map_err(|error| invalid(url, &error.to_string()))?;
                Ok((Self::One(client), address))
            }
        }
    }

    #[cfg(feature = "cluster")]
    fn cluster(url: &str, parts: &Parts<'_>, timeout: Duration) -> Result<(Self, String), InvalidFleet> {
        let client = redis::cluster::ClusterClient::builder(parts.nodes())
            .connection_timeout(timeout)
            .response_timeout(timeout)
            // With none it would not follow a slot that moves either: each move is then a round that fails.
            .retries(1)
            .build()
            .map_err(|error| invalid(url, &error.to_string()))?;
        Ok((Self::Cluster(client), format!("the cluster at {}", parts.hosts.join(", "))))
    }

    #[cfg(not(feature = "cluster"))]
    fn cluster(url: &str, _: &Parts<'_>, _: Duration) -> Result<(Self, String), InvalidFleet> {
        Err(invalid(url, "clusters need the feature `cluster` of tower-breaker-redis"))
    }

    #[cfg(feature = "sentinel")]
    #[allow(clippy::unnecessary_to_owned, reason = "without redis's TLS it takes a String")]
    fn sentinel(url: &str, parts: &Parts<'_>) -> Result<(Self, String), InvalidFleet> {
        use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};

        let (master, db) = parts.path.split_once('/').unwrap_or((parts.path, ""));
        if master.is_empty() {
            return Err(invalid(url, "the name of the master is missing"));
        }
        // User, password and database are the master's; sentinels are asked without.
        let user = parts.user.map(|user| format!("{user}@")).unwrap_or_default();
        let master_url = format!("redis://{user}localhost/{db}");
        let master_info = master_url.into_connection_info().map_err(|error| invalid(url, &error.to_string()))?;
        let mut node =
            SentinelNodeConnectionInfo::default().set_redis_connection_info(master_info.redis_settings().clone());
        if parts.tls {
            node = node.set_tls_mode(redis::TlsMode::Secure);
        }
        let sentinels: Vec<String> =
            parts.hosts.iter().map(|host| format!("{}://{host}", parts.plain_scheme())).collect();
        let client = SentinelClient::build(sentinels, master.to_owned(), Some(node), SentinelServerType::Master)
            .map_err(|error| invalid(url, &error.to_string()))?;
        Ok((Self::Sentinel(client), format!("the master {master} of the sentinels at {}", parts.hosts.join(", "))))
    }

    #[cfg(not(feature = "sentinel"))]
    fn sentinel(url: &str, _: &Parts<'_>) -> Result<(Self, String), InvalidFleet> {
        Err(invalid(url, "sentinels need the feature `sentinel` of tower-breaker-redis"))
    }
}

#[cfg_attr(not(all(feature = "cluster", feature = "sentinel")), allow(dead_code, reason = "each reads a part"))]
impl<'a> Parts<'a> {
    fn of(scheme: &str, rest: &'a str) -> Self {
        let (user, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        Self { tls: scheme.starts_with("rediss"), user, hosts: hosts.split(',').collect(), path }
    }

    const fn plain_scheme(&self) -> &'static str {
        if self.tls { "rediss" } else { "redis" }
    }

    fn nodes(&self) -> Vec<String> {
        let user = self.user.map(|user| format!("{user}@")).unwrap_or_default();
        self.hosts.iter().map(|host| format!("{}://{user}{host}", self.plain_scheme())).collect()
    }
}

/// The URL without what stands before its `@`.
fn invalid(url: &str, why: &str) -> InvalidFleet {
    let shown = match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://..@{rest}"),
        (None, Some((_, rest))) => format!("..@{rest}"),
        _ => url.to_owned(),
    };
    InvalidFleet::url(&shown, why, ACCEPTED)
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").finish_non_exhaustive()
    }
}
