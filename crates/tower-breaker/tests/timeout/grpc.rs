//! The time that a gRPC caller brings along.

use super::*;

fn rpc(timeout: &str) -> Request<()> {
    let request = Request::post("/shop.Orders/Get").header(header::CONTENT_TYPE, "application/grpc+proto");
    request.header("grpc-timeout", timeout).body(()).unwrap()
}

/// What the service inside is told, which answers after so long.
fn told(
    after: Duration,
) -> impl Service<Request<()>, Response = String, Error = Infallible, Future: Send> + Clone + 'static {
    service_fn(move |request: Request<()>| async move {
        sleep(after).await;
        let told = request.headers().get("grpc-timeout").map(|value| value.to_str().unwrap().to_owned());
        Ok(told.unwrap_or_default())
    })
}

async fn passed_on(limit: Option<Duration>, timeout: &str) -> String {
    let layer = TimeoutLayer::whole(limit).grpc_timeout();
    layer.layer(told(Duration::ZERO)).oneshot(rpc(timeout)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_smaller_of_limit_and_grpc_timeout_bounds_the_call() {
    let layer = TimeoutLayer::whole(SECOND).grpc_timeout();
    for (timeout, expected) in [
        ("300m", TimedOut::new(TimeoutKind::Caller, MILLI * 300)),
        ("5S", TimedOut::new(TimeoutKind::Whole, SECOND)),
        ("1n", TimedOut::new(TimeoutKind::Caller, Duration::from_nanos(1))),
        ("0S", TimedOut::new(TimeoutKind::Caller, Duration::ZERO)),
        ("99999999H", TimedOut::new(TimeoutKind::Whole, SECOND)),
    ] {
        let answer = layer.layer(told(SECOND * 9)).oneshot(rpc(timeout)).await;
        assert_eq!(timed_out(answer), Some(expected), "{timeout}");
    }
    // A layer that is off minds the caller's all the same.
    let off = TimeoutLayer::whole(None).grpc_timeout();
    let answer = off.layer(told(SECOND * 9)).oneshot(rpc("2S")).await;
    assert_eq!(timed_out(answer), Some(TimedOut::new(TimeoutKind::Caller, SECOND * 2)));
}

#[tokio::test(start_paused = true)]
async fn where_both_are_alike_it_is_the_limit_that_was_set() {
    let layer = TimeoutLayer::whole(SECOND).grpc_timeout();
    let answer = layer.layer(told(SECOND * 9)).oneshot(rpc("1S")).await;
    assert_eq!(timed_out(answer), Some(TimedOut::new(TimeoutKind::Whole, SECOND)));
}

#[tokio::test(start_paused = true)]
async fn of_timeouts_around_each_other_the_outer_one_minds_it() {
    let (inner, outer) = (Figures::new(), Figures::new());
    let within = TimeoutLayer::whole(SECOND * 5).grpc_timeout().refuse(AsSameError).register(&inner, "inner");
    let around = TimeoutLayer::whole(SECOND * 5).grpc_timeout().refuse(AsSameError).register(&outer, "outer");
    let hung = service_fn(|_: Request<()>| pending::<Result<(), Error<Infallible>>>());
    let start = Instant::now();
    let answer = around.layer(within.layer(hung)).oneshot(rpc("200m")).await;
    assert_eq!(timed_out(answer), Some(TimedOut::new(TimeoutKind::Caller, MILLI * 200)));
    assert_eq!(start.elapsed(), MILLI * 200);
    // Nobody's limit that was set here is over.
    for figures in [inner.list(), outer.list()] {
        assert!(matches!(figures[..], [(_, Figure::Timeout(timeouts))] if timeouts.whole == 0));
    }
}

#[tokio::test(start_paused = true)]
async fn nonsense_in_grpc_timeout_is_ignored() {
    for nonsense in ["", "m", "1", "-1m", "+1m", "1.5m", " 1m", "123456789n", "1X", "1s", "\u{661}m", "1m1", "0x1m"] {
        let request = Request::post("/").header(header::CONTENT_TYPE, "application/grpc");
        let value = HeaderValue::from_bytes(nonsense.as_bytes()).unwrap();
        let request = request.header("grpc-timeout", value).body(()).unwrap();
        let answer = TimeoutLayer::whole(SECOND).grpc_timeout().layer(told(SECOND * 9)).oneshot(request).await;
        assert_eq!(timed_out(answer), Some(TimedOut::new(TimeoutKind::Whole, SECOND)), "{nonsense}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_grpc_is_left_alone() {
    let mut request = rpc("1n");
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc-web"));
    let layer = TimeoutLayer::whole(SECOND).grpc_timeout();
    assert_eq!(layer.layer(told(SECOND / 2)).oneshot(request).await.unwrap(), "1n");
}

#[tokio::test(start_paused = true)]
async fn it_is_passed_on_with_a_tenth_of_a_second_more_in_the_largest_exact_unit_of_at_most_eight_digits() {
    for (limit, timeout, expected) in [
        (None, "1900m", "2S"),
        (None, "119900m", "2M"),
        (None, "7199900m", "2H"),
        (None, "1500u", "101500u"),
        (None, "99999999H", "99999999H"),
        (Some(SECOND * 3), "1M", "3100m"),
        (Some(SECOND * 3), "nonsense", "3100m"),
        // Nine digits of nanoseconds, rounded up.
        (Some(Duration::from_nanos(123_456_789)), "1M", "223457u"),
        (None, "0S", "100m"),
    ] {
        assert_eq!(passed_on(limit, timeout).await, expected, "{limit:?} {timeout}");
    }
    assert_eq!(passed_on(Some(Duration::MAX), "nonsense").await, "nonsense");
}

#[tokio::test(start_paused = true)]
async fn it_is_passed_on_less_what_was_used() {
    /// Ready after so long.
    #[derive(Clone)]
    struct Later<S>(S, Instant);

    impl<S: Service<Req>, Req> Service<Req> for Later<S> {
        type Response = S::Response;
        type Error = S::Error;
        type Future = S::Future;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
            if Instant::now() >= self.1 {
                return self.0.poll_ready(cx);
            }
            let (waker, at) = (cx.waker().clone(), self.1);
            tokio::spawn(async move {
                tokio::time::sleep_until(at).await;
                waker.wake();
            });
            Poll::Pending
        }

        fn call(&mut self, request: Req) -> S::Future {
            self.0.call(request)
        }
    }

    let later = Later(told(Duration::ZERO), Instant::now() + SECOND * 2);
    let answer = TimeoutLayer::whole(SECOND * 60).grpc_timeout().layer(later).oneshot(rpc("5S")).await;
    assert_eq!(answer.unwrap(), "3100m");
    // Of an attempt inside, the smaller of its own and what is left.
    for (attempt, expected) in [(SECOND * 9, "3100m"), (SECOND * 2, "2100m")] {
        let inner = TimeoutLayer::attempt(attempt).refuse(AsSameError).grpc_timeout();
        let inner = inner.layer(told(Duration::ZERO).map_err(Error::Inner));
        let later = Later(inner, Instant::now() + SECOND * 2);
        let service = TimeoutLayer::whole(SECOND * 60).refuse(AsSameError).grpc_timeout().layer(later);
        assert_eq!(service.oneshot(rpc("5S")).await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_strangers_nanosecond_trips_nothing_and_the_configured_time_does() {
    let hung = service_fn(|_: Request<()>| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let (inside, outside) = (circuit(1), circuit(1));
    let figures = Figures::new();
    let guarded = CircuitBreakerLayer::http(inside.clone()).layer(hung);
    let limit = TimeoutLayer::whole(SECOND).expiring().refuse(AsResponse).grpc_timeout().register(&figures, "orders");
    let service = CircuitBreakerLayer::http(outside.clone()).layer(limit.layer(guarded));
    for _ in 0..3 {
        let response = service.clone().oneshot(rpc("1n")).await.unwrap();
        assert_eq!(response.headers()["grpc-status"], "4");
    }
    assert_eq!((inside.state(), outside.state()), (State::Closed, State::Closed));
    assert_eq!((inside.snapshot().totals.cancelled, outside.snapshot().totals.cancelled), (3, 3));
    assert!(matches!(figures.list()[..], [(_, Figure::Timeout(count))] if count.whole == 0));
    let response = service.oneshot(rpc("2S")).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "4");
    assert_eq!((inside.state(), outside.state()), (State::Open, State::Open));
    assert!(matches!(figures.list()[..], [(_, Figure::Timeout(count))] if count.whole == 1));
}

#[tokio::test(start_paused = true)]
async fn a_callers_time_for_an_attempt_follows_on_cancel() {
    let circuit = circuit(1);
    let guarded = |limit: TimeoutLayer<_, AsError, _, _>| {
        let hung = service_fn(|_: Request<()>| pending::<Result<(), Infallible>>());
        let layer = CircuitBreakerLayer::new(circuit.clone()).refuse(AsSameError);
        layer.classify(tower_breaker::classify::ErrorsButRefusals::new()).layer(limit.layer(hung))
    };
    let service = guarded(TimeoutLayer::attempt(SECOND * 9).grpc_timeout());
    assert!(service.clone().oneshot(rpc("1m")).await.is_err());
    assert_eq!((circuit.state(), circuit.snapshot().totals.cancelled), (State::Closed, 1));
    // Silence for more than a second is evidence, whoever ended it.
    assert!(service.oneshot(rpc("2S")).await.is_err());
    assert_eq!(circuit.state(), State::Open);
}
