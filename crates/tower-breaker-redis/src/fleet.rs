use std::{fmt, sync::Arc};

use tokio::{sync::watch, task::JoinHandle};

use crate::{FleetBuilder, FleetCircuit, FleetStatus, shared::Shared};

/// This process as an instance of a fleet; from [`Fleet::builder`]. Dropped, its task lets go of what it probes and ends; the
/// circuits stay, and go on by themselves.
pub struct Fleet {
    shared: Arc<Shared>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Fleet {
    /// A fleet that meets at this Redis or Valkey:
    ///
    /// | URL | what |
    /// |---|---|
    /// | `redis://[user:password@]host[:6379][/db]` | one server |
    /// | `unix:///path[?db=..&user=..&pass=..]` | one server, by a socket |
    /// | `rediss://..` | with TLS; feature `tls-rustls` |
    /// | `redis+sentinel://[user:password@]host[:26379],..../master[/db]` | the master of that name, asked of the sentinels (which want no password) at each reconnect; feature `sentinel` |
    /// | `redis+cluster://[user:password@]host:port,..` | a cluster, found from any of these nodes; feature `cluster` |
    /// | `rediss+sentinel://`, `rediss+cluster://` | these with TLS on every connection |
    ///
    /// User and password are percent-encoded, as in every URL.
    pub fn builder(url: impl Into<String>) -> FleetBuilder {
        FleetBuilder::new(url.into())
    }

    pub(crate) fn new(shared: Arc<Shared>, stop: watch::Sender<()>, task: JoinHandle<()>) -> Self {
        Self { shared, stop, task }
    }

    /// Whether the last round succeeded. While it is not, every circuit goes on by itself.
    #[must_use]
    pub fn connected(&self) -> bool {
        self.shared.state().connected
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> FleetStatus {
        self.shared.status()
    }

    /// The name of this instance in Redis: 16 hexadecimal digits, drawn from the system's randomness at the start.
    #[must_use]
    pub fn instance(&self) -> &str {
        self.shared.instance()
    }

    /// What the fleet makes of the circuit of this name, as this instance last heard; `None` if it did not.
    #[must_use]
    pub fn circuit(&self, name: &str) -> Option<FleetCircuit> {
        self.shared.state().circuits.get(name).cloned()
    }

    /// What the fleet makes of every circuit it has told this instance of, in no order.
    #[must_use]
    pub fn circuits(&self) -> Vec<FleetCircuit> {
        self.shared.state().circuits.values().cloned().collect()
    }

    /// Ends the task, after it told the fleet what operators did since its last round and that others may probe. Takes at most
    /// twice the timeout, and tells nothing where Redis is away. A probe that is out goes on, and decides for this instance
    /// alone: so shut down what calls first.
    pub async fn shutdown(self) {
        let Self { stop, task, .. } = self;
        drop(stop);
        // A task that panicked has ended too.
        let _ = task.await;
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _ = (&self.stop, &self.task);
        f.debug_struct("Fleet")
            .field("instance", &self.instance())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
