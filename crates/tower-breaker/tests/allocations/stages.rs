//! The stages around a circuit, and all of them together.

use super::*;

#[cfg(feature = "timeout")]
#[test]
fn timeouts_of_calls_that_are_ready_at_once() {
    use tower_breaker::{CircuitBreakerLayer, TimeoutLayer, refuse::AsSameError};

    let circuit = Circuit::new("orders", CircuitBreakerConfig::default());
    for limit in [Some(Duration::from_secs(1)), None] {
        let attempt = TimeoutLayer::attempt(limit).layer(Answers(Ok(())));
        let guarded = CircuitBreakerLayer::new(circuit.clone()).refuse(AsSameError).layer(attempt);
        let mut service = TimeoutLayer::whole(limit).expiring().refuse(AsSameError).layer(guarded);
        whole(&mut service, ());
        let count = allocations(|| {
            for _ in 0..1_000 {
                assert!(whole(&mut service, ()));
            }
        });
        assert_eq!(count, 0);
    }
}

#[cfg(feature = "bulkhead")]
#[test]
fn bulkheads_of_calls_that_get_a_place_or_are_refused_at_once() {
    use tower_breaker::{Bulkhead, BulkheadLayer};

    let places = Bulkhead::builder(1).max_wait(Duration::from_secs(1)).build().unwrap();
    for layer in [BulkheadLayer::new(places.clone()), BulkheadLayer::new(None)] {
        let mut service = layer.layer(Answers(Ok(())));
        let count = allocations(|| {
            for _ in 0..1_000 {
                assert!(whole(&mut service, ()));
            }
        });
        assert_eq!(count, 0);
    }
    let mut service = BulkheadLayer::new(places.clone()).layer(Answers(Ok(())));
    let _inside = places.try_acquire();
    let count = allocations(|| {
        for _ in 0..1_000 {
            assert!(!whole(&mut service, ()));
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn under_a_rate_limit() {
    let limit = || RateLimitLayer::new(1.0, 500).unwrap();
    let mut service = limit().layer(Answers(Ok(())));
    let mut waiting = limit().max_wait(Duration::from_millis(1)).layer(Answers(Ok(())));
    let mut off = RateLimitLayer::off().layer(Answers(Ok(())));
    let mut passed = 0;
    let count = allocations(|| {
        for _ in 0..1_000 {
            passed += usize::from(whole(&mut service, ()));
            passed += usize::from(whole(&mut waiting, ()));
            assert!(whole(&mut off, ()));
        }
    });
    // Refusals do not allocate either.
    assert_eq!(count, 0);
    assert!((1_000..1_010).contains(&passed), "{passed} passed");
}

#[test]
fn under_a_rate_limit_of_a_known_key() {
    let mut service = RateLimitLayer::new(1.0, 10_000).unwrap().per_key(key::host()).layer(Answers(Ok(())));
    let request = || Request::get("http://db.internal/").body(()).unwrap();
    whole(&mut service, request());
    let requests: Vec<_> = (0..1_000).map(|_| request()).collect();
    let count = allocations(|| {
        for request in requests {
            assert!(whole(&mut service, request));
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn a_hundred_thousand_keys_of_a_rate_limit_stay_within_the_memory_of_a_thousand() {
    let number = key::from_fn(|number: &u64| number.to_string().into());
    let most = 1_000.try_into().unwrap();
    let mut service = RateLimitLayer::new(1.0, 1).unwrap().per_key(number).max_keys(most).layer(Answers(Ok(())));
    let memory = allocation_counter::measure(|| {
        for number in 0..100_000 {
            assert!(whole(&mut service, number));
        }
    });
    assert!(memory.bytes_max < 500_000, "{} bytes", memory.bytes_max);
}

/// Answers what it is asked.
#[derive(Clone, Debug)]
struct Echo;

impl Service<Result<u64, Error<()>>> for Echo {
    type Response = u64;
    type Error = Error<()>;
    type Future = Ready<Result<u64, Error<()>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error<()>>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, answer: Result<u64, Error<()>>) -> Self::Future {
        ready(answer)
    }
}

#[test]
fn with_a_fallback_that_is_not_needed_or_is_a_value_or_a_function() {
    let mut by_value = FallbackLayer::new(fallback::value(7)).layer(Echo);
    let function = fallback::from_fn(|request: Result<u64, Error<()>>, _: &_| request.or(Ok(8)));
    let mut by_function = FallbackLayer::new(function).layer(Echo);
    let mut off = FallbackLayer::new(fallback::value(7)).enabled(false).layer(Echo);
    let refused = || Err(BulkheadFull::default());
    let count = allocations(|| {
        for _ in 0..1_000 {
            assert!(whole(&mut by_value, Ok(1)) && whole(&mut by_function, Ok(1)) && whole(&mut off, Ok(1)));
            assert!(!whole(&mut by_value, Err(Error::Inner(()))));
            assert!(whole(&mut by_value, refused().map_err(Error::BulkheadFull)));
            assert!(whole(&mut by_function, refused().map_err(Error::BulkheadFull)));
        }
    });
    assert_eq!(count, 0);
}

#[test]
fn retry_around_a_call_that_succeeds_at_once() {
    for config in [RetryConfig::default(), RetryConfig::off()] {
        let mut service = RetryLayer::new(config).policy(|_: &Result<(), ()>| Verdict::Success).layer(Answers(Ok(())));
        whole(&mut service, 7_u8);
        let count = allocations(|| {
            for _ in 0..1_000 {
                assert!(whole(&mut service, 7_u8));
            }
        });
        assert_eq!(count, 0);
    }
}

#[derive(Clone, Debug)]
struct AnswersHttp;

impl<Req> Service<Req> for AnswersHttp {
    type Response = http::Response<()>;
    type Error = std::convert::Infallible;
    type Future = Ready<Result<http::Response<()>, std::convert::Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Req) -> Self::Future {
        ready(Ok(http::Response::new(())))
    }
}

#[test]
fn retry_around_http_costs_a_clone_of_the_head_and_one_for_a_body() {
    let get = || Request::get("/").body(Full::<Bytes>::default()).unwrap();
    let post = || Request::post("/").body(Full::new(Bytes::from_static(b"17"))).unwrap();
    let layer = RetryLayer::http(RetryConfig::default());
    for (request, beside) in [(&get as &dyn Fn() -> Request<Full<Bytes>>, 0), (&post, 1)] {
        let mut service = layer.layer(AnswersHttp);
        whole(&mut service, request());
        let (bare, cloned) = (request(), request());
        let head = allocations(|| drop(cloned.clone()));
        assert_eq!(allocations(|| assert!(whole(&mut service, bare))), head + beside);
    }
}

#[test]
fn through_the_whole_stack_at_first_try() {
    use tower_breaker::{Bulkhead, ResilienceLayer, classify::ErrorsAreFailures};

    let judge = |result: &Result<(), Error<()>>| if result.is_ok() { Verdict::Success } else { Verdict::Retry };
    // Its error is no `std::error::Error`, behind which a refusal could be found.
    let layer = ResilienceLayer::builder()
        .classify(ErrorsAreFailures)
        .timeout(Duration::from_secs(10))
        .retry(RetryConfig::default())
        .policy(judge)
        .rate_limit(RateLimitLayer::new(1_000_000.0, 10_000).unwrap())
        .bulkhead(Bulkhead::builder(8).max_queue(8).build().unwrap())
        .circuit(Circuit::new("orders", CircuitBreakerConfig::default()))
        .attempt_timeout(Duration::from_secs(1));
    let bare = size_of::<Answers>() + size_of::<<Answers as Service<()>>::Future>();
    for layer in [
        layer.build(),
        ResilienceLayer::builder().classify(ErrorsAreFailures).policy(judge).rate_limit(RateLimitLayer::off()).build(),
    ] {
        let mut service = layer.unwrap().layer(Answers(Ok(())));
        assert!(whole(&mut service, ()));
        let count = allocations(|| {
            for _ in 0..1_000 {
                assert!(whole(&mut service, ()));
            }
        });
        assert_eq!(count, 0);
        let grown = size_of_val(&service.call(())) - bare;
        // Of that, two timers of tokio's.
        let timers = 2 * size_of::<tokio::time::Sleep>();
        println!("the stack's future is {grown} bytes larger than service and future, {timers} of them for timers");
        assert!(grown <= 512);
    }
}
