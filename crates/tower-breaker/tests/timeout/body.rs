//! Timeouts until the end of a body.

use std::sync::Mutex;

use tower_breaker::{Outcome, classify::with_timeouts};

use super::*;

/// A body of two frames and trailers, each so long after the one before.
struct Slow {
    between: Duration,
    frames: u8,
    timer: Pin<Box<Sleep>>,
}

impl Slow {
    fn new(between: Duration) -> Self {
        Self { between, frames: 0, timer: Box::pin(sleep(between)) }
    }
}

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        ready!(self.timer.as_mut().poll(cx));
        let next = Instant::now() + self.between;
        self.timer.as_mut().reset(next);
        self.frames += 1;
        Poll::Ready(match self.frames {
            1 | 2 => Some(Ok(Frame::data(Bytes::from_static(b"data")))),
            3 => Some(Ok(Frame::trailers(HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static("x"))])))),
            _ => None,
        })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(8)
    }
}

async fn slow_response(
    layer: &TimeoutLayer<Whole, AsError, EndOfBody>,
    between: Duration,
) -> Response<TimeoutBody<Slow>> {
    let service = service_fn(move |()| async move { Ok::<_, Infallible>(Response::new(Slow::new(between))) });
    layer.layer(service).oneshot(()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_at_its_end_in_time_passes_with_its_size_and_trailers() {
    for layer in [TimeoutLayer::whole(SECOND), TimeoutLayer::whole(None), TimeoutLayer::whole(Duration::MAX)] {
        let response = slow_response(&layer.until_end_of_body(), SECOND / 4).await;
        assert_eq!(response.body().size_hint().exact(), Some(8));
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()[header::ETAG], "x");
        assert_eq!(body.to_bytes(), "datadata");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_goes_on_when_the_time_is_over_ends_in_an_error() {
    let figures = Figures::new();
    let layer = TimeoutLayer::whole(SECOND).until_end_of_body().register(&figures, "orders");
    let start = Instant::now();
    let mut body = Box::pin(slow_response(&layer, SECOND * 2 / 3).await.into_body());
    assert!(body.frame().await.unwrap().unwrap().is_data());
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(TimedOut::find(&*error), Some(TimedOut::new(TimeoutKind::Whole, SECOND)));
    assert_eq!(start.elapsed(), SECOND);
    assert!(body.frame().await.is_none());
    assert!(body.is_end_stream());
    assert!(matches!(figures.list()[..], [(_, Figure::Timeout(count))] if count.whole == 1));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_body_is_what_the_head_left_of_it() {
    let service = service_fn(move |()| async move {
        sleep(SECOND * 3 / 4).await;
        Ok::<_, Infallible>(Response::new(Slow::new(SECOND / 2)))
    });
    let start = Instant::now();
    let layer = TimeoutLayer::attempt(SECOND).until_end_of_body();
    let response = layer.layer(service).oneshot(()).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(start.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn until_the_end_of_the_body_a_504_has_no_limit_of_its_own() {
    let hung = service_fn(|_: Request<()>| pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let layer = TimeoutLayer::whole(SECOND).until_end_of_body().refuse(AsResponse);
    let response = layer.layer(hung).oneshot(Request::new(())).await.unwrap();
    assert_eq!(response.status(), 504);
    assert!(!response.into_body().collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn expiring_makes_a_body_that_is_judged_at_its_end_a_failure_even_behind_a_box() {
    let judged = |circuit: &Circuit| {
        let hangs =
            service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Slow::new(SECOND * 2 / 3))) });
        CircuitBreakerLayer::http(circuit.clone())
            .classify(StatusClassifier::new().at_end_of_body())
            .refuse(AsWrappedResponse)
            .layer(hangs)
    };
    let (told, untold, boxed) = (circuit(9), circuit(9), circuit(9));
    let limit = || TimeoutLayer::whole(SECOND).refuse(AsResponse).until_end_of_body();
    let response = limit().expiring().layer(judged(&told)).oneshot(Request::new(())).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(totals(&told), (1, 0));
    // A stranger's time, or one nobody speaks of: there was a frame, so the call was a success.
    let response = limit().layer(judged(&untold)).oneshot(Request::new(())).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert_eq!((totals(&untold), untold.snapshot().totals.successes), ((0, 0), 1));
    let behind = judged(&boxed).map_response(|response| response.map(BodyExt::boxed_unsync));
    let response = TimeoutLayer::whole(SECOND).expiring().until_end_of_body().layer(Passes(behind));
    assert!(response.oneshot(Request::new(())).await.unwrap().into_body().collect().await.is_err());
    assert_eq!(totals(&boxed), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_runs_out_of_time_is_judged_as_a_timeout_where_those_are_judged_apart() {
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&kinds);
    let judge = with_timeouts(StatusClassifier::new(), move |kind| {
        heard.lock().expect("whole").push(kind);
        Outcome::Ignored
    });
    let circuit = circuit(1);
    let hangs = service_fn(|_: Request<()>| async { Ok::<_, Infallible>(Response::new(Slow::new(SECOND * 2 / 3))) });
    let guarded = CircuitBreakerLayer::http(circuit.clone()).classify(judge.at_end_of_body()).refuse(AsWrappedResponse);
    let limit = TimeoutLayer::whole(SECOND).expiring().refuse(AsResponse).until_end_of_body();
    let response = limit.layer(guarded.layer(hangs)).oneshot(Request::new(())).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(*kinds.lock().expect("whole"), [TimeoutKind::Whole]);
    assert_eq!((totals(&circuit), circuit.snapshot().totals.ignored), ((0, 0), 1));
}

/// Tower's adapters pass nothing on to the service inside.
#[derive(Clone)]
struct Passes<S>(S);

impl<S: Service<Req>, Req> Service<Req> for Passes<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Req) -> S::Future {
        self.0.call(request)
    }
}

impl<S: Service<Req>, Req> Expire<Req> for Passes<S> {
    fn expire_ready(&mut self, _: Option<&Req>) {}

    fn expire_call(_: Pin<&mut S::Future>) {}
}
