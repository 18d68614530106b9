//! The receiver: answers, is broken, hangs or is down, in an order that is always the same.

use std::{
    collections::BTreeSet,
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Json, Router, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, sync::watch};

/// It runs until the process ends.
#[derive(Debug, Clone)]
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    requests: watch::Sender<u32>,
    keys: Arc<Mutex<BTreeSet<String>>>,
    may_answer: watch::Sender<bool>,
}

impl Receiver {
    /// Starts it on a port that is free.
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let receiver = Self {
            address: listener.local_addr()?,
            requests: watch::Sender::new(0),
            keys: Arc::default(),
            may_answer: watch::Sender::new(false),
        };
        let app = Router::new().route("/circuits", post(receive)).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(receiver)
    }

    /// Waits until so many requests have come.
    pub(crate) async fn has(&self, requests: u32) {
        // Fails only without a sender, and `self` is one.
        let _ = self.requests.subscribe().wait_for(|came| *came >= requests).await;
    }

    /// Those that it holds are answered now.
    pub(crate) fn let_go(&self) {
        self.may_answer.send_replace(true);
    }
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, Json(message): Json<Value>) -> StatusCode {
    let mut number = 0;
    receiver.requests.send_modify(|came| {
        *came += 1;
        number = *came;
    });
    let [circuit, from, to] = ["circuit", "from", "to"].map(|field| text(&message[field]));
    let what = format!("{circuit} {from} -> {to}, generation {}", message["generation"]);
    match number {
        1 => {
            println!("request {number:2}: {what}: 503");
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        3 => {
            println!("request {number:2}: {what}: no answer");
            pending::<()>().await;
        }
        // Down for the first message of the one that flaps: all its attempts, and until it has flapped.
        6..=8 => {
            println!("request {number:2}: {what}: 503");
            let _ = receiver.may_answer.subscribe().wait_for(|may| *may).await;
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        _ => {}
    }
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    let is_new = receiver.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned());
    println!("request {number:2}: {what}: {}", if is_new { "taken" } else { "known already" });
    StatusCode::NO_CONTENT
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
