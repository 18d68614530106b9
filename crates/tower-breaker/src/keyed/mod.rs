//! One circuit for each key of the request: for each host a client calls, each route a server has, each tenant.
//!
//! One circuit over everything would open for all when one part is sick. [`KeyedCircuitBreakerLayer`] asks a [`key`](crate::key) for
//! each request and guards the call by the circuit of that name, out of a bounded set, [`Circuits`](crate::Circuits).
//!
//! ```
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_breaker::{CircuitBreakerConfig, Circuits, KeyedCircuitBreakerLayer, key};
//!
//! struct Query {
//!     shard: String,
//!     id: u64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let shards = Circuits::new(CircuitBreakerConfig::default());
//! let mut store = ServiceBuilder::new()
//!     .layer(KeyedCircuitBreakerLayer::new(shards.clone(), key::from_fn(|query: &Query| query.shard.as_str().into())))
//!     .service(service_fn(|query: Query| async move { Ok::<_, std::io::Error>(query.id) }));
//!
//! store.ready().await?.call(Query { shard: "eu-1".to_owned(), id: 17 }).await?;
//! assert!(shards.get("eu-1").is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # Readiness
//!
//! `poll_ready` has no request and so no key: it is the inner service's, and its errors are not recorded, for they belong to
//! no circuit. Refusals come from `call`. An inner service that is never ready therefore holds up all keys: put a
//! [`CircuitBreaker`](crate::CircuitBreaker) around each service where each key has a service of its own.
//!
//! # When not to use it
//!
//! With keys that a request makes up one for each call (a path with an id in it, a trace id): a circuit that sees one call
//! learns nothing. With fewer keys than you have dependencies.

mod expire;
mod layer;
mod service;

pub use self::{layer::KeyedCircuitBreakerLayer, service::KeyedCircuitBreaker};
