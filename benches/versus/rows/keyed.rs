//! One circuit for each key.

use std::{borrow::Cow, time::Duration};

use tower::Layer;
use tower_breaker::{CircuitBreakerConfig, Circuits, KeyedCircuitBreakerLayer, key};
use tower_resilience_circuitbreaker as theirs;
use tower_service::Service;

use crate::{
    drive::{call, timed_with},
    inner::Bare,
    measure::Side,
};

#[derive(Debug)]
struct Request {
    host: &'static str,
    number: u64,
}

impl From<Request> for u64 {
    fn from(request: Request) -> Self {
        request.number
    }
}

/// 10,000 hosts at random, room for 20,000. The peer has one circuit for all and looks nothing up.
pub(super) fn tower_resilience() -> (Side, Side) {
    // A request borrows its host for as long as the bench runs.
    let hosts: Vec<_> = (0..10_000).map(|host| format!("host-{host}.example.com")).collect();
    let hosts: &'static [String] = hosts.leak();
    let circuits = Circuits::builder().config(CircuitBreakerConfig::default()).capacity(20_000).build();
    let key = key::from_fn(|request: &Request| Cow::Borrowed(request.host));
    let mut ours = KeyedCircuitBreakerLayer::new(circuits, key).layer(Bare::<0>);
    // Every circuit is made before anything is measured.
    at_random(&mut ours, hosts, 200_000);
    let mut theirs = theirs::CircuitBreakerLayer::builder().build().unwrap().layer(Bare::<0>);
    (
        Box::new(move |calls| at_random(&mut ours, hosts, calls)),
        Box::new(move |calls| at_random(&mut theirs, hosts, calls)),
    )
}

fn at_random<S: Service<Request>>(service: &mut S, hosts: &'static [String], calls: u64) -> Duration {
    timed_with(calls, |number| {
        // Fibonacci hashing: as good as chance, and free.
        let host = usize::try_from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40).unwrap() % hosts.len();
        call(service, Request { host: &hosts[host], number })
    })
}
