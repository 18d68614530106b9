//! Sets and circuits that share a name are told apart by label.

use serde_json::{Value, json};
use tower_breaker_axum::CircuitRoutes;
use tower_breaker_core::{Circuit, CircuitBreakerConfig, Circuits};

use crate::{
    events::Listening,
    support::{Shown, TOKEN, call, send},
};

const BEARER: (&str, &str) = ("authorization", "Bearer correct-horse-battery");

fn set(name: &str) -> Circuits {
    let circuits = Circuits::builder().name(name).build();
    let _ = circuits.get_or_create("db");
    circuits
}

fn single(name: &str) -> Circuit {
    Circuit::new(name, CircuitBreakerConfig::default())
}

/// The labels of the circuits named `db`, in their order.
async fn labels(routes: CircuitRoutes) -> Vec<Value> {
    let (_, all) = call(&routes.into_router(), "GET", "/circuits").await;
    let all = all["circuits"].as_array().unwrap().iter();
    all.filter(|circuit| circuit["name"] == "db").map(|circuit| circuit["set"].clone()).collect()
}

#[tokio::test]
async fn of_two_sets_of_one_name_the_second_has_a_number_and_is_commanded_by_it() {
    let [one, two] = [(); 2].map(|()| set("origins"));
    let routes = CircuitRoutes::new().circuits(one.clone()).circuits(two.clone()).operator_token(TOKEN).unwrap();
    let app = routes.into_router();
    let modes = || [&one, &two].map(|set| set.snapshot("db").unwrap().mode.as_str());
    assert_eq!(send(&app, "POST", "/circuits/db/observe", &[BEARER], "").await.0, 409, "it says that they are two");
    assert_eq!(send(&app, "POST", "/circuits/db/observe?set=origins-2", &[BEARER], "").await.0, 200);
    assert_eq!(modes(), ["enforce", "observe"]);
    assert_eq!(send(&app, "POST", "/circuits/db/observe?set=origins", &[BEARER], "").await.0, 200);
    assert_eq!(send(&app, "POST", "/circuits/enforce?set=origins-2", &[BEARER], "").await.2["circuits"], 1);
    assert_eq!(modes(), ["observe", "enforce"]);
}

#[tokio::test(start_paused = true)]
async fn events_tell_two_sets_of_one_name_apart() {
    let other = set("upstreams");
    let shown = Shown::with(|routes| routes.circuits(other.clone()));
    let _ = shown.circuits.get_or_create("db");
    let mut listening = Listening::to(&shown, None).await;
    let (_, whole) = listening.named("circuits").await;
    let mut sets: Vec<_> = whole["circuits"].as_array().unwrap().iter().map(|row| row["set"].to_string()).collect();
    sets.sort();
    assert_eq!(sets, [r#""upstreams""#, r#""upstreams-2""#]);
    other.get_or_create("db").force_open();
    assert_eq!(listening.named("transitions").await.1[0]["set"], "upstreams-2");
    other.remove("db");
    assert_eq!(listening.named("summary").await.1["gone"], json!([{ "set": "upstreams-2", "name": "db" }]));
}

#[tokio::test]
async fn no_label_is_given_twice_whatever_the_sets_are_called() {
    let routes = CircuitRoutes::new();
    let routes =
        ["a-2", "a", "a", "a", "single", ""].into_iter().fold(routes, |routes, name| routes.circuits(set(name)));
    let routes = routes.circuits(set("")).circuit(single("db")).circuit(single("other")).circuit(single("db"));
    let expected = ["a-2", "a", "a-3", "a-4", "single", "", "-2", "single-2", "single-3"];
    assert_eq!(labels(routes.circuits(set("single-2"))).await, [&expected[..], &["single-2-2"]].concat());
    // Those that were given one by one are together where they can be.
    let routes = CircuitRoutes::new().circuit(single("db")).circuit(single("other"));
    let app = routes.circuits(set("single")).into_router::<()>();
    assert_eq!(call(&app, "GET", "/circuits/other").await.1["set"], "single");
    assert_eq!(call(&app, "GET", "/circuits/db?set=single-2").await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn what_is_given_twice_is_shown_once() {
    let (set, alone) = (set("origins"), single("db"));
    let routes = CircuitRoutes::new().circuits(set.clone()).circuit(alone.clone());
    assert_eq!(labels(routes.circuits(set).circuit(alone)).await, ["origins", "single"]);
    let shown = Shown::new();
    let again = shown.circuits.clone();
    let shown = Shown { app: CircuitRoutes::new().circuits(again.clone()).circuits(again).into_router(), ..shown };
    let mut listening = Listening::to(&shown, None).await;
    shown.trip("db");
    assert_eq!(listening.named("transitions").await.1.as_array().unwrap().len(), 1);
    assert_eq!(listening.named("summary").await.1["total"], 1);
    assert_eq!(call(&shown.app, "GET", "/circuits/db").await.0, 200);
}
