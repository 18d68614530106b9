//! What this program adds to a routes document, and the types that follow from it.

use std::path::Path;

use serde::Deserialize;
use tower_breaker::routes::{self, RoutesError};

use crate::upstream::Upstream;

/// The gateway's own fields of a route.
#[derive(Debug, Deserialize)]
pub(crate) struct Proxied {
    pub(crate) upstream: Upstream,
}

pub(crate) type Config = routes::RoutesConfig<Proxied>;
pub(crate) type Table = routes::RouteTable<Proxied>;
pub(crate) type Matched = routes::Matched<Proxied>;
pub(crate) type Route = routes::Route<Proxied>;

/// Reads a routes file.
pub(crate) fn load(file: &Path) -> Result<Config, RoutesError> {
    Config::from_toml_file(file)
}
