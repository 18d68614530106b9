//! Fault isolation for reqwest: a circuit breaker for each origin a client calls, and every stage around it.
//!
//! A client that goes on asking a server that is down waits for each answer that will not come, and keeps the server down. A
//! circuit breaker refuses such calls at once, and lets a few through after a while to see whether it is well again.
//!
//! # Ten lines to a protected call
//!
//! With [reqwest-middleware](reqwest_middleware): one line where the client is made.
//!
//! ```
//! use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
//! use tower_breaker::CircuitBreakerConfig;
//! use tower_breaker_reqwest::{CircuitBreakerMiddleware, rejected};
//!
//! fn client() -> ClientWithMiddleware {
//!     let breaker = CircuitBreakerMiddleware::new(CircuitBreakerConfig::default());
//!     ClientBuilder::new(reqwest::Client::new()).with(breaker).build()
//! }
//!
//! async fn price(client: &ClientWithMiddleware) -> Result<String, reqwest_middleware::Error> {
//!     match client.get("http://prices.internal/tea").send().await {
//!         Err(error) if rejected(&error).is_some() => Ok("ask again later".to_owned()),
//!         answer => Ok(answer?.text().await?),
//!     }
//! }
//! # drop(client());
//! ```
//!
//! Each [`Origin`] (scheme, host, port) has a circuit of its own, out of a bounded set. A 5xx, 408 or 429, a connection that
//! fails and a timeout count against it ([`ReqwestClassifier`]). A refused call ends at once; [`rejected`] tells it from one
//! that failed on the way, [`refusal`] and [`timed_out`] know the other stages.
//!
//! # Every stage
//!
//! [`ResilienceMiddleware`] puts the stages of a [`Policy`] around each call, in the order of
//! [`ResilienceLayer`](tower_breaker::ResilienceLayer): timeout of the whole call, retry within a budget, rate limit, bulkhead,
//! circuit breaker, attempt timeout. Bulkhead, limit and budget are for each origin apart, as the circuit is.
//!
//! # For one call, for one route
//!
//! A request's extensions pick what it goes by: [`CircuitName`], [`PolicyName`], [`CallTimeout`], and
//! [`Repeatable`](tower_breaker::retry::Repeatable) for a POST that may be sent twice.
//!
//! A POST that found nobody to connect to is tried again where the client follows no redirects and the middleware knows it:
//! build the client with `redirect::Policy::none()` and say [`follows_redirects(false)`](ResilienceMiddleware::follows_redirects).
//! Otherwise it may be the place a redirect led to that was not there, after the POST was carried out.
//!
//! ```
//! use std::time::Duration;
//! use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
//! use tower_breaker::{CircuitBreakerConfig, InvalidConfig, retry::RetryConfig};
//! use tower_breaker_reqwest::{CallTimeout, Policy, PolicyName, ResilienceMiddleware};
//!
//! fn client() -> Result<ClientWithMiddleware, InvalidConfig> {
//!     let breaker = CircuitBreakerConfig::default();
//!     let usual = Policy::builder().timeout(Duration::from_secs(10)).circuit_breaker(breaker.clone());
//!     let reads = usual.clone().retry(RetryConfig::default()).attempt_timeout(Duration::from_secs(2));
//!     let stages = ResilienceMiddleware::new(usual.build()?).policy("reads", reads.build()?);
//!     Ok(ClientBuilder::new(reqwest::Client::new()).with(stages).build())
//! }
//!
//! # fn main() -> Result<(), InvalidConfig> {
//! let client = client()?;
//! let stock = client.get("http://shop.internal/stock").with_extension(PolicyName::new("reads"));
//! let report = client.get("http://shop.internal/report").with_extension(CallTimeout::new(Duration::from_secs(60)));
//! # drop((stock, report));
//! # Ok(())
//! # }
//! ```
//!
//! With feature `config` a routes document says which host, path and method goes by which policy, and may change while calls go
//! on: `ResilienceMiddleware::routes`.
//!
#![cfg_attr(feature = "config", doc = "```")]
#![cfg_attr(not(feature = "config"), doc = "```ignore")]
//! use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
//! use tower_breaker::routes::{RouteTable, RoutesConfig, RoutesError};
//! use tower_breaker_reqwest::ResilienceMiddleware;
//!
//! const ROUTES: &str = r#"
//!     [policies.default]
//!     timeout = "10s"
//!     circuit_breaker = { failure_threshold = 5 }
//!
//!     [policies.reads]
//!     extends = "default"
//!     retry = { attempts = 3 }
//!
//!     [[routes]]
//!     host = "shop.internal"
//!     path = "/stock/{item}"
//!     methods = ["GET"]
//!     policy = "reads"
//!
//!     [[routes]]
//!     path = "/{*rest}"
//!     key = "host"
//! "#;
//!
//! # fn main() -> Result<(), RoutesError> {
//! let table: RouteTable = RouteTable::new(RoutesConfig::from_toml(ROUTES)?);
//! // Keep `table`: `table.apply(..)` puts a changed document in force.
//! let client = ClientBuilder::new(reqwest::Client::new()).with(ResilienceMiddleware::routes(table.clone())).build();
//! # drop(client);
//! # Ok(())
//! # }
//! ```
//!
//! # A fallback
//!
//! What stands in for an answer is seldom a response, so it is the caller's: where nothing was sent or nothing came in time,
//! something else answers, and the circuit counts it.
//!
//! ```
//! use reqwest_middleware::{ClientWithMiddleware, Error};
//! use tower_breaker::Circuits;
//! use tower_breaker_reqwest::{refusal, rejected, timed_out};
//!
//! async fn price(client: &ClientWithMiddleware, circuits: &Circuits, last_known: f64) -> Result<f64, Error> {
//!     match client.get("http://prices.internal/tea").send().await {
//!         Ok(answer) => Ok(answer.error_for_status()?.text().await?.parse().unwrap_or(last_known)),
//!         Err(error) if refusal(&error).is_some() || timed_out(&error).is_some() => {
//!             // For the count of fallbacks in the circuit's figures.
//!             if let Some(circuit) = rejected(&error).and_then(|refused| circuits.get(refused.name())) {
//!                 circuit.record_fallback();
//!             }
//!             Ok(last_known)
//!         }
//!         Err(error) => Err(error),
//!     }
//! }
//! # let _ = price;
//! ```
//!
//! # The plain Tower way
//!
//! A [`reqwest::Client`] is a Tower service. Nothing is boxed then but what reqwest boxes, errors are typed, and all layers of
//! `tower-breaker` fit, its fallback too:
//!
//! ```
//! use std::time::Duration;
//! use reqwest::{Client, Request, Response};
//! use tower::{Layer, Service};
//! use tower_breaker::{Circuit, Error, InvalidConfig, ResilienceLayer, retry::RetryConfig};
//! use tower_breaker_reqwest::{ReqwestClassifier, ReqwestRetry, TryClone};
//!
//! fn prices() -> Result<impl Service<Request, Response = Response, Error = Error<reqwest::Error>> + Clone, InvalidConfig> {
//!     let layer = ResilienceLayer::builder()
//!         .timeout(Duration::from_secs(10))
//!         .retry(RetryConfig::default())
//!         .circuit(Circuit::new("prices", Default::default()))
//!         .attempt_timeout(Duration::from_secs(2))
//!         .classify(ReqwestClassifier::new())
//!         .policy(ReqwestRetry::new())
//!         .repeat(TryClone)
//!         .build()?;
//!     Ok(layer.layer(Client::new()))
//! }
//! # assert!(prices().is_ok());
//! ```
//!
//! # Beside reqwest-retry and reqwest-tracing
//!
//! Middlewares see what was named after them. Name `TracingMiddleware` before these to trace calls, refused ones too, and after
//! them to trace attempts. Name `RetryTransientMiddleware` before [`CircuitBreakerMiddleware`]: then each attempt is judged, and
//! its default strategy takes a refusal, which is an error of a middleware, for final. Named after it, three attempts are one
//! call to the breaker, which learns three times as slowly. With [`ResilienceMiddleware`] leave it out: attempts would multiply,
//! and a body that is a stream, which is sent once here, is an error there. reqwest's own `ClientBuilder::retry` is one more
//! place where attempts multiply.
//!
//! # TLS
//!
//! Is reqwest's: name its feature (`rustls`, `native-tls`) beside a `reqwest` of your own. This crate turns on none.
//!
//! # When not to use it
//!
//! For one call a day. Around a client of a mesh or gateway that breaks circuits itself.
//!
//! What becomes of a body is not seen unless you ask for it: where servers hang or break off there, judge by
//! [`at_end_of_body`](ReqwestClassifier::at_end_of_body), and give the client a `read_timeout`.

// Says of each item which feature brings it, where docs are built with `--cfg docsrs` on nightly.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod body;
mod breaker;
mod classify;
mod error;
mod extensions;
mod next;
mod origin;
mod policy;
mod resilience;
mod retry;
#[cfg(feature = "config")]
mod routes;
mod stack;
mod stages;
mod unknown_policy;

pub use self::{
    breaker::CircuitBreakerMiddleware,
    classify::ReqwestClassifier,
    error::{AsMiddlewareError, refusal, rejected, timed_out},
    extensions::{CallTimeout, CircuitName, PolicyName},
    origin::Origin,
    policy::{Policy, PolicyBuilder},
    resilience::ResilienceMiddleware,
    retry::{ReqwestRetry, ReqwestRetryState, TryClone},
    unknown_policy::UnknownPolicy,
};
