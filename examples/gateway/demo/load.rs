//! A few calls a second to each route, as a caller of the gateway would make them.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{MissedTickBehavior, interval};

/// Between two calls of one route.
const EVERY: Duration = Duration::from_millis(250);

pub(super) async fn run(at: SocketAddr) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        for path in ["/steady", "/flaky", "/slow"] {
            tokio::spawn(call(client.clone(), at, path));
        }
    }
}

/// How it ends is the gateway's to show.
async fn call(client: Client<HttpConnector, Empty<Bytes>>, at: SocketAddr, path: &'static str) {
    let Ok(target) = format!("http://{at}{path}").parse() else { return };
    if let Ok(response) = client.get(target).await {
        let _ = response.into_body().collect().await;
    }
}
