use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use tokio::sync::watch;
use tower_breaker_core::Circuits;

use crate::{
    Fleet, FleetEvent, InvalidFleet,
    error::within,
    keys::Keys,
    link::Target,
    member::Terms,
    round::{Round, Setup},
    shared::Shared,
    tell::Tell,
};

/// Builds a [`Fleet`]: only the URL has no default.
#[must_use = "a builder does nothing until `start`"]
pub struct FleetBuilder {
    url: String,
    prefix: String,
    interval: Duration,
    timeout: Option<Duration>,
    quorum: u32,
    lease: Option<Duration>,
    window: Duration,
    expiry: Duration,
    on_event: Option<Box<Tell>>,
}

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl FleetBuilder {
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            prefix: "tower-breaker".to_owned(),
            interval: secs(1),
            timeout: None,
            quorum: 2,
            lease: None,
            window: secs(10),
            expiry: secs(3_600),
            on_event: None,
        }
    }

    /// With what every key begins: 1 to 64 letters, digits, `.`, `_`, `-` or `:`. Default `tower-breaker`. Fleets of other
    /// prefixes know nothing of each other, and neither do sets of other names under one prefix.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How often an instance tells and hears, give or take a tenth: 50 ms to 1 minute, default 1 s. What the fleet decides reaches
    /// every instance within two of them.
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How long Redis may take for one answer, 5 ms to 1 minute. Default: the interval, but at least 250 ms and at most 5 s. No
    /// call waits for it.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How many instances must have seen failures in the window before the fleet's rate opens a circuit: 1 to 64, default 2, so
    /// that one sick host cannot open everybody's. All instances should say the same; each trip asks for the number of the
    /// instance whose report completes it. A process that restarts comes back as another instance: one that dies and starts
    /// again and again is two or more within a window, and can make up the quorum by itself.
    pub const fn quorum(mut self, instances: u32) -> Self {
        self.quorum = instances;
        self
    }

    /// For how long one instance probes for all unless it says that it still does: at least 3 intervals and at most 10 minutes,
    /// default 5 intervals, but at least 2 s. When one dies while it probes, the next takes over after this.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = Some(lease);
        self
    }

    /// The fleet's window for circuits whose own counts calls: 1 s to 10 minutes, default 10 s. Circuits with a window of time use
    /// that, but at least 3 intervals. All instances should say the same: two lengths write over each other's counts.
    pub const fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// How long Redis keeps what nobody tells again: 10 s to 7 days and at least 20 intervals, default 1 hour. An instance that
    /// was away for more than half of it forgets what it knew of the fleet.
    pub const fn expiry(mut self, expiry: Duration) -> Self {
        self.expiry = expiry;
        self
    }

    /// Tells `observer` when Redis goes away, comes back, or holds what it cannot. Called from the fleet's task: it must not
    /// block.
    pub fn on_event(mut self, observer: impl Fn(&FleetEvent) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Box::new(observer));
        self
    }

    /// Whether [`start`](Self::start) would take these settings, on a runtime.
    ///
    /// # Errors
    ///
    /// A setting outside its range, a URL that is none or needs a feature.
    pub fn check(&self) -> Result<(), InvalidFleet> {
        self.checked().map(drop)
    }

    /// Starts the one task that joins the circuits of this set, those to come included, to the fleet. Does not wait for Redis.
    ///
    /// # Errors
    ///
    /// A setting outside its range, a URL that is none or needs a feature, no tokio runtime.
    pub fn start(self, circuits: &Circuits) -> Result<Fleet, InvalidFleet> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| InvalidFleet::new("runtime", "none", "a tokio runtime with its time and I/O drivers on"))?;
        let Checked { timeout, lease, terms, target, address } = self.checked()?;
        let shared = Arc::new(Shared::new(identity()));
        let setup = Setup {
            circuits: circuits.clone(),
            keys: Keys::new(&self.prefix, circuits.name()),
            address,
            interval: self.interval,
            timeout,
            quorum: self.quorum,
            lease,
            expiry: self.expiry,
            terms,
            shared: Arc::clone(&shared),
            on_event: self.on_event,
        };
        let (stop, stopped) = watch::channel(());
        let task = runtime.spawn(Round::new(setup, target).run(stopped));
        Ok(Fleet::new(shared, stop, task))
    }

    fn checked(&self) -> Result<Checked, InvalidFleet> {
        let fits = |char: char| char.is_ascii_alphanumeric() || ".:_-".contains(char);
        if !(1..=64).contains(&self.prefix.len()) || !self.prefix.chars().all(fits) {
            return Err(InvalidFleet::new("prefix", &self.prefix, "1 to 64 letters, digits, '.', '_', '-' or ':'"));
        }
        let millis = Duration::from_millis;
        let interval = within("interval", self.interval, millis(50)..=secs(60))?;
        let timeout = self.timeout.unwrap_or_else(|| interval.clamp(millis(250), secs(5)));
        let timeout = within("timeout", timeout, millis(5)..=secs(60))?;
        if !(1..=64).contains(&self.quorum) {
            return Err(InvalidFleet::new("quorum", self.quorum, "1..=64 instances"));
        }
        let lease = self.lease.unwrap_or_else(|| (interval * 5).max(secs(2)));
        let lease = within("lease", lease, interval * 3..=secs(600))?;
        within("window", self.window, secs(1)..=secs(600))?;
        within("expiry", self.expiry, (interval * 20).max(secs(10))..=secs(7 * 86_400))?;
        let (target, address) = Target::parse(&self.url, timeout)?;
        let terms = Terms {
            hold: lease.max(interval * 3 + timeout * 2),
            refresh: self.expiry / 4,
            counts_as: self.window,
            shortest: interval * 3,
        };
        Ok(Checked { timeout, lease, terms, target, address })
    }
}

/// A name that no other instance has: two of one name would count as one, and probe under one lease. The randomness is the
/// system's; fastrand begins with the time, which processes that are started together may share.
fn identity() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// What the settings amount to.
struct Checked {
    timeout: Duration,
    lease: Duration,
    terms: Terms,
    target: Target,
    address: String,
}

impl fmt::Debug for FleetBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        f.debug_struct("FleetBuilder")
            .field("prefix", &self.prefix)
            .field("interval", &self.interval)
            .field("quorum", &self.quorum)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these settings amount to, at an interval of a second.
    fn terms(set: impl Fn(FleetBuilder) -> FleetBuilder) -> Terms {
        set(FleetBuilder::new("redis://127.0.0.1".to_owned())).checked().expect("valid").terms
    }

    #[test]
    fn probing_is_held_back_for_a_lease_or_as_long_as_news_may_take() {
        assert_eq!(terms(|fleet| fleet).hold, secs(5), "the lease is five intervals");
        assert_eq!(terms(|fleet| fleet.lease(secs(60))).hold, secs(60));
        assert_eq!(terms(|fleet| fleet.timeout(secs(4))).hold, secs(11), "three intervals and two timeouts");
    }

    #[test]
    fn what_may_expire_is_told_four_times_meanwhile_and_a_window_is_three_intervals_or_more() {
        let terms = terms(|fleet| fleet.expiry(secs(200)).window(secs(20)));
        assert_eq!((terms.refresh, terms.counts_as, terms.shortest), (secs(50), secs(20), secs(3)));
    }
}
