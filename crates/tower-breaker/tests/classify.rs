//! What each classifier makes of a result.

use std::{
    convert::Infallible,
    error::Error as StdError,
    fmt, io,
    time::{Duration, SystemTime},
};

use ::tower::{Layer, ServiceExt};
use http::{HeaderValue, Request, Response, header};
use tower_breaker::{
    CircuitBreakerLayer, Error, Outcome, Permit, Refusal, TimedOut, TimeoutKind, Totals,
    classify::{self, Classify, ErrorsAreFailures, ErrorsButRefusals, ErrorsOf, StatusClassifier, retry_after},
};

use crate::support::{Echo, WAIT, circuit, trip};

type BoxError = Box<dyn StdError + Send + Sync>;

/// The totals after one call that ended in `result`.
async fn judged<C, Res, E>(classify: C, result: Result<Res, E>) -> Totals
where
    C: Classify<Result<Res, E>, Res, E> + Clone,
{
    let circuit = circuit(100);
    let _ = CircuitBreakerLayer::new(circuit.clone()).classify(classify).layer(Echo).oneshot(result).await;
    circuit.snapshot().totals
}

fn is_success(totals: Totals) -> bool {
    (totals.successes, totals.failures, totals.ignored) == (1, 0, 0)
}

fn is_failure(totals: Totals) -> bool {
    (totals.successes, totals.failures, totals.ignored) == (0, 1, 0)
}

fn is_ignored(totals: Totals) -> bool {
    (totals.successes, totals.failures, totals.ignored) == (0, 0, 1)
}

#[derive(Debug)]
struct Wrapped(io::Error);

impl fmt::Display for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wrapped")
    }
}

impl StdError for Wrapped {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}

fn reset() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

#[tokio::test]
async fn errors_are_failures() {
    assert!(is_success(judged(ErrorsAreFailures, Ok::<_, ()>(())).await));
    assert!(is_failure(judged(ErrorsAreFailures, Err::<(), _>(())).await));
}

#[tokio::test]
async fn a_closure_over_the_result_is_a_classifier() {
    let judge = |result: &Result<u16, Infallible>| match result {
        Ok(0) => Outcome::Failure,
        Ok(1) => Outcome::Ignored,
        _ => Outcome::Success,
    };
    assert!(is_failure(judged(judge, Ok(0)).await));
    assert!(is_ignored(judged(judge, Ok(1)).await));
    assert!(is_success(judged(judge, Ok(2)).await));
}

#[tokio::test]
async fn a_closure_may_capture_and_needs_no_types_in_from_fn() {
    let limit = String::from("abc");
    let judge = classify::from_fn(move |result| match result {
        Ok(text) if *text > limit => Outcome::Failure,
        _ => Outcome::Success,
    });
    assert!(is_failure(judged(judge, Ok::<_, ()>(String::from("abd"))).await));
}

#[tokio::test]
async fn errors_of_one_type_are_failures_and_others_are_ignored() {
    let io = ErrorsOf::<io::Error>::new();
    assert!(is_failure(judged(io, Err::<(), _>(reset())).await));
    assert!(is_failure(judged(io, Err::<(), _>(Wrapped(reset()))).await));
    assert!(is_ignored(judged(io, Err::<(), _>(fmt::Error)).await));
    assert!(is_success(judged(io, Ok::<_, io::Error>(())).await));

    let boxed = io.boxed();
    assert!(is_failure(judged(boxed, Err::<(), BoxError>(Wrapped(reset()).into())).await));
    assert!(is_ignored(judged(boxed, Err::<(), BoxError>(fmt::Error.into())).await));
}

#[tokio::test]
async fn a_refusal_error_from_further_in_is_ignored() {
    let inner = circuit(1);
    trip(&inner);
    let refused = || Error::<io::Error>::from(inner.check().unwrap_err());

    let but_refusals = ErrorsButRefusals::new();
    assert!(is_ignored(judged(but_refusals, Err::<(), _>(refused())).await));
    assert!(is_failure(judged(but_refusals, Err::<(), _>(Error::Inner(reset()))).await));
    assert!(is_ignored(judged(but_refusals.boxed(), Err::<(), BoxError>(refused().into())).await));

    let but_refusals = classify::but_refusals(ErrorsAreFailures);
    assert!(is_ignored(judged(but_refusals, Err::<(), _>(refused())).await));
    assert!(is_failure(judged(but_refusals, Err::<(), _>(Error::Inner(reset()))).await));
    assert!(is_success(judged(but_refusals, Ok::<_, Error<io::Error>>(())).await));
}

#[tokio::test]
async fn the_callers_own_deadline_from_further_in_follows_on_cancel_and_other_timeouts_are_failures() {
    for kind in [TimeoutKind::Attempt, TimeoutKind::Whole, TimeoutKind::Fallback] {
        assert!(
            is_failure(judged(ErrorsButRefusals::new(), Err::<(), _>(TimedOut::new(kind, WAIT))).await),
            "{kind:?}"
        );
    }
    let own = judged(ErrorsButRefusals::new(), Err::<(), _>(TimedOut::new(TimeoutKind::Caller, WAIT))).await;
    assert_eq!((own.cancelled, own.failures), (1, 0));
}

fn with_status(status: u16) -> Result<Response<()>, Infallible> {
    Ok(Response::builder().status(status).body(()).unwrap())
}

#[tokio::test]
async fn statuses_of_a_callee_5xx_408_and_429_are_failures() {
    for status in 100..=599 {
        let totals = judged(StatusClassifier::client(), with_status(status)).await;
        match status {
            408 | 429 | 500.. => assert!(is_failure(totals), "{status}"),
            _ => assert!(is_success(totals), "{status}"),
        }
    }
}

#[tokio::test]
async fn statuses_of_our_own_5xx_alone_are_failures() {
    for status in 100..=599 {
        let totals = judged(StatusClassifier::server(), with_status(status)).await;
        assert!(if status >= 500 { is_failure(totals) } else { is_success(totals) }, "{status}");
    }
}

#[tokio::test]
async fn any_set_of_statuses_by_closure() {
    let teapots = StatusClassifier::failing_on(|status| status == 418);
    assert!(is_failure(judged(teapots, with_status(418)).await));
    assert!(is_success(judged(teapots, with_status(500)).await));
}

#[tokio::test]
async fn a_transport_error_is_a_failure() {
    assert!(is_failure(judged(StatusClassifier::new(), Err::<Response<()>, _>(reset())).await));
}

#[tokio::test]
async fn a_response_that_carries_a_refusal_is_ignored() {
    let inner = circuit(1);
    trip(&inner);
    let mut response = with_status(503).unwrap();
    response.extensions_mut().insert(Refusal::from(inner.check().unwrap_err()));
    assert!(is_ignored(judged(StatusClassifier::new(), Ok::<_, Infallible>(response)).await));
}

/// A classifier from another crate, which must not collide with the one for closures.
#[derive(Clone)]
struct Gets;

impl<B, Res, E> Classify<Request<B>, Res, E> for Gets {
    type State = bool;
    type Response = Res;

    fn start(&self, request: &Request<B>) -> bool {
        request.method() == http::Method::GET
    }

    fn end(get: bool, result: Result<Res, E>, permit: Permit) -> Result<Res, E> {
        permit.record(if get { Outcome::Failure } else { Outcome::Ignored });
        result
    }
}

#[tokio::test]
async fn a_classifier_may_note_something_of_the_request() {
    let circuit = circuit(100);
    let inner = ::tower::service_fn(|_: Request<()>| async { Ok::<_, Infallible>(()) });
    let service = CircuitBreakerLayer::new(circuit.clone()).classify(Gets).layer(inner);
    service.clone().oneshot(Request::get("/").body(()).unwrap()).await.unwrap();
    service.oneshot(Request::post("/").body(()).unwrap()).await.unwrap();
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.failures, totals.ignored), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_permit_the_classifier_drops_follows_on_cancel() {
    #[derive(Clone)]
    struct Drops;

    impl<Req, Res, E> Classify<Req, Res, E> for Drops {
        type State = ();
        type Response = Res;

        fn start(&self, _: &Req) {}

        fn end((): (), result: Result<Res, E>, _: Permit) -> Result<Res, E> {
            result
        }
    }

    assert_eq!(judged(Drops, Ok::<_, ()>(())).await.cancelled, 1);
}

fn wish(retry: &str, date: Option<&str>) -> Option<Duration> {
    let mut headers = http::HeaderMap::new();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_str(retry).unwrap());
    if let Some(date) = date {
        headers.insert(header::DATE, HeaderValue::from_str(date).unwrap());
    }
    retry_after(&headers)
}

#[test]
fn retry_after_is_read_in_seconds() {
    assert_eq!(wish("120", None), Some(Duration::from_secs(120)));
    assert_eq!(wish("0", None), Some(Duration::ZERO));
    assert_eq!(wish(" 7 ", None), Some(Duration::from_secs(7)));
    assert_eq!(wish("99999999999999999999999", None), Some(Duration::from_secs(u64::MAX)));
}

#[test]
fn retry_after_is_read_as_a_date_by_the_servers_own_clock() {
    let until = "Wed, 21 Oct 2015 07:28:40 GMT";
    assert_eq!(wish(until, Some("Wed, 21 Oct 2015 07:28:00 GMT")), Some(Duration::from_secs(40)));
    // The two obsolete forms of RFC 9110.
    assert_eq!(wish("Wednesday, 21-Oct-15 07:28:40 GMT", Some(until)), Some(Duration::ZERO));
    assert_eq!(wish("Wed Oct 21 07:28:41 2015", Some(until)), Some(Duration::from_secs(1)));
}

#[test]
fn retry_after_as_a_date_without_the_servers_clock_is_by_ours() {
    let until = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
    let wish = wish(&until, None).unwrap();
    assert!(wish <= Duration::from_secs(90) && wish > Duration::from_secs(80), "{wish:?}");
    assert!(self::wish(&until, Some("yesterday")).is_some());
}

#[test]
fn nonsense_in_retry_after_is_ignored() {
    for nonsense in ["", " ", "-1", "+1", "1.5", "1e3", "soon", "0x10", "1 2", "Wed, 99 Oct 2015 07:28:00 GMT", "٣"] {
        let value = HeaderValue::from_bytes(nonsense.as_bytes()).unwrap();
        assert_eq!(retry_after(&[(header::RETRY_AFTER, value)].into_iter().collect()), None, "{nonsense:?}");
    }
    // Over.
    assert_eq!(wish("Wed, 21 Oct 2015 07:28:00 GMT", None), None);
    assert_eq!(retry_after(&http::HeaderMap::new()), None);
}
