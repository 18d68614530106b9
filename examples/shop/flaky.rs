use std::{
    future::pending,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_stream::{StreamExt, iter};
use tonic::Status;

use super::{Answers, Prices};

const DOWN_AFTER: Duration = Duration::from_millis(1_200);
const UP_AFTER: Duration = Duration::from_millis(4_200);

/// `Quote` asks a database that goes down for three seconds, a second after the first quote; the first call that finds it down gets
/// no answer at all. `Watch` is well all the time.
#[derive(Debug, Default)]
pub(crate) struct FlakyPrices {
    start: OnceLock<Instant>,
    has_hung: AtomicBool,
}

impl Prices for FlakyPrices {
    async fn quote(&self, item: String) -> Result<String, Status> {
        let is_down = (DOWN_AFTER..UP_AFTER).contains(&self.start.get_or_init(Instant::now).elapsed());
        if is_down && !self.has_hung.swap(true, Ordering::Relaxed) {
            return pending().await;
        }
        if is_down { Err(Status::internal("the database is down")) } else { Ok(format!("{item} 3.20")) }
    }

    async fn watch(&self, item: String) -> Result<Answers, Status> {
        let prices = iter(["3.20", "3.25", "3.10"]).throttle(Duration::from_millis(100));
        Ok(Box::pin(prices.map(move |price| Ok(format!("{item} {price}")))))
    }
}
