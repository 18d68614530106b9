//! What is made of answers and errors, those of stages further in among them.

use std::{
    future::{Pending, pending, ready},
    io,
    task::{Context, Poll},
    time::Duration,
};

use axum::http;
use reqwest::{Body, Client, Method, Request, Response};
use reqwest_middleware::Error;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};
use tower_breaker::{
    BulkheadFull, Circuit, CircuitBreakerLayer, Interruption, OnCancel, Refusal, TimedOut,
    TimeoutKind::{self, Attempt, Caller, Fallback, Whole},
    Totals,
    refuse::{AsBoxError, Refuse},
    retry::{RetryPolicy, Verdict},
};
use tower_breaker_reqwest::{AsMiddlewareError, ReqwestClassifier, ReqwestRetry};

use crate::support::after;

type Answer = Result<Response, Error>;

const FULL: BulkheadFull = BulkheadFull::new(Duration::ZERO);

fn status(status: u16) -> http::response::Builder {
    http::Response::builder().status(status)
}

fn late(kind: TimeoutKind) -> TimedOut {
    TimedOut::new(kind, Duration::from_secs(1))
}

fn answer(builder: http::response::Builder) -> Answer {
    Ok(builder.body("").unwrap().into())
}

/// As a stage of ours ends a call.
fn interrupted(cause: Interruption) -> Answer {
    <AsMiddlewareError as Refuse<Request, Response, Error>>::refuse((), cause)
}

fn refused() -> Answer {
    interrupted(FULL.into())
}

fn cut_off(kind: TimeoutKind) -> Answer {
    interrupted(Interruption::TimedOut(late(kind)))
}

/// As a middleware of somebody else's ends one.
fn broken() -> Answer {
    Err(Error::middleware(io::Error::other("broken")))
}

fn of_status(code: u16) -> Answer {
    Ok(answer(status(code))?.error_for_status()?)
}

fn request(method: Method) -> Request {
    Client::new().request(method, "http://prices.internal/").build().unwrap()
}

fn circuit() -> Circuit {
    Circuit::new("api", after(100).on_cancel(OnCancel::Ignore).build().unwrap())
}

/// How a breaker counts a call that ends so.
async fn counted(answer: Answer) -> Totals {
    let circuit = circuit();
    let layer = CircuitBreakerLayer::new(circuit.clone()).classify(ReqwestClassifier::new());
    let mut answer = Some(answer);
    let service = layer.layer(service_fn(move |_: Request| ready(answer.take().unwrap())));
    let _ = service.oneshot(request(Method::GET)).await;
    circuit.snapshot().totals
}

#[tokio::test]
async fn a_refusal_further_in_is_ignored_and_a_time_limit_a_failure_unless_it_is_the_callers() {
    for ended in [answer(status(503).extension(Refusal::from(FULL))), refused()] {
        let totals = counted(ended).await;
        assert_eq!((totals.ignored, totals.calls()), (1, 1));
    }
    for kind in [Whole, Attempt, Fallback] {
        for ended in [answer(status(200).extension(late(kind))), cut_off(kind)] {
            let totals = counted(ended).await;
            assert_eq!((totals.failures, totals.calls()), (1, 1), "{kind:?}");
        }
    }
    for ended in [answer(status(504).extension(late(Caller))), cut_off(Caller)] {
        let totals = counted(ended).await;
        assert_eq!((totals.cancelled, totals.calls()), (1, 1));
    }
    let totals = counted(broken()).await;
    assert_eq!((totals.failures, totals.calls()), (1, 1));
}

/// Fails before it is called.
struct Unready(fn() -> Answer);

impl Service<Request> for Unready {
    type Response = Response;
    type Error = Error;
    type Future = Pending<Answer>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready((self.0)().map(drop))
    }

    fn call(&mut self, _: Request) -> Pending<Answer> {
        pending()
    }
}

#[tokio::test]
async fn a_service_that_fails_before_it_is_called_is_judged_by_its_error() {
    for (inner, expected) in [(Unready(broken), [1, 0]), (Unready(refused), [0, 1])] {
        let circuit = circuit();
        let layer = CircuitBreakerLayer::new(circuit.clone()).classify(ReqwestClassifier::new());
        assert!(layer.layer(inner).oneshot(request(Method::GET)).await.is_err());
        let totals = circuit.snapshot().totals;
        assert_eq!([totals.failures, totals.ignored], expected);
    }
}

/// What follows an attempt that ended so.
fn verdict<E, P>(policy: &P, method: Method, answer: &Result<Response, E>) -> Verdict
where
    P: RetryPolicy<Request, Response, E>,
{
    P::judge(&mut policy.start(&request(method)), answer)
}

#[test]
fn what_a_retry_may_mend_is_repeated_where_the_method_allows() {
    use Verdict::{Final, Refused, Retry, RetryAfter, Success};
    let soon = Duration::from_secs(3);
    for (ended, expected) in [
        (answer(status(204)), [Success, Success]),
        (answer(status(404)), [Success, Success]),
        (answer(status(500)), [Final, Final]),
        (answer(status(408)), [Retry, Final]),
        (answer(status(429)), [Retry, Final]),
        (answer(status(502)), [Retry, Final]),
        (answer(status(503)), [Retry, Final]),
        (answer(status(504)), [Retry, Final]),
        (answer(status(503).header("retry-after", "3")), [RetryAfter(soon), Final]),
        (of_status(503), [Retry, Final]),
        (of_status(500), [Final, Final]),
        (of_status(404), [Final, Final]),
        (answer(status(503).extension(Refusal::from(FULL))), [Refused, Refused]),
        (refused(), [Refused, Refused]),
        (answer(status(200).extension(late(Attempt))), [Retry, Final]),
        (cut_off(Attempt), [Retry, Final]),
        (answer(status(504).extension(late(Caller))), [Final, Final]),
        (cut_off(Caller), [Final, Final]),
        (cut_off(Whole), [Final, Final]),
        (broken(), [Final, Final]),
    ] {
        let verdicts = [Method::GET, Method::POST].map(|method| verdict(&ReqwestRetry::new(), method, &ended));
        assert_eq!(verdicts, expected, "{ended:?}");
    }
}

#[tokio::test]
async fn what_was_asked_for_before_errors_were_boxed_is_done_after() {
    let busy = answer(status(503)).map_err(BoxError::from);
    let policy = ReqwestRetry::new().repeatable(true).boxed();
    assert_eq!(verdict(&policy, Method::POST, &busy), Verdict::Retry);

    let circuit = circuit();
    let classify = ReqwestClassifier::new().at_end_of_body().boxed();
    let layer = CircuitBreakerLayer::new(circuit.clone()).classify(classify).refuse(AsBoxError);
    let cut = service_fn(async |_: Request| {
        let parts = tokio_stream::iter([Ok("part"), Err(io::Error::other("cut off"))]);
        Ok::<Response, BoxError>(status(200).body(Body::wrap_stream(parts))?.into())
    });
    let response = layer.layer(cut).oneshot(request(Method::GET)).await.unwrap();
    assert!(response.bytes().await.is_err());
    assert_eq!(circuit.snapshot().totals.failures, 1);
}
