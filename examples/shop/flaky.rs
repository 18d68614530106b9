use std::{
    future::pending,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio_stream::{StreamExt, iter};
use tonic::Status;

use super::{Answers, Prices};

/// `Quote` asks a database that is down from the sixth time it is asked to the ninth; the first call that finds it down gets no
/// answer at all. `Watch` is well all the time.
#[derive(Debug, Default)]
pub(crate) struct FlakyPrices {
    asked: AtomicU32,
}

impl Prices for FlakyPrices {
    async fn quote(&self, item: String) -> Result<String, Status> {
        match self.asked.fetch_add(1, Ordering::Relaxed) + 1 {
            6 => pending().await,
            7..=9 => Err(Status::internal("the database is down")),
            _ => Ok(format!("{item} 3.20")),
        }
    }

    async fn watch(&self, item: String) -> Result<Answers, Status> {
        let prices = iter(["3.20", "3.25", "3.10"]).throttle(Duration::from_millis(100));
        Ok(Box::pin(prices.map(move |price| Ok(format!("{item} {price}")))))
    }
}
