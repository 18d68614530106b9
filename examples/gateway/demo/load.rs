//! A few calls a second to each route, as a caller of the gateway would make them, and what becomes of them.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::{MissedTickBehavior, interval};

use crate::report;

/// Between two calls of one route.
const EVERY: Duration = Duration::from_millis(250);
/// After so many of them, what became of them is told.
const TOLD_AFTER: u32 = 40;

/// How often each route was answered in which way.
type Seen = Arc<Mutex<BTreeMap<&'static str, BTreeMap<String, u32>>>>;

pub(super) async fn run(at: SocketAddr) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let seen = Seen::default();
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for round in 1_u32.. {
        tick.tick().await;
        for path in ["/steady", "/flaky", "/slow"] {
            tokio::spawn(call(client.clone(), at, path, Arc::clone(&seen)));
        }
        if round.is_multiple_of(TOLD_AFTER) {
            tell(&std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner)));
        }
    }
}

async fn call(client: Client<HttpConnector, Empty<Bytes>>, at: SocketAddr, path: &'static str, seen: Seen) {
    let Ok(target) = format!("http://{at}{path}").parse() else { return };
    // A call that does not even reach the gateway is the end of the demonstration, and not its subject.
    let Ok(response) = client.get(target).await else { return };
    let is_fallback = response.headers().contains_key(crate::stack::MARK);
    let status = response.status().as_u16();
    let how = if is_fallback { format!("{status} by fallback") } else { status.to_string() };
    let _ = response.into_body().collect().await;
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    *seen.entry(path).or_default().entry(how).or_default() += 1;
}

fn tell(seen: &BTreeMap<&'static str, BTreeMap<String, u32>>) {
    let routes: Vec<String> = seen
        .iter()
        .map(|(path, ways)| {
            let ways: Vec<String> = ways.iter().map(|(how, count)| format!("{count} x {how}")).collect();
            format!("{path} {}", ways.join(", "))
        })
        .collect();
    report::event(format_args!("callers saw: {}", routes.join("; ")));
}
