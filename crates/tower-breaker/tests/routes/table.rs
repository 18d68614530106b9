//! The live table: circuits of routes, and what becomes of them when the document changes.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use http::Request;
use tower_breaker::{
    Export, Mode, Outcome, State,
    routes::{RouteTable, RoutesConfig},
};

use crate::read;

const DOCUMENT: &str = r#"
[policies.default.circuit_breaker]
failure_threshold = 2
minimum_calls = 1000
open_duration = "60s"

[policies.bare]

[[routes]]
path = "/orders/{id}"

[[routes]]
path = "/tenants"
key = "header:x-tenant"

[[routes]]
path = "/hosts"
key = "host"

[[routes]]
path = "/bare"
policy = "bare"
"#;

fn circuit(table: &RouteTable, request: http::request::Builder) -> Option<tower_breaker::Circuit> {
    table.find(&request.body(()).unwrap()).unwrap().circuit().cloned()
}

fn fail(circuit: &tower_breaker::Circuit) {
    circuit.try_acquire().unwrap().record(Outcome::Failure);
}

#[test]
fn circuits_of_routes_are_there_from_the_start() {
    let table = RouteTable::new(read(DOCUMENT));
    let names: Vec<_> = table.snapshots().iter().map(|snapshot| snapshot.name.to_string()).collect();
    assert_eq!(names, ["/orders/{id}"]);
    assert!(table.circuits().get("/orders/{id}").is_some());
    assert!(table.keyed_circuits().is_empty());
}

#[test]
fn a_route_has_one_circuit_for_all_its_calls() {
    let table = RouteTable::new(read(DOCUMENT));
    let one = circuit(&table, Request::get("/orders/1")).unwrap();
    fail(&one);
    fail(&one);
    let other = circuit(&table, Request::post("/orders/2")).unwrap();
    assert_eq!((other.name(), other.state()), ("/orders/{id}", State::Open));
}

#[test]
fn a_policy_without_a_breaker_has_no_circuit() {
    let table = RouteTable::new(read(DOCUMENT));
    assert!(circuit(&table, Request::get("/bare")).is_none());
    assert!(table.find(&Request::get("/nowhere").body(()).unwrap()).is_none());
}

#[test]
fn keys_have_circuits_of_their_own() {
    let table = RouteTable::new(read(DOCUMENT));
    let tenant = |name| circuit(&table, Request::get("/tenants").header("x-tenant", name)).unwrap();
    fail(&tenant("sick"));
    fail(&tenant("sick"));
    assert_eq!(tenant("sick").state(), State::Open);
    assert_eq!(tenant("well").state(), State::Closed);
    assert_eq!(tenant("well").name(), "/tenants#well");
    assert_eq!(circuit(&table, Request::get("/tenants")).unwrap().name(), "/tenants");
    assert_eq!(
        circuit(&table, Request::get("/hosts").header("host", "A.example:80")).unwrap().name(),
        "/hosts#a.example"
    );
    assert_eq!(circuit(&table, Request::get("http://b.example/hosts")).unwrap().name(), "/hosts#b.example");
}

#[test]
fn names_from_strangers_stay_bounded() {
    let table = RouteTable::new(read(DOCUMENT));
    for number in 0..30_000 {
        let _ = circuit(&table, Request::get("/tenants").header("x-tenant", number));
    }
    assert!(table.keyed_circuits().len() <= 10_000);
    assert!(table.circuits().get("/orders/{id}").is_some());
}

#[test]
fn a_changed_document_keeps_states_and_brings_new_thresholds() {
    let table = RouteTable::new(read(DOCUMENT));
    let orders = circuit(&table, Request::get("/orders/1")).unwrap();
    let tenant = circuit(&table, Request::get("/tenants").header("x-tenant", "sick")).unwrap();
    for circuit in [&orders, &tenant] {
        fail(circuit);
        fail(circuit);
    }
    table.apply(read(&DOCUMENT.replace("failure_threshold = 2", "failure_threshold = 3")));
    for circuit in [&orders, &tenant] {
        assert_eq!(circuit.state(), State::Open);
        assert_eq!(circuit.config().failure_threshold(), Some(3));
    }
    assert_eq!(circuit(&table, Request::get("/orders/1")).unwrap().state(), State::Open);
}

#[test]
fn a_permit_survives_a_changed_document() {
    let table = RouteTable::new(read(DOCUMENT));
    let orders = circuit(&table, Request::get("/orders/1")).unwrap();
    fail(&orders);
    let permit = orders.try_acquire().unwrap();
    table.apply(read(&DOCUMENT.replace("failure_threshold = 2", "failure_threshold = 3")));
    permit.record(Outcome::Failure);
    fail(&orders);
    assert_eq!(orders.state(), State::Open);
}

#[test]
fn routes_come_and_go() {
    let table = RouteTable::new(read(DOCUMENT));
    let _ = circuit(&table, Request::get("/tenants").header("x-tenant", "one"));
    table.apply(read(&DOCUMENT.replace("/orders/{id}", "/invoices").replace("/tenants", "/customers")));
    assert!(table.find(&Request::get("/orders/1").body(()).unwrap()).is_none());
    assert!(table.circuits().get("/orders/{id}").is_none());
    assert!(table.circuits().get("/invoices").is_some());
    assert!(table.keyed_circuits().is_empty());

    table.apply(read(
        &DOCUMENT.replace("[policies.default.circuit_breaker]", "[policies.default]\n[policies.other.circuit_breaker]"),
    ));
    assert!(table.circuits().is_empty());
    assert!(circuit(&table, Request::get("/orders/1")).is_none());
}

#[test]
fn a_handle_is_shared_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let table = RouteTable::new(read(DOCUMENT));
    shared(&table);
    let other = table.clone();
    other.apply(RoutesConfig::from_toml(&DOCUMENT.replace("/bare", "/plain")).unwrap());
    assert_eq!(table.config().routes().len(), 4);
    assert!(table.find(&Request::get("/plain").body(()).unwrap()).is_some());
    assert!(format!("{table:?}").contains("/plain"));
}

#[test]
fn what_was_set_by_hand_outlives_a_changed_document() {
    let table = RouteTable::new(read(DOCUMENT));
    let orders = circuit(&table, Request::get("/orders/1")).unwrap();
    let tenant = circuit(&table, Request::get("/tenants").header("x-tenant", "one")).unwrap();
    orders.force_open();
    tenant.set_mode(Mode::Observe);
    table.apply(read(&DOCUMENT.replace("failure_threshold = 2", "failure_threshold = 3")));
    assert!(orders.try_acquire().is_err(), "still forced");
    fail(&tenant);
    fail(&tenant);
    fail(&tenant);
    assert_eq!(tenant.state(), State::Open, "by the new threshold");
    assert!(tenant.try_acquire().is_ok(), "still only observing");
    orders.reset();
    assert!(orders.try_acquire().is_ok());
}

/// What a process knew that had the document with this line: the circuit `/tenants#sick`, open.
fn left(line: &str) -> Export {
    let table = RouteTable::new(read(&DOCUMENT.replace("failure_threshold = 2", line)));
    let tenant = circuit(&table, Request::get("/tenants").header("x-tenant", "sick")).unwrap();
    fail(&tenant);
    fail(&tenant);
    assert_eq!(tenant.state(), State::Open);
    table.keyed_circuits().export()
}

#[test]
fn a_restored_circuit_by_key_has_the_configuration_of_its_route() {
    let observing = || read(&DOCUMENT.replace("failure_threshold = 2", "failure_threshold = 2\nmode = 'observe'"));
    let changed = RouteTable::new(read(&DOCUMENT.replace("failure_threshold = 2", "failure_threshold = 3")));
    changed.apply(observing());
    for table in [RouteTable::new(observing()), changed] {
        table.keyed_circuits().restore(&left("failure_threshold = 2")).unwrap();
        let tenant = circuit(&table, Request::get("/tenants").header("x-tenant", "sick")).unwrap();
        assert_eq!((tenant.state(), tenant.config().failure_threshold()), (State::Open, Some(2)));
        assert!(tenant.try_acquire().is_ok(), "only observed");
    }
}

#[test]
fn a_restored_circuit_by_key_waits_as_long_as_its_route_allows() {
    let long = "failure_threshold = 2\nmax_open_duration = \"600s\"";
    let document = DOCUMENT.replace("failure_threshold = 2", long).replace("\"60s\"", "\"600s\"");
    let first = RouteTable::new(read(&document));
    let tenant = circuit(&first, Request::get("/tenants").header("x-tenant", "sick")).unwrap();
    fail(&tenant);
    fail(&tenant);
    let table = RouteTable::new(read(&document));
    table.keyed_circuits().restore(&first.keyed_circuits().export()).unwrap();
    let tenant = circuit(&table, Request::get("/tenants").header("x-tenant", "sick")).unwrap();
    assert!(
        tenant.snapshot().open_remaining.unwrap() > Duration::from_secs(500),
        "{:?}",
        tenant.snapshot().open_remaining
    );
}

#[test]
fn restored_circuits_of_no_route_can_be_taken_out() {
    let without = DOCUMENT.replace("/tenants", "/customers");
    let table = RouteTable::new(read(&without));
    let customer = circuit(&table, Request::get("/customers").header("x-tenant", "one")).unwrap();
    table.keyed_circuits().restore(&left("failure_threshold = 2")).unwrap();
    assert_eq!(table.keyed_circuits().len(), 2);
    table.prune();
    let left: Vec<_> = table.snapshots().iter().map(|seen| seen.name.to_string()).collect();
    assert_eq!(left, ["/orders/{id}", customer.name()]);
}

#[test]
fn a_call_that_found_its_route_ends_under_it() {
    let table = RouteTable::new(read(DOCUMENT));
    let found = table.find(&Request::get("/orders/1").body(()).unwrap()).unwrap();
    let permit = found.circuit().unwrap().try_acquire().unwrap();
    table.apply(read(&DOCUMENT.replace("/orders/{id}", "/invoices")));
    assert_eq!(found.route().path(), "/orders/{id}");
    permit.record(Outcome::Success);
    assert_eq!(found.circuit().unwrap().snapshot().totals.successes, 1);
}

#[test]
fn no_call_is_lost_and_no_circuit_is_doubled_while_documents_are_applied() {
    const CALLS: u64 = 2_000;
    let table = RouteTable::new(read(DOCUMENT));
    let done = AtomicBool::new(false);
    let call = |request: http::request::Builder| {
        circuit(&table, request).unwrap().try_acquire().unwrap().record(Outcome::Success);
    };
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for _ in 0..CALLS {
                        call(Request::get("/orders/1"));
                        call(Request::get("/tenants").header("x-tenant", "one"));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            for threshold in (3..9).cycle().take_while(|_| !done.load(Relaxed)) {
                let changed = format!("failure_threshold = {threshold}");
                table.apply(read(&DOCUMENT.replace("failure_threshold = 2", &changed)));
            }
        });
        let ends: Vec<_> = callers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        // First, or a failed caller would leave the documents coming for ever.
        done.store(true, Relaxed);
        ends.into_iter().for_each(Result::unwrap);
    });
    let seen: Vec<_> = table.snapshots().iter().map(|seen| (seen.name.to_string(), seen.totals.successes)).collect();
    assert_eq!(seen, [("/orders/{id}".to_owned(), 4 * CALLS), ("/tenants#one".to_owned(), 4 * CALLS)]);
}
