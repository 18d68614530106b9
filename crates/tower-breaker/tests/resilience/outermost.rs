//! What stands outermost.

use ::tower::util::MapResponseLayer;
use tower_breaker::{
    FallbackLayer, fallback,
    refuse::{AsBoxError, BoxError},
    resilience::AnyLayer,
};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_fallback_is_counted_in_the_stacks_circuit_or_in_its_own() {
    let (service, _calls) = counted(|_| pending::<Answer>());
    let (stacks, own) = (circuit(9), circuit(9));
    let of = |fallback| ResilienceLayer::builder().timeout(SECOND).fallback(fallback).circuit(stacks.clone()).build();
    let value = || FallbackLayer::new(fallback::value(7));
    assert_eq!(of(value()).unwrap().layer(service.clone()).oneshot(0).await.unwrap(), 7);
    assert_eq!(of(value().circuit(own.clone())).unwrap().layer(service).oneshot(0).await.unwrap(), 7);
    assert_eq!((stacks.snapshot().fallbacks, own.snapshot().fallbacks), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn around_boxed_errors_a_fallback_answers_every_error() {
    let service = service_fn(|_: u32| async { Err::<u32, BoxError>("down".into()) });
    let circuit = circuit(1);
    let fallback = FallbackLayer::on_errors(fallback::value(7)).refuse(AsBoxError);
    let layer = ResilienceLayer::builder().boxed().circuit(circuit.clone()).fallback(fallback).build().unwrap();
    let service = layer.layer(service);
    // First for the error, then for the refusal.
    for _ in 0..2 {
        assert_eq!(service.clone().oneshot(0).await.unwrap(), 7);
        assert_eq!(circuit.state(), State::Open);
    }
    assert_eq!(circuit.snapshot().fallbacks, 2);
}

#[tokio::test(start_paused = true)]
async fn any_layer_may_stand_outermost() {
    let (service, _calls) = counted(|call| async move { Ok(call) });
    let doubled = MapResponseLayer::new(|answer: u32| answer * 2);
    let layer = ResilienceLayer::builder().fallback(AnyLayer(doubled)).circuit(circuit(1)).build().unwrap();
    assert_eq!(layer.layer(service).oneshot(0).await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_gives_up_is_answered_by_the_fallback() {
    let cached = |(), _: &_| Ok::<_, Infallible>(::axum::http::Response::new(Body::from("cached")));
    let fallback = FallbackLayer::http(fallback::from_fn(cached).keep(|_: &Request<Body>| ()));
    let layer = ResilienceLayer::builder()
        .http()
        .repeat(BufferBody::new().map_body(Body::new))
        .retry(retry(2))
        .fallback(fallback)
        .build()
        .unwrap();
    let app: Router = Router::new().route("/", get(async || StatusCode::SERVICE_UNAVAILABLE)).layer(layer);
    let answer = app.oneshot(Request::get("/").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn the_fallback_answers_for_every_stage() {
    let (service, _calls) = counted(|_| pending::<Answer>());
    let circuit = circuit(1);
    let fallback = FallbackLayer::new(fallback::value(7)).circuit(circuit.clone());
    let layer = ResilienceLayer::builder().timeout(SECOND).circuit(circuit.clone()).fallback(fallback).build().unwrap();
    let service = layer.layer(service);
    // First for a timeout, then for a refusal.
    assert_eq!(service.clone().oneshot(0).await.unwrap(), 7);
    assert_eq!(circuit.state(), State::Open);
    assert_eq!(service.oneshot(0).await.unwrap(), 7);
    assert_eq!(circuit.snapshot().fallbacks, 2);
}
