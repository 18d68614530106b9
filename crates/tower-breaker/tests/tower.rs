//! Among tower's own middlewares.

use std::{convert::Infallible, rc::Rc, time::Duration};

use ::tower::{
    BoxError, Layer, Service, ServiceBuilder, balance::p2c::Balance, buffer::Buffer, discover::ServiceList,
    limit::ConcurrencyLimit, load::Constant, service_fn, util::BoxCloneService,
};
use tokio_test::assert_ready_ok;
use tower_breaker::{
    CircuitBreaker, CircuitBreakerLayer, Error, Rejected, State, classify::ErrorsOf, refuse::AsBoxError,
};

use crate::support::{Echo, ask, circuit, is_ready, trip};

#[tokio::test(start_paused = true)]
async fn in_a_service_builder_among_layers_that_box_their_errors() {
    let circuit = circuit(1);
    let mut service = ServiceBuilder::new()
        .concurrency_limit(2)
        .timeout(Duration::from_secs(5))
        .layer(CircuitBreakerLayer::new(circuit.clone()).refuse(AsBoxError))
        .timeout(Duration::from_secs(1))
        .service(service_fn(|(): ()| std::future::pending::<Result<(), Infallible>>()));
    let elapsed = ask(&mut service, ()).await.unwrap_err();
    assert!(elapsed.is::<::tower::timeout::error::Elapsed>());
    assert_eq!(circuit.state(), State::Open);
    let refused = ask(&mut service, ()).await.unwrap_err();
    assert!(refused.is::<Rejected>());
}

#[tokio::test(start_paused = true)]
async fn an_error_type_of_its_own_comes_through_layers_that_box() {
    let circuit = circuit(1);
    let mut service = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .layer(CircuitBreakerLayer::new(circuit.clone()).classify(ErrorsOf::<std::io::Error>::new()))
        .service(Echo);
    let reset = || Err::<(), std::io::Error>(std::io::ErrorKind::ConnectionReset.into());
    let error: BoxError = ask(&mut service, reset()).await.unwrap_err();
    assert!(
        matches!(error.downcast_ref(), Some(Error::Inner(error)) if std::io::Error::kind(error) == reset().unwrap_err().kind())
    );
    let error = ask(&mut service, reset()).await.unwrap_err();
    assert!(error.downcast_ref::<Error<std::io::Error>>().unwrap().rejected().is_some());
}

#[tokio::test(start_paused = true)]
async fn boxed_and_cloned() {
    let circuit = circuit(1);
    let judge = tower_breaker::classify::from_fn(|_: &Result<(), ()>| tower_breaker::Outcome::Failure);
    let service = CircuitBreakerLayer::new(circuit).classify(judge).layer(Echo);
    let mut service: BoxCloneService<Result<(), ()>, (), Error<()>> = BoxCloneService::new(service);
    ask(&mut service, Ok(())).await.unwrap();
    assert!(ask(&mut service.clone(), Ok(())).await.unwrap_err().rejected().is_some());
}

#[tokio::test(start_paused = true)]
async fn below_a_buffer_it_survives_ten_thousand_refusals() {
    let circuit = circuit(1);
    trip(&circuit);
    let service = CircuitBreakerLayer::new(circuit.clone()).refuse(AsBoxError).layer(Echo);
    let mut buffer = Buffer::new(service, 16);
    for _ in 0..10_000 {
        let refused = ask(&mut buffer, Ok::<_, BoxError>(())).await.unwrap_err();
        assert!(refused.is::<Rejected>());
    }
    circuit.reset();
    ask(&mut buffer, Ok(())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn below_a_balancer_it_survives_ten_thousand_refusals() {
    let circuit = circuit(1);
    trip(&circuit);
    let layer = CircuitBreakerLayer::new(circuit.clone()).refuse(AsBoxError);
    let endpoints = (0..3).map(|_| Constant::new(layer.layer(Echo), 1));
    let mut balance = Balance::new(ServiceList::new::<Result<(), BoxError>>(endpoints));
    for _ in 0..10_000 {
        assert!(ask(&mut balance, Ok::<_, BoxError>(())).await.unwrap_err().is::<Rejected>());
    }
    assert_eq!(balance.len(), 3);
    circuit.reset();
    ask(&mut balance, Ok(())).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_inner_service_may_be_neither_clone_nor_send_nor_static() {
    struct Local<'a>(&'a str, Rc<()>);

    impl<'a> Service<()> for Local<'a> {
        type Response = usize;
        type Error = Rc<str>;
        type Future = std::pin::Pin<Box<dyn Future<Output = Result<usize, Rc<str>>> + 'a>>;

        fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Rc<str>>> {
            std::task::Poll::Ready(Ok(()))
        }

        fn call(&mut self, (): ()) -> Self::Future {
            let (name, local) = (self.0, self.1.clone());
            Box::pin(async move { Ok(name.len() + Rc::strong_count(&local)) })
        }
    }

    let name = String::from("local");
    let mut service = CircuitBreaker::new(Local(&name, Rc::new(())), circuit(1));
    assert_eq!(ask(&mut service, ()).await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_ready_clone_that_is_refused_takes_no_bulkhead_place() {
    let circuit = circuit(1);
    trip(&circuit);
    let bulkhead = ConcurrencyLimit::new(Echo, 1);
    let mut unguarded = bulkhead.clone();
    let mut service = CircuitBreaker::new(bulkhead, circuit);
    assert!(is_ready::<_, Result<(), ()>>(&mut service));
    assert!(is_ready::<_, Result<(), ()>>(&mut unguarded));
}

#[tokio::test(start_paused = true)]
async fn over_a_mock_calls_and_errors_pass_as_they_are() {
    let circuit = circuit(10);
    let layer = CircuitBreakerLayer::new(circuit.clone()).refuse(AsBoxError);
    let (mut service, mut handle) = tower_test::mock::spawn_layer::<&str, &str, _>(layer);
    handle.allow(1);
    assert_ready_ok!(service.poll_ready());
    let answer = service.call("how are you?");
    let (request, respond) = handle.next_request().await.unwrap();
    assert_eq!(request, "how are you?");
    respond.send_response("well");
    assert_eq!(answer.await.unwrap(), "well");

    assert!(service.poll_ready().is_pending());
    handle.allow(1);
    assert!(service.is_woken());
    assert_ready_ok!(service.poll_ready());
    let answer = service.call("and now?");
    handle.next_request().await.unwrap().1.send_error("sick");
    assert_eq!(answer.await.unwrap_err().to_string(), "sick");
    let totals = circuit.snapshot().totals;
    assert_eq!((totals.successes, totals.failures), (1, 1));
}
