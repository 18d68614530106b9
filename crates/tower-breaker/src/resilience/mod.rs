//! Every stage around one service, in the one order that makes sense.
//!
//! ```text
//! fallback -> timeout (whole call) -> retry -> asks the breaker -> rate limit -> bulkhead -> circuit breaker
//!          -> attempt timeout -> service
//! ```
//!
//! Why this order, and what each budget is for, says [`guide::order`](crate::guide::order). Every stage can be left out at
//! run time without changing the type: by `None`, [`RetryConfig::off`](crate::retry::RetryConfig::off),
//! `RateLimitLayer::off`, `FallbackLayer::enabled`. A call then passes it by a branch, and the future keeps room for it. Each
//! is a layer of its own, for other orders built by hand.
//!
//! ```
//! use std::time::Duration;
//! use tower::{Service, ServiceBuilder, ServiceExt, service_fn};
//! use tower_breaker::{
//!     Bulkhead, Circuit, CircuitBreakerConfig, Error,
//!     resilience::ResilienceLayer,
//!     retry::RetryConfig,
//! };
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = ResilienceLayer::builder()
//!     .timeout(Duration::from_secs(10))
//!     .retry(RetryConfig::default())
//!     .bulkhead(Bulkhead::builder(64).max_queue(128).max_wait(Duration::from_millis(100)).build()?)
//!     .circuit(Circuit::new("orders", CircuitBreakerConfig::default()))
//!     .attempt_timeout(Duration::from_secs(2))
//!     .build()?;
//! let mut orders = ServiceBuilder::new()
//!     .layer(layer)
//!     .service(service_fn(|id: u64| async move { Ok::<_, std::io::Error>(format!("order {id}")) }));
//!
//! match orders.ready().await?.call(17).await {
//!     Ok(order) => println!("{order}"),
//!     Err(Error::Inner(error)) => println!("it failed, three times: {error}"),
//!     Err(error) => println!("not this time: {error}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Which services it takes
//!
//! | made by | the service's error | what a caller gets of a call cut short |
//! |---|---|---|
//! | [`builder`](ResilienceLayer::builder) | any `std::error::Error + 'static` | an [`Error`](crate::Error), around the service's own as `Inner` |
//! | `builder().boxed()` | `Box<dyn Error + Send + Sync>` | the same kind of box |
//! | `builder().http()` (feature `http`) | any `std::error::Error + 'static` | a response: 503, 429 or 504 |
//! | `builder().http().wrapped()` | the same | the same, around any body: hyper's `Incoming`, say |
//! | `builder().grpc()` (feature `http`) | the same | a gRPC status: UNAVAILABLE, `RESOURCE_EXHAUSTED` or `DEADLINE_EXCEEDED`; `grpc-timeout` is minded |
//!
//! The service must be `Clone`, for the timeout of the whole call, the retry and the bulkhead take it along into their
//! futures.
//!
//! # Until the head, or the end of the body
//!
//! A timeout and a bulkhead are done with an HTTP response when its head is here, while its body may go on for long. Where
//! the body is what costs, `timeout_until_end_of_body`, `attempt_timeout_until_end_of_body` and `bulkhead_until_end_of_body`
//! (feature `http`) hold on, and a classifier made by `at_end_of_body` judges there. Retry looks at the head alone.
//!
//! # Defaults
//!
//! A stage that is not named is off. Where it is on:
//!
//! | stage | default | why |
//! |---|---|---|
//! | timeout, attempt timeout | none: name one | only you know how long an answer is worth waiting for; start with ten and two seconds |
//! | retry | 3 attempts, 100 ms x 2 up to 10 s, full jitter, a fifth of the calls of the last 10 s + 10 a second | two retries mend what passes; the budget bounds what they add to an outage |
//! | bulkhead | no queue; with one, no bound on the wait in it | a queue hides that there are too few places. Where calls come in bursts start with 64 places, 128 in the queue, 100 ms |
//! | rate limit | refuses at once | waiting is for callers without a user |
//! | circuit breaker | [`CircuitBreakerConfig::default`](crate::CircuitBreakerConfig): opens after 5 failures in a row, or half of at least 20 calls in 5 s | a row tells soon; a rate tells where failures and successes are mixed |
//! | fallback | 1 s for its own answer | a hung alternate must not hang the caller |
//!
//! # When not to use it
//!
//! Around what lives or dies with this process, and around a client that retries by itself: attempts multiply. For one or
//! two stages their own layers say more, and have shorter types.

mod answers;
mod ask;
mod builder;
mod guard;
mod hold;
mod judge;
mod layer;
mod outermost;

#[cfg(feature = "http")]
pub use self::answers::{GrpcResponses, Responses, WrappedResponses};
pub use self::{
    answers::{Answers, BoxErrors, Errors},
    ask::AskFirst,
    builder::ResilienceBuilder,
    guard::Guard,
    hold::Hold,
    judge::JudgeInner,
    layer::{Resilience, ResilienceLayer},
    outermost::{AnyLayer, Outermost},
};
