//! `[fleet]` of a routes file: gateways that share a Redis are one.
//!
//! ```toml
//! [fleet]
//! redis = "redis://127.0.0.1:6379"   # `docker run -p 6379:6379 redis:7`, or redis-server
//! interval = "1s"
//! quorum = 2
//! prefix = "gateway"
//! ```
//! It is read at the start; a changed one takes a restart.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de};
use tower_breaker::Circuits;
use tower_breaker_redis::{Fleet, FleetBuilder, FleetEvent};

use crate::report;

/// Its fields; what is left out is as in `tower_breaker_redis`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Settings {
    redis: String,
    #[serde(default, deserialize_with = "duration")]
    interval: Option<Duration>,
    #[serde(default)]
    quorum: Option<u32>,
    #[serde(default)]
    prefix: Option<String>,
}

impl Settings {
    fn builder(&self) -> FleetBuilder {
        let builder = Fleet::builder(&self.redis).prefix(self.prefix.as_deref().unwrap_or("gateway"));
        let builder = self.interval.into_iter().fold(builder, FleetBuilder::interval);
        self.quorum.into_iter().fold(builder, FleetBuilder::quorum)
    }

    /// An error is one line.
    pub(crate) fn check(&self) -> Result<(), String> {
        self.builder().check().map_err(|error| format!("fleet: {error}"))
    }

    /// Joins a set of circuits to its fleet, as long as what comes back is kept.
    pub(crate) fn join(&self, circuits: &Circuits) -> Result<Fleet, String> {
        let set = circuits.name().to_owned();
        let builder = self.builder().on_event(move |event| match event {
            FleetEvent::Joined { .. } => report::event(format_args!("fleet of {set}: joined")),
            FleetEvent::Away { reason, .. } => {
                report::event(format_args!("fleet of {set}: {reason}; every circuit goes on by itself"));
            }
            FleetEvent::Damaged { circuit, reason, .. } => {
                report::event(format_args!("fleet of {set}: {circuit} was changed by hand: {reason}"));
            }
            other => report::event(format_args!("fleet of {set}: {other:?}")),
        });
        builder.start(circuits).map_err(|error| format!("fleet: {error}"))
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let refused = |_| de::Error::invalid_value(de::Unexpected::Str(&text), &"a duration, as in \"1s\" or \"500ms\"");
    humantime::parse_duration(&text).map(Some).map_err(refused)
}
