//! A limit on how many calls go out in a second.
//!
//! For a dependency with a quota (a partner's API that answers 429 and then bans), and for callers who must not take
//! more than their share (a limit for each key of the request). [`RateLimitLayer`] lets a *burst* through at once and
//! refills it steadily: a token bucket, decided by GCRA, the generic cell rate algorithm, as [`governor`] implements
//! it. A call that finds no token is refused with the time of the next one; with [`max_wait`](RateLimitLayer::max_wait)
//! it waits for a token that is due soon enough.
//!
//! ```
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_breaker::{Error, RateLimitLayer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Two at once, then one every ten seconds.
//! let mut search = ServiceBuilder::new()
//!     .layer(RateLimitLayer::new(0.1, 2)?)
//!     .service(service_fn(|word: &'static str| async move { Ok::<_, std::io::Error>(word.len()) }));
//!
//! assert_eq!(search.ready().await?.call("tea").await?, 3);
//! assert_eq!(search.ready().await?.call("rice").await?, 4);
//! let third = search.ready().await?.call("salt").await;
//! assert!(matches!(third, Err(Error::RateLimited(limited)) if limited.retry_after().as_secs() >= 9));
//! # Ok(())
//! # }
//! ```
//!
//! # What is shared
//!
//! The tokens are shared by clones of the layer, by every service that they make and by every clone of one. Another
//! call of [`new`](RateLimitLayer::new) is another limit. With [`per_key`](RateLimitLayer::per_key) each key has tokens
//! of its own.
//!
//! # What it costs
//!
//! A call that passes reads the clock and swaps one atomic number; it allocates nothing. A call that waits has its
//! token reserved at once: waiters go in the order in which they came, no newcomer overtakes them, and nobody polls.
//!
//! # Where it belongs
//!
//! Inside a retry, so that each attempt takes a token; outside a bulkhead and a breaker, so that no place is held while
//! a call waits and a refusal is no failure of the dependency. Its refusals are known to breakers and retries further
//! out ([`Refusal`](crate::Refusal)).
//!
//! # When not to use it
//!
//! To protect a service from more work than it can do at a time: that depends on how long a call takes, and a limit on
//! concurrent calls follows it where a rate does not. For a quota shared by many processes: each process has a limit of
//! its own here.

mod bucket;
mod future;
mod layer;
mod limiter;
mod quota;
mod service;

pub use self::{
    future::ResponseFuture,
    layer::{RateLimitLayer, Together},
    service::RateLimit,
};
