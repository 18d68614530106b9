//! Circuit breakers on an axum server: on one route, and on a whole router with one circuit for each route.
//!
//! ```sh
//! cargo run --example axum_server
//! ```
//!
//! What `/quotes` and `/shop/prices` ask is down during the first half of every minute. Ask often and see them fail, be
//! refused at once, and come back, while their neighbours are well all the time:
//!
//! ```sh
//! while sleep 1; do for p in quotes about shop/prices/tea shop/stock/tea; do curl -so /dev/null -w "/$p %{http_code}  " 127.0.0.1:3000/$p; done; echo; done
//! ```

use std::{
    borrow::Cow,
    error::Error,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    extract::{MatchedPath, Path, Request},
    http::StatusCode,
    routing::get,
};
use tokio::net::TcpListener;
use tower_breaker::{
    Circuit, CircuitBreakerConfig, CircuitBreakerLayer, Circuits, KeyedCircuitBreakerLayer, Transition, key,
};

const ADDRESS: &str = "127.0.0.1:3000";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let config = CircuitBreakerConfig::builder().failure_threshold(3).open_duration(Duration::from_secs(5)).build()?;

    // One route, one circuit. `http` counts 5xx, 408 and 429 as failures and answers refused calls 503 with `Retry-After`.
    let quotes = Circuit::new("quotes", config.clone());
    quotes.observe(report);

    // Many routes: one circuit for each, by the pattern that axum matched. A single circuit over this router would count its
    // routes together, and sick prices would take down the stock.
    let shop = Circuits::new(config);
    shop.observe(report);
    let route = key::from_fn(|request: &Request| match request.extensions().get::<MatchedPath>() {
        Some(route) => Cow::Borrowed(route.as_str()),
        None => Cow::Borrowed(key::MISSING),
    });
    let shop = Router::new()
        .route("/prices/{item}", get(price))
        .route("/stock/{item}", get(stock))
        .layer(KeyedCircuitBreakerLayer::http(shop, route));

    let app = Router::new()
        .route("/quotes", get(quote).layer(CircuitBreakerLayer::http(quotes)))
        .route("/about", get(|| async { "always well\n" }))
        .nest("/shop", shop);

    let listener = TcpListener::bind(ADDRESS).await.map_err(|error| format!("cannot listen on {ADDRESS}: {error}"))?;
    println!("listening on http://{ADDRESS}: /quotes, /about, /shop/prices/tea, /shop/stock/tea");
    axum::serve(listener, app).await?;
    Ok(())
}

fn report(transition: &Transition) {
    println!("{}: {:?} -> {:?}", transition.circuit, transition.from, transition.to);
}

async fn quote() -> Result<&'static str, StatusCode> {
    upstream().map(|()| "buy\n")
}

async fn price(Path(item): Path<String>) -> Result<String, StatusCode> {
    upstream().map(|()| format!("{item}: 3.20\n"))
}

async fn stock(Path(item): Path<String>) -> String {
    format!("{item}: 12 left\n")
}

/// Down during the first half of every minute.
fn upstream() -> Result<(), StatusCode> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    if since_epoch.as_secs() % 60 < 30 { Err(StatusCode::BAD_GATEWAY) } else { Ok(()) }
}
