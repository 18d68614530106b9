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
//! The service must be `Clone`: a call that has to wait takes one along into its future, and each attempt after the first is
//! made by one. A call that is ready at once is made by the service as it stands.
//!
//! A timeout is a failure of the call to the breaker, and asked about as such: [`classify::with_timeouts`](crate::classify::with_timeouts)
//! judges it otherwise. Where stages answer with responses or boxed errors ([`http`](ResilienceBuilder::http),
//! [`grpc`](ResilienceBuilder::grpc), [`boxed`](ResilienceBuilder::boxed)) an attempt's is among the results that the classifier
//! gets.
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
//! | stage | setting | default | why |
//! |---|---|---|---|
//! | timeout, attempt timeout | | none: name one | only you know how long an answer is worth waiting for; start with ten and two seconds, so that a second attempt has time |
//! | | until | the head | a body may be meant to go on: downloads, event streams |
//! | | `grpc-timeout` | minded with `grpc()` only | a caller who no longer waits needs no answer; elsewhere it is a header like any other |
//! | retry | attempts | 3 | two retries mend what passes, a connection that broke; what two do not mend, a third seldom does |
//! | | backoff | 100 ms x 2, up to 10 s | the first wait outlasts a restart of a connection, the cap what a caller waits at most |
//! | | jitter | full | callers that failed together must not come back together |
//! | | budget | a fifth of the calls of the last 10 s + 10 a second | bounds what retries add in an outage to 20 %; the floor keeps little traffic able to retry |
//! | | what | every error; with `http()` what may be repeated | of a POST nobody knows whether it was carried out |
//! | rate limit | `max_wait` | zero: refuses at once | waiting is for callers without a user |
//! | bulkhead | `max_queue` | 0 | a queue hides that there are too few places. Where calls come in bursts start with 64 places, 128 in the queue, 100 ms |
//! | | `max_wait` | off: until the timeout of the whole call | a queue is bounded by its length already |
//! | | until | the head | a caller who reads slowly must not keep others out |
//! | circuit breaker | | [`CircuitBreakerConfig::default`](crate::CircuitBreakerConfig): opens after 5 failures in a row, or half of at least 20 calls in 5 s | a row tells soon; a rate tells where failures and successes are mixed |
//! | | classifier | every error but refusals; with `http()` and `grpc()` the status too | a refusal from further in was no call |
//! | fallback | `fallback_timeout` | 1 s | a hung alternate must not hang the caller |
//!
//! # When not to use it
//!
//! Around what lives or dies with this process, and around a client that retries by itself: attempts multiply. For one or
//! two stages their own layers say more, and have shorter types.

mod answers;
mod ask;
mod build;
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
