//! The receiver: answers, is broken, hangs or is down, in an order that is always the same.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Json, Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, time::sleep};

#[derive(Debug, Default)]
struct Seen {
    requests: u32,
    keys: BTreeSet<String>,
}

/// Starts it on a port that is free. It runs until the process ends.
pub(crate) async fn start() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().route("/circuits", post(receive)).with_state(Arc::<Mutex<Seen>>::default());
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn receive(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, Json(message): Json<Value>) -> StatusCode {
    let number = {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.requests += 1;
        seen.requests
    };
    let [circuit, from, to] = ["circuit", "from", "to"].map(|field| text(&message[field]));
    let what = format!("{circuit} {from} -> {to}, generation {}", message["generation"]);
    match number {
        1 => {
            println!("request {number:2}: {what}: 503");
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        3 => {
            println!("request {number:2}: {what}: no answer");
            sleep(Duration::from_secs(60)).await;
        }
        // Down for the first message of the one that flaps: all its attempts.
        6..=8 => {
            println!("request {number:2}: {what}: 503, after a while");
            sleep(Duration::from_millis(100)).await;
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        _ => {}
    }
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let is_new = seen.lock().unwrap_or_else(PoisonError::into_inner).keys.insert(key.to_owned());
    println!("request {number:2}: {what}: {}", if is_new { "taken" } else { "known already" });
    StatusCode::NO_CONTENT
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
