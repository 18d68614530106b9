use std::time::Duration;

/// How a fleet is doing, for exporters: from [`Fleet::status`](crate::Fleet::status).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FleetStatus {
    /// The last round succeeded. A gauge: 0 says that every circuit goes on by itself.
    pub connected: bool,
    /// Why it is not connected, as the latest round found it, without a password.
    pub reason: Option<String>,
    /// How long ago the last round succeeded; `None`: none did yet.
    pub last_contact: Option<Duration>,
    /// Rounds that succeeded.
    pub rounds: u64,
    /// Rounds that failed.
    pub failed: u64,
    /// Calls of a script. The first of each on a server that does not know it takes two commands.
    pub commands: u64,
    /// Circuits told or asked about in these.
    pub exchanged: u64,
    /// How long the last round took that succeeded.
    pub took: Duration,
}

/// What the fleet makes of one circuit, as this instance last heard: from [`Fleet::circuit`](crate::Fleet::circuit).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FleetCircuit {
    /// Its name.
    pub name: String,
    /// The state all instances share. A local trip is not in it.
    pub state: FleetState,
    /// The number of the fleet's last change of it; 0: none yet.
    pub epoch: u64,
    /// Calls in the fleet's window when this instance last told of its own.
    pub calls: u64,
    /// Of these, failures.
    pub failures: u64,
    /// Of the calls, slow ones.
    pub slow: u64,
    /// Instances that saw failures in the window, as far as the quorum needs them (at least up to 8).
    pub seen_by: u32,
    /// This instance probes for all.
    pub probing: bool,
}

/// The state all instances share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FleetState {
    /// Nothing is shared: each instance decides by itself.
    Closed,
    /// Open by the fleet's rate, or after a forced open ended; one instance probes.
    Open,
    /// Forced open by an operator.
    ForcedOpen,
    /// Forced closed by an operator.
    ForcedClosed,
}

impl FleetState {
    /// The state as a stable word for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::ForcedOpen => "forced_open",
            Self::ForcedClosed => "forced_closed",
        }
    }
}
