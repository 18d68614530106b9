//! Outcomes judged where a response really ends: its body, its trailers.

use std::{
    collections::VecDeque,
    convert::Infallible,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use ::tower::{Layer, ServiceExt};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty};
use tokio::time::advance;
use tokio_test::task;
use tower_breaker::{
    Circuit, CircuitBreakerConfig, CircuitBreakerLayer, SlidingWindow, State, TokioClock, Totals,
    classify::{Classify, GrpcClassifier, JudgeResponse, JudgedBody, StatusClassifier},
};

use crate::support::{Echo, WAIT, circuit, trip};

/// A body that does what it is told, and knows its end after its last step only if `announces`.
#[derive(Debug, Default)]
struct Script {
    steps: VecDeque<Step>,
    announces: bool,
}

#[derive(Debug)]
enum Step {
    Data,
    Trailers(HeaderMap),
    CutOff,
    Wait,
}

impl Body for Script {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.steps.pop_front() {
            None => Poll::Ready(None),
            Some(Step::Data) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data"))))),
            Some(Step::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            Some(Step::CutOff) => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
            Some(Step::Wait) => {
                self.steps.push_front(Step::Wait);
                Poll::Pending
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.announces && self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(4 * self.steps.len() as u64)
    }
}

fn script(steps: impl IntoIterator<Item = Step>) -> Script {
    Script { steps: steps.into_iter().collect(), announces: false }
}

fn grpc_status(code: &'static str) -> HeaderMap {
    HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static(code))])
}

type Answer<B> = Result<Response<B>, Infallible>;

/// The response to one call through a breaker, its body unread.
async fn call<C, B>(circuit: &Circuit, classify: C, response: Response<B>) -> C::Response
where
    C: Classify<Request<Answer<B>>, Response<B>, Infallible> + Clone,
{
    let layer = CircuitBreakerLayer::new(circuit.clone()).classify(classify);
    match layer.layer(Echo).oneshot(Request::new(Ok(response))).await {
        Ok(response) => response,
        Err(error) => panic!("{error}"),
    }
}

async fn read<J: JudgeResponse>(response: Response<JudgedBody<Script, J>>) -> Result<(), io::Error> {
    let mut body = Box::pin(response.into_body());
    while let Some(frame) = body.frame().await {
        frame?;
    }
    Ok(())
}

/// What became of one call whose body is read to its end.
async fn read_to_the_end<C, J>(classify: C, body: Script) -> Totals
where
    J: JudgeResponse,
    C: Classify<Request<Answer<Script>>, Response<Script>, Infallible, Response = Response<JudgedBody<Script, J>>>
        + Clone,
{
    let circuit = circuit(9);
    let response = call(&circuit, classify, Response::new(body)).await;
    assert_eq!(circuit.snapshot().totals.calls(), 0, "judged at the head");
    let _ = read(response).await;
    circuit.snapshot().totals
}

fn only(set: impl FnOnce(&mut Totals)) -> Totals {
    let mut totals = Totals::default();
    set(&mut totals);
    totals
}

const STATUS: StatusClassifier = StatusClassifier::client();

#[tokio::test(start_paused = true)]
async fn a_good_body_is_a_success_and_one_cut_off_a_failure() {
    let whole = read_to_the_end(STATUS.at_end_of_body(), script([Step::Data, Step::Data])).await;
    assert_eq!(whole, only(|totals| totals.successes = 1));
    let trailed =
        read_to_the_end(STATUS.at_end_of_body(), script([Step::Data, Step::Trailers(HeaderMap::new())])).await;
    assert_eq!(trailed, only(|totals| totals.successes = 1));
    let cut = read_to_the_end(STATUS.at_end_of_body(), script([Step::Data, Step::CutOff])).await;
    assert_eq!(cut, only(|totals| totals.failures = 1));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_knows_its_end_is_judged_after_its_last_data() {
    let circuit = circuit(9);
    let body = Script { announces: true, ..script([Step::Data]) };
    let mut response = call(&circuit, STATUS.at_end_of_body(), Response::new(body)).await;
    assert!(response.body_mut().frame().await.is_some());
    assert_eq!(circuit.snapshot().totals.successes, 1);
    drop(response);
    assert_eq!(circuit.snapshot().totals.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_is_judged_at_the_head() {
    let circuit = circuit(9);
    let response = call(&circuit, STATUS.at_end_of_body(), Response::new(Empty::<Bytes>::new())).await;
    assert_eq!(circuit.snapshot().totals.successes, 1);
    drop(response);
    assert_eq!(circuit.snapshot().totals.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_by_the_caller_is_a_success_after_its_first_frame_and_ignored_before() {
    let circuit = circuit(9);
    let mut begun = call(&circuit, STATUS.at_end_of_body(), Response::new(script([Step::Data, Step::Wait]))).await;
    assert!(begun.body_mut().frame().await.is_some());
    advance(Duration::from_secs(3_600)).await;
    drop(begun);
    assert_eq!(circuit.snapshot().totals, only(|totals| totals.successes = 1));
    let mut waited_for = call(&circuit, STATUS.at_end_of_body(), Response::new(script([Step::Wait]))).await;
    assert!(task::spawn(waited_for.body_mut().frame()).poll().is_pending());
    advance(Duration::from_secs(3_600)).await;
    drop(waited_for);
    assert_eq!(circuit.snapshot().totals.ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_good_head_whose_body_nobody_asks_for_is_a_success_unless_trailers_decide() {
    let circuit = circuit(1);
    trip(&circuit);
    advance(WAIT).await;
    drop(call(&circuit, STATUS.at_end_of_body(), Response::new(script([Step::Data]))).await);
    assert_eq!((circuit.state(), circuit.snapshot().totals.successes), (State::Closed, 1));
    drop(call(&circuit, GrpcClassifier::client(), Response::new(script([Step::Data]))).await);
    assert_eq!(circuit.snapshot().totals.ignored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_503_whose_body_nobody_reads_is_a_failure() {
    let circuit = circuit(9);
    let mut response = Response::new(script([Step::Data]));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let _unread = call(&circuit, STATUS.at_end_of_body(), response).await;
    assert_eq!(circuit.snapshot().totals, only(|totals| totals.failures = 1));
}

#[tokio::test(start_paused = true)]
async fn an_endless_stream_as_probe_closes_the_circuit() {
    let circuit = circuit(1);
    trip(&circuit);
    advance(WAIT).await;
    let mut endless = call(&circuit, STATUS.at_end_of_body(), Response::new(script([Step::Data, Step::Wait]))).await;
    assert_eq!(circuit.state(), State::HalfOpen);
    assert!(endless.body_mut().frame().await.is_some());
    assert_eq!(circuit.state(), State::Closed);
}

#[tokio::test(start_paused = true)]
async fn size_hint_end_and_trailers_are_those_of_the_inner_body() {
    let circuit = circuit(9);
    let trailers = grpc_status("0");
    for announces in [true, false] {
        let steps = script([Step::Data, Step::Data, Step::Trailers(trailers.clone())]);
        let response = call(&circuit, STATUS.at_end_of_body(), Response::new(Script { announces, ..steps })).await;
        let mut body = response.into_body();
        for left in [12, 8, 4] {
            assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(left), false));
            let frame = body.frame().await.unwrap().unwrap();
            assert_eq!(frame.trailers_ref(), (left == 4).then_some(&trailers));
        }
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), announces));
        assert!(body.frame().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_is_as_slow_as_its_body() {
    let config = CircuitBreakerConfig::builder()
        .sliding_window(SlidingWindow::calls(10))
        .slow_call_duration_threshold(Duration::from_secs(1))
        .build()
        .unwrap();
    let circuit = Circuit::builder("slow").config(config).clock(TokioClock::default()).build();
    let response = call(&circuit, STATUS.at_end_of_body(), Response::new(script([Step::Data]))).await;
    advance(Duration::from_secs(2)).await;
    read(response).await.unwrap();
    assert_eq!(circuit.snapshot().totals, only(|totals| (totals.successes, totals.slow) = (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn grpc_is_judged_by_its_trailers() {
    for (code, totals) in [
        ("0", only(|totals| totals.successes = 1)),
        ("3", only(|totals| totals.successes = 1)),
        ("5", only(|totals| totals.successes = 1)),
        ("2", only(|totals| totals.failures = 1)),
        ("4", only(|totals| totals.failures = 1)),
        ("8", only(|totals| totals.failures = 1)),
        ("13", only(|totals| totals.failures = 1)),
        ("14", only(|totals| totals.failures = 1)),
        ("15", only(|totals| totals.failures = 1)),
        ("no number", only(|totals| totals.failures = 1)),
        ("99", only(|totals| totals.failures = 1)),
        ("300", only(|totals| totals.failures = 1)),
        // No code, though what a lenient reader makes of it is one: 5 would be a success.
        ("+5", only(|totals| totals.failures = 1)),
        ("", only(|totals| totals.failures = 1)),
        ("-0", only(|totals| totals.failures = 1)),
    ] {
        let body = script([Step::Data, Step::Trailers(grpc_status(code))]);
        assert_eq!(read_to_the_end(GrpcClassifier::client(), body).await, totals, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn header_values_that_are_no_text_are_no_code_and_no_wish() {
    let circuit = circuit(1);
    let bytes = || HeaderValue::from_bytes(b"\xff\xfe").unwrap();
    let mut response = Response::new(Script::default());
    response.headers_mut().insert("grpc-status", bytes());
    response.headers_mut().insert("grpc-retry-pushback-ms", bytes());
    drop(call(&circuit, GrpcClassifier::client(), response).await);
    assert_eq!((circuit.state(), circuit.snapshot().open_wait), (State::Open, Some(WAIT)));
}

#[tokio::test(start_paused = true)]
async fn missing_trailers_are_a_failure() {
    let failed = only(|totals| totals.failures = 1);
    assert_eq!(read_to_the_end(GrpcClassifier::client(), script([Step::Data])).await, failed);
    let nameless = script([Step::Data, Step::Trailers(HeaderMap::new())]);
    assert_eq!(read_to_the_end(GrpcClassifier::client(), nameless).await, failed);
}

#[tokio::test(start_paused = true)]
async fn cancelled_is_a_failure_for_clients_and_ignored_for_servers() {
    let cancelled = || script([Step::Trailers(grpc_status("1"))]);
    let client = read_to_the_end(GrpcClassifier::client(), cancelled()).await;
    assert_eq!(client, only(|totals| totals.failures = 1));
    let server = read_to_the_end(GrpcClassifier::server(), cancelled()).await;
    assert_eq!(server, only(|totals| totals.ignored = 1));
}

#[tokio::test(start_paused = true)]
async fn trailers_only_and_plain_http_are_judged_at_the_head() {
    let circuit = circuit(9);
    let mut trailers_only = Response::new(Script::default());
    *trailers_only.headers_mut() = grpc_status("14");
    drop(call(&circuit, GrpcClassifier::client(), trailers_only).await);
    for status in [400, 401, 403, 404, 429, 500, 502, 503, 504] {
        let status = StatusCode::from_u16(status).unwrap();
        let mut plain = Response::new(Script::default());
        *plain.status_mut() = status;
        drop(call(&circuit, GrpcClassifier::client(), plain).await);
    }
    // 401 reads as UNAUTHENTICATED, 403 as PERMISSION_DENIED, 404 as UNIMPLEMENTED: it has answered.
    assert_eq!(circuit.snapshot().totals, only(|totals| (totals.failures, totals.successes) = (7, 3)));
}

#[tokio::test(start_paused = true)]
async fn pushback_sets_the_wait_and_nonsense_does_not() {
    for (pushback, wait) in [
        ("20000", 20),
        ("-1", WAIT.as_secs()),
        ("99999999999999999999", WAIT.as_secs()),
        ("x", WAIT.as_secs()),
        ("+20000", WAIT.as_secs()),
        ("", WAIT.as_secs()),
    ] {
        let circuit = circuit(1);
        let mut trailers = grpc_status("14");
        trailers.insert("grpc-retry-pushback-ms", HeaderValue::from_static(pushback));
        let response =
            call(&circuit, GrpcClassifier::client(), Response::new(script([Step::Trailers(trailers)]))).await;
        read(response).await.unwrap();
        assert_eq!(circuit.snapshot().open_wait, Some(Duration::from_secs(wait)), "{pushback}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_grpc_caller_is_refused_in_grpc() {
    let circuit = circuit(1);
    trip(&circuit);
    let layer = CircuitBreakerLayer::http(circuit);
    let mut request = Request::new(Ok::<_, Infallible>(Response::new(String::new())));
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc+proto"));
    let response = layer.layer(Echo).oneshot(request).await.unwrap();
    let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!((header("grpc-status"), header("content-type")), (Some("14"), Some("application/grpc")));
    assert_eq!(header("grpc-retry-pushback-ms"), Some(WAIT.as_millis().to_string()).as_deref());
    assert_eq!(header("retry-after"), None);
    assert_eq!(response.body(), "");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_grpc_ends_with_its_head_whatever_the_body() {
    let circuit = circuit(1);
    trip(&circuit);
    let mut request = Request::new(Ok::<_, Infallible>(Response::new(script([]))));
    request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    let response = CircuitBreakerLayer::grpc(circuit).layer(Echo).oneshot(request).await.unwrap();
    assert!(response.body().is_end_stream());
    assert_eq!(response.headers()["grpc-status"], "14");
}
