//! The way to Redis: one server, the master that sentinels name, or a cluster.
//!
//! A link that failed is dropped and made anew at the next round, which is what asks sentinels again after a failover. No
//! command is sent twice: what stood in a socket may have been carried out. In a cluster the client may, once, since it has one
//! number for that and for following a slot to its new node.

mod script;
mod target;

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
    time::Duration,
};

use redis::{AsyncConnectionConfig, FromRedisValue, aio::MultiplexedConnection};

pub(crate) use self::{script::Script, target::Target};

/// Circuits in one call of the script, where their keys need not be of one slot: enough to save round trips, few enough that
/// Redis is busy for well under a millisecond.
const AT_ONCE: usize = 64;

/// A connection, and how many circuits go in one call.
pub(crate) enum Link {
    One(MultiplexedConnection),
    #[cfg(feature = "cluster")]
    Cluster(redis::cluster_async::ClusterConnection),
}

impl Link {
    pub(crate) async fn open(target: &mut Target, timeout: Duration) -> Result<Self, String> {
        let config =
            || AsyncConnectionConfig::new().set_connection_timeout(Some(timeout)).set_response_timeout(Some(timeout));
        let opening = async {
            match target {
                Target::One(client) => {
                    client.get_multiplexed_async_connection_with_config(&config()).await.map(Self::One)
                }
                #[cfg(feature = "sentinel")]
                Target::Sentinel(client) => client.get_async_connection_with_config(&config()).await.map(Self::One),
                #[cfg(feature = "cluster")]
                Target::Cluster(client) => client.get_async_connection().await.map(Self::Cluster),
            }
        };
        // The client's own timeouts do not cover the looking up of names and the greeting.
        match caught(within(timeout * 2, opening)).await {
            Ok(opened) => opened,
            Err(panic) => Err(format!("no connection can be made: {panic}")),
        }
    }

    /// How many circuits may go in one call: in a cluster each has a slot of its own.
    pub(crate) const fn at_once(&self) -> usize {
        match self {
            Self::One(_) => AT_ONCE,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => 1,
        }
    }

    /// Whether what says the time of one circuit says that of all.
    pub(crate) const fn one_clock(&self) -> bool {
        match self {
            Self::One(_) => true,
            #[cfg(feature = "cluster")]
            Self::Cluster(_) => false,
        }
    }

    /// Runs a script, teaching it to a server that does not know it.
    pub(crate) async fn call<T: FromRedisValue>(
        &mut self,
        script: &Script,
        keys: &[String],
        words: &[String],
        timeout: Duration,
    ) -> Result<T, String> {
        let known = script.known(keys, words);
        let asking = async {
            match self.query(&known).await {
                Err(error) if error.code() == Some("NOSCRIPT") => self.query(&script.whole(keys, words)).await,
                other => other,
            }
        };
        within(timeout, asking).await
    }

    async fn query<T: FromRedisValue>(&mut self, command: &redis::Cmd) -> redis::RedisResult<T> {
        match self {
            Self::One(connection) => command.query_async(connection).await,
            #[cfg(feature = "cluster")]
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

/// A panic as an error: rustls panics where the program installed no cryptography.
async fn caught<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let mut work = std::pin::pin!(work);
    std::future::poll_fn(move |cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
        match polled {
            Ok(polled) => polled.map(Ok),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                Poll::Ready(Err(text.trim().to_owned()))
            }
        }
    })
    .await
}

async fn within<T>(time: Duration, work: impl Future<Output = redis::RedisResult<T>>) -> Result<T, String> {
    match tokio::time::timeout(time, work).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {time:?}")),
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}
