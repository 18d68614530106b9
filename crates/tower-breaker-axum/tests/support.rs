//! A set of circuits on a clock of its own, and its routes.

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request},
};
use serde_json::Value;
use std::time::Duration;
use tower::ServiceExt;
use tower_breaker_axum::CircuitRoutes;
use tower_breaker_core::{CircuitBreakerConfig, Circuits, ManualClock, Outcome};

pub(crate) const CSP: &str = "content-security-policy";
pub(crate) const TOKEN: &str = "correct-horse-battery";

pub(crate) struct Shown {
    pub(crate) circuits: Circuits,
    pub(crate) clock: ManualClock,
    pub(crate) app: Router,
}

impl Shown {
    /// Nobody may command them.
    pub(crate) fn new() -> Self {
        Self::with(|routes| routes)
    }

    /// Whoever has [`TOKEN`] may.
    pub(crate) fn commanded() -> Self {
        Self::with(|routes| routes.operator_token(TOKEN).unwrap())
    }

    pub(crate) fn with(more: impl FnOnce(CircuitRoutes) -> CircuitRoutes) -> Self {
        let clock = ManualClock::starting_at(Duration::from_secs(1));
        let config = CircuitBreakerConfig::builder()
            .failure_threshold(3)
            .failure_rate_threshold(None)
            .open_duration(Duration::from_secs(10))
            .open_duration_jitter(0.0);
        let circuits =
            Circuits::builder().name("upstreams").config(config.build().unwrap()).clock(clock.clone()).build();
        let app = more(CircuitRoutes::new().circuits(circuits.clone())).into_router();
        Self { circuits, clock, app }
    }

    pub(crate) fn trip(&self, name: &str) {
        for _ in 0..3 {
            self.circuits.get_or_create(name).try_acquire().unwrap().record(Outcome::Failure);
        }
    }

    pub(crate) fn state(&self, name: &str) -> String {
        let snapshot = self.circuits.snapshot(name).unwrap();
        format!("{} {}", snapshot.state.as_str(), snapshot.mode.as_str())
    }

    pub(crate) async fn page(&self) -> (HeaderMap, String) {
        let response = self.app.clone().oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        (head.headers, String::from_utf8(to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap())
    }
}

/// Status and JSON; null where there is none.
pub(crate) async fn call(app: &Router, method: &str, path: &str) -> (u16, Value) {
    let (status, _, body) = send(app, method, path, &[], "").await;
    (status, body)
}

pub(crate) async fn send(
    app: &Router,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: &str,
) -> (u16, HeaderMap, Value) {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, 1 << 24).await.unwrap();
    (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap_or_default())
}
