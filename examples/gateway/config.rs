//! What this program adds to a routes document, and the types that follow from it.

use std::path::Path;

use serde::Deserialize;
use tower_breaker::routes::{self, RoutesError};

use crate::{fallback::Fallback, fleet, upstreams::Upstreams};

/// The gateway's own fields of a route.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct Proxied {
    pub(crate) upstreams: Upstreams,
}

/// The gateway's own fields of a policy.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Proxying {
    pub(crate) fallback: Fallback,
}

pub(crate) type Config = routes::RoutesConfig<Proxied, Proxying>;
pub(crate) type Table = routes::RouteTable<Proxied, Proxying>;
pub(crate) type Matched = routes::Matched<Proxied, Proxying>;
pub(crate) type Route = routes::Route<Proxied, Proxying>;
pub(crate) type Policy = routes::Policy<Proxying>;

/// Reads a routes file; an error is one line.
pub(crate) fn load(file: &Path) -> Result<(Config, Option<fleet::Settings>), String> {
    let (config, fleet): (_, Option<fleet::Settings>) =
        Config::from_toml_file_with(file, "fleet").map_err(|error: RoutesError| error.to_string())?;
    if let Some(fleet) = &fleet {
        fleet.check().map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok((config, fleet))
}
