//! What a caller gets in place of a refused call.

use std::{
    collections::VecDeque,
    convert::Infallible,
    error::Error as StdError,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use ::tower::{Layer, Service, ServiceExt, service_fn};
use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full};
use tokio::time::advance;
use tower_breaker::{
    Circuit, CircuitBreakerLayer, Error, Interruption, Outcome, Reason, Refusal, Rejected, State,
    refuse::{AsBoxError, AsWrappedResponse, Refuse},
};

use crate::support::{Echo, WAIT, built, circuit, config, trip};

type HttpResult<B> = Result<Response<B>, Infallible>;

fn answer<B>(body: B) -> HttpResult<B> {
    Ok(Response::new(body))
}

fn asking<B>(body: B) -> Request<HttpResult<B>> {
    Request::new(answer(body))
}

async fn refused_after(waited: Duration) -> Response<Full<Bytes>> {
    let circuit = circuit(1);
    trip(&circuit);
    advance(waited).await;
    CircuitBreakerLayer::http(circuit).layer(Echo).oneshot(asking(Full::default())).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn as_http_it_is_a_503_problem_that_names_nothing_internal() {
    let response = refused_after(Duration::ZERO).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    let refusal = response.extensions().get::<Refusal>().unwrap();
    assert!(matches!(refusal, Refusal::CircuitOpen(rejected) if rejected.name() == "orders"));

    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body = std::str::from_utf8(&body).unwrap();
    assert!(body.starts_with('{') && body.ends_with('}') && body.contains(r#""status":503"#), "{body}");
    assert!(!body.contains("orders") && !body.contains("circuit"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_whole_seconds_rounded_up_and_at_least_one() {
    for (waited, expected) in [(0, "10"), (1, "10"), (999, "10"), (1_000, "9"), (9_001, "1"), (9_999, "1")] {
        let response = refused_after(Duration::from_millis(waited)).await;
        assert_eq!(response.headers()[header::RETRY_AFTER], expected, "after {waited} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_a_missing_probe_place_is_one() {
    let circuit = circuit(1);
    trip(&circuit);
    advance(WAIT).await;
    let _probe = circuit.try_acquire().unwrap();
    let response = CircuitBreakerLayer::http(circuit).layer(Echo).oneshot(asking(String::new())).await.unwrap();
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
}

#[tokio::test(start_paused = true)]
async fn retry_after_of_a_forced_open_circuit_is_its_open_duration() {
    let circuit = circuit(1);
    circuit.force_open();
    let response = CircuitBreakerLayer::http(circuit).layer(Echo).oneshot(asking(String::new())).await.unwrap();
    assert_eq!(response.headers()[header::RETRY_AFTER], "10");
}

#[tokio::test(start_paused = true)]
async fn a_share_is_refused_in_a_call_as_a_503_to_be_tried_again_soon() {
    let ramp = built(config(1).recovery_ramp(WAIT));
    trip(&ramp);
    advance(WAIT).await;
    ramp.try_acquire().unwrap().record(Outcome::Success);
    let throttled = built(config(1_000_000).throttle(1.1));
    (0..20).for_each(|_| throttled.try_acquire().unwrap().record(Outcome::Failure));

    for (circuit, reason) in [(ramp, Reason::Recovering), (throttled, Reason::Throttled)] {
        let mut service = CircuitBreakerLayer::http(circuit).layer(Echo).map_request(|()| asking(String::new()));
        let mut refused = None;
        while refused.is_none() {
            // Readiness is the inner service's: the share is drawn in the call.
            let response = service.ready().await.unwrap().call(()).await.unwrap();
            refused = Some(response).filter(|response| response.status() == StatusCode::SERVICE_UNAVAILABLE);
        }
        let refused = refused.unwrap();
        assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
        let refusal = refused.extensions().get::<Refusal>().unwrap();
        assert!(matches!(refusal, Refusal::CircuitOpen(rejected) if rejected.reason() == reason), "{refusal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_response_does_not_count_in_a_breaker_further_out() {
    let (outer, inner) = (circuit(1), circuit(1));
    trip(&inner);
    let service = CircuitBreakerLayer::http(outer.clone()).layer(CircuitBreakerLayer::http(inner).layer(Echo));
    for _ in 0..3 {
        assert_eq!(service.clone().oneshot(asking(String::new())).await.unwrap().status(), 503);
    }
    assert_eq!(outer.state(), State::Closed);
    assert_eq!(outer.snapshot().totals.ignored, 3);
}

#[tokio::test(start_paused = true)]
async fn as_an_error_it_is_typed_and_found_by_a_walk_of_sources() {
    let circuit = circuit(1);
    trip(&circuit);
    let service = CircuitBreakerLayer::new(circuit).layer(Echo);
    let error: Error<std::io::Error> = service.oneshot(Ok::<(), _>(())).await.unwrap_err();
    assert_eq!(error.rejected().unwrap().name(), "orders");
    assert!(error.source().unwrap().is::<Rejected>());
    assert!(Refusal::find(&error).is_some());
}

#[tokio::test(start_paused = true)]
async fn as_a_boxed_error_it_fits_stacks_that_box() {
    type BoxError = Box<dyn StdError + Send + Sync>;

    let circuit = circuit(1);
    let layer = CircuitBreakerLayer::new(circuit.clone()).refuse(AsBoxError);
    let error: BoxError = layer.layer(Echo).oneshot(Err::<(), BoxError>("own".into())).await.unwrap_err();
    assert_eq!(error.to_string(), "own");
    let error: BoxError = layer.layer(Echo).oneshot(Ok::<(), BoxError>(())).await.unwrap_err();
    assert_eq!(error.downcast_ref::<Rejected>().unwrap().name(), "orders");
}

#[tokio::test(start_paused = true)]
async fn a_closure_is_a_refusal_of_your_own() {
    let circuit = circuit(1);
    trip(&circuit);
    let layer = CircuitBreakerLayer::new(circuit).refuse(|why: Interruption| match why {
        Interruption::Refused(Refusal::CircuitOpen(rejected)) => Ok(rejected.name().len()),
        _ => Err("unknown"),
    });
    assert_eq!(layer.layer(Echo).oneshot(Ok(0)).await, Ok(6));
}

/// Answers those who can read JSON in JSON; from another crate, and so no collision with closures.
#[derive(Clone)]
struct AsAsked;

impl<B> Refuse<Request<()>, Response<B>, Infallible> for AsAsked
where
    B: From<&'static str>,
{
    type State = bool;
    type Response = Response<B>;
    type Error = Infallible;

    fn start(&self, request: &Request<()>) -> bool {
        request.headers().contains_key(header::ACCEPT)
    }

    fn refuse(json: bool, _: Interruption) -> HttpResult<B> {
        answer(if json { "{}".into() } else { "no".into() })
    }

    fn response(response: Response<B>) -> Response<B> {
        response
    }

    fn error(error: Infallible) -> Infallible {
        error
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_may_note_something_of_the_request() {
    let circuit = circuit(1);
    trip(&circuit);
    let inner = service_fn(|_: Request<()>| async { answer(String::from("inner")) });
    let service = CircuitBreakerLayer::http(circuit).refuse(AsAsked).layer(inner);
    let json = Request::builder().header(header::ACCEPT, "application/json").body(()).unwrap();
    assert_eq!(service.clone().oneshot(json).await.unwrap().into_body(), "{}");
    assert_eq!(service.oneshot(Request::new(())).await.unwrap().into_body(), "no");
}

async fn wrapped<B>(circuit: &Circuit, body: B) -> Response<impl Body<Data = Bytes, Error = B::Error>>
where
    B: Body<Data = Bytes>,
{
    let layer = CircuitBreakerLayer::http(circuit.clone()).refuse(AsWrappedResponse);
    layer.layer(Echo).oneshot(asking(body)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_that_cannot_be_made_of_text_is_wrapped() {
    let circuit = circuit(1);
    trip(&circuit);
    let response = wrapped(&circuit, Empty::new()).await;
    assert_eq!(response.status(), 503);
    let body = response.into_body();
    let length = body.size_hint().exact().unwrap();
    assert!(!body.is_end_stream());
    let mut body = pin!(body);
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(frame.len() as u64, length);
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_wrapped_body_passes_frames_trailers_size_and_end_through() {
    let circuit = circuit(1);
    let full = wrapped(&circuit, Full::from("abc")).await.into_body();
    assert_eq!((full.size_hint().exact(), full.is_end_stream()), (Some(3), false));
    assert!(wrapped(&circuit, Empty::new()).await.into_body().is_end_stream());

    let trailers: http::HeaderMap = [(header::ETAG, header::HeaderValue::from_static("x"))].into_iter().collect();
    let frames = [Ok(Frame::data(Bytes::from("abc"))), Ok(Frame::trailers(trailers.clone())), Err("cut off")];
    let mut body = pin!(wrapped(&circuit, Frames(frames.into())).await.into_body());
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "abc");
    assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap(), trailers);
    assert_eq!(body.frame().await.unwrap().unwrap_err(), "cut off");
    assert!(body.frame().await.is_none());
}

struct Frames(VecDeque<Result<Frame<Bytes>, &'static str>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        Poll::Ready(self.0.pop_front())
    }
}

#[tokio::test(start_paused = true)]
async fn each_interruption_has_its_status_in_http_and_its_code_in_grpc() {
    use tower_breaker::{BulkheadFull, RateLimited, TimedOut, TimeoutKind, refuse::AsResponse};

    let circuit = circuit(1);
    trip(&circuit);
    let rejected = circuit.check().unwrap_err();
    let second = Duration::from_secs(1);
    let table: [(Interruption, u16, &str, Option<&str>); 4] = [
        (rejected.into(), 503, "14", Some("10000")),
        (BulkheadFull::default().into(), 503, "8", Some("1")),
        (RateLimited::new(second).into(), 429, "8", Some("1000")),
        (Interruption::TimedOut(TimedOut::new(TimeoutKind::Whole, second)), 504, "4", None),
    ];
    for (why, status, code, pushback) in table {
        let answer = |content_type: &'static str| -> Response<String> {
            let request = Request::builder().header(header::CONTENT_TYPE, content_type).body(()).unwrap();
            let state = Refuse::<_, Response<String>, Infallible>::start(&AsResponse, &request);
            let answer = <AsResponse as Refuse<Request<()>, Response<String>, Infallible>>::refuse(state, why.clone());
            answer.unwrap()
        };
        let (http, grpc) = (answer("application/json"), answer("application/grpc"));
        assert_eq!(http.status(), status, "{why}");
        assert!(!http.headers().contains_key("grpc-status") && http.body().contains(&status.to_string()));
        let header = |name: &str| grpc.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((grpc.status(), header("grpc-status")), (StatusCode::OK, Some(code)), "{why}");
        assert_eq!(header("grpc-retry-pushback-ms"), pushback, "{why}");
        assert_eq!(grpc.body(), "");
    }
}
