//! So many calls at once, so many more in a queue, and the rest refused.
//!
//! Calls to a dependency that has become slow pile up in whoever makes them, until memory, sockets or patience are used up,
//! and healthy work goes down with it. A [`Bulkhead`] gives the dependency so many places. A breaker does not replace it:
//! it opens when calls *end* badly, and here they do not end.
//!
//! ```
//! use std::time::Duration;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_breaker::{Bulkhead, BulkheadLayer, Error};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let places = Bulkhead::builder(1).max_queue(128).max_wait(Duration::from_millis(100)).build()?;
//! let mut reports = ServiceBuilder::new()
//!     .layer(BulkheadLayer::new(places.clone()))
//!     .service(service_fn(|hangs: bool| async move {
//!         if hangs { std::future::pending::<()>().await }
//!         Ok::<_, std::io::Error>("done")
//!     }));
//!
//! let hung = reports.ready().await?.call(true);
//! // The one place is taken, and does not become free in time.
//! assert!(matches!(reports.ready().await?.call(false).await, Err(Error::BulkheadFull(_))));
//! drop(hung);
//! assert!(matches!(reports.ready().await?.call(false).await, Ok("done")));
//! assert_eq!(places.figures().rejected, 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Order
//!
//! First come, first served, by the order of `call`. A call that finds a place and nobody queued takes it by one atomic
//! exchange, and allocates nothing. One that queues has an entry in a list until its turn comes, `max_wait` is over, or its
//! future is dropped. The place is held from then on until the response, or until the end of its body
//! (`BulkheadLayer::until_end_of_body`, feature `http`).
//!
//! # Readiness
//!
//! `poll_ready` is always ready, and takes nothing. The inner service is asked whether it is ready once there is a place. If
//! it is not, or there is a queue, it moves into the future of the call, which needs it to be `Clone`.
//!
//! # When not to use it
//!
//! Where the client has a pool of connections with a bounded queue of its own, which is a bulkhead already; and to bound how
//! *often* something is called, which is a rate limit. tower's `ConcurrencyLimit` bounds the same, and makes callers wait in
//! `poll_ready`, for as long as it takes and with no bound on how many: fit for a batch, not for a server.

#[cfg(feature = "http")]
mod body;
mod future;
mod layer;
mod service;
mod wait;

#[cfg(feature = "http")]
pub use self::body::BulkheadBody;
pub use self::{future::ResponseFuture, layer::BulkheadLayer, service::BulkheadService};
#[doc(no_inline)]
pub use tower_breaker_core::{Admission, Bulkhead, BulkheadBuilder, BulkheadFull, Place, Waiter};
