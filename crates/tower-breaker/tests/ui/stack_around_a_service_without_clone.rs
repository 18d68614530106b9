//! The whole stack around a service that cannot be cloned.

use std::{io, time::Duration};

use tower::{Layer, Service, util::BoxService};
use tower_breaker::{InvalidConfig, ResilienceLayer};

fn guarded(orders: BoxService<u64, String, io::Error>) -> Result<impl Service<u64>, InvalidConfig> {
    Ok(ResilienceLayer::builder().timeout(Duration::from_secs(1)).build()?.layer(orders))
}

fn main() {
    let _ = guarded;
}
