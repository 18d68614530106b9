//! Each kind of mistake: line, field, what stands there and what is accepted.

use std::error::Error as _;

use serde::Deserialize;
use tower_breaker::routes::{NoExtra, RoutesConfig};

use crate::{Proxied, refusal, with_breaker};

/// Each document, and what is said about it.
fn check(cases: &[(&str, &str)]) {
    for (document, expected) in cases {
        assert_eq!(refusal(document), *expected, "{document}");
    }
}

#[test]
fn text_that_is_no_toml_names_its_line() {
    let said = refusal("[policies.default]\nextends = \n");
    assert!(said.starts_with("line 2: is no TOML: "), "{said}");
    let said = refusal("[policies.a]\n[policies.a]\n");
    assert!(said.starts_with("line 2: is no TOML: "), "{said}");
    let said = refusal("a = 99999999999999999999\n");
    assert!(said.starts_with("line 1: is no TOML: "), "{said}");
}

#[test]
fn a_value_out_of_range_names_what_is_accepted() {
    let said = refusal(&with_breaker("open_duration = \"1s\"\nfailure_threshold = 0"));
    assert_eq!(
        said,
        "line 3: policies.default.circuit_breaker.failure_threshold is 0; accepted: 1..=1000000, or false"
    );
    let said = refusal(&with_breaker("throttle = 2.0\nsliding_window = { calls = 100 }"));
    let accepted = "a sliding_window of time beside it: it looks at what came lately";
    assert_eq!(said, format!("line 2: policies.default.circuit_breaker.throttle is 2.0; accepted: {accepted}"));
    let said = refusal(&with_breaker("sliding_window = { calls = 0 }"));
    assert_eq!(said, "line 2: policies.default.circuit_breaker.sliding_window.calls is 0; accepted: 1..=1000000");
}

#[test]
fn a_value_of_another_kind_names_what_is_accepted() {
    let at = "line 2: policies.default.circuit_breaker";
    for (written, said) in [
        ("open_duration = 30", "open_duration is 30; accepted: a duration as text, such as \"30s\" or \"1m 30s\""),
        (
            "open_duration = \"soon\"",
            "open_duration is \"soon\"; accepted: a duration as text, such as \"30s\" or \"1m 30s\"",
        ),
        ("minimum_calls = true", "minimum_calls is true; accepted: a whole number, not negative"),
        ("minimum_calls = -1", "minimum_calls is -1; accepted: a whole number, not negative"),
        ("enforcement = \"half\"", "enforcement is \"half\"; accepted: a number"),
        ("sliding_window = 10", "sliding_window is 10; accepted: { calls = 100 } or { time = \"5s\" }"),
        ("failure_threshold = \"off\"", "failure_threshold is \"off\"; accepted: a value, or false to switch it off"),
        ("half_open_timeout = \"off\"", "half_open_timeout is \"off\"; accepted: a value, or false to switch it off"),
        (
            "failure_rate_threshold = []",
            "failure_rate_threshold is a list; accepted: a value, or false to switch it off",
        ),
        ("mode = \"enforced\"", "mode is \"enforced\" (did you mean \"enforce\"?); accepted: enforce, observe"),
    ] {
        assert_eq!(refusal(&with_breaker(written)), format!("{at}.{said}"));
    }
}

#[test]
fn a_field_nobody_knows_lists_those_there_are_and_the_nearest() {
    let said = refusal(&with_breaker("failure_treshold = 3"));
    let start = "line 2: policies.default.circuit_breaker.failure_treshold is unknown (did you mean \
                 \"failure_threshold\"?); accepted: failure_threshold, failure_rate_threshold, sliding_window,";
    assert!(said.starts_with(start), "{said}");
    check(&[
        ("[polices.default]\n", "line 1: polices is unknown (did you mean \"policies\"?); accepted: policies, routes"),
        (
            "[policies.default]\ntimeouts = 3\n",
            "line 2: policies.default.timeouts is unknown (did you mean \"timeout\"?); accepted: extends, timeout, \
             attempt_timeout, retry, rate_limit, bulkhead, circuit_breaker",
        ),
        (
            "policies.default = {}\n[[routes]]\npath = \"/\"\nmethod = [\"GET\"]\n",
            "line 4: routes[0].method is unknown (did you mean \"methods\"?); accepted: path, methods, host, policy, key",
        ),
        (
            "policies.default = {}\n[[routes]]\npath = \"/\"\n\"x y\" = 1\n",
            "line 4: routes[0].\"x y\" is unknown; accepted: path, methods, host, policy, key",
        ),
    ]);
}

#[test]
fn a_callers_own_type_refuses_what_it_does_not_know_either() {
    let read = |fields: &str| {
        let document = format!("policies.default = {{}}\n[[routes]]\npath = \"/\"\n{fields}\n");
        RoutesConfig::<Proxied>::from_toml(&document).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(read("upstream = \"http://127.0.0.1:9001\""), Ok(()));
    assert_eq!(
        read("upstraem = \"http://127.0.0.1:9001\"").unwrap_err(),
        "line 4: routes[0].upstraem is unknown (did you mean \"upstream\"?); \
         accepted: path, methods, host, policy, key, upstream"
    );
    assert_eq!(read("").unwrap_err(), "line 2: routes[0].upstream is missing");
    assert_eq!(read("upstream = 80").unwrap_err(), "line 4: routes[0].upstream is 80; accepted: a string");
}

#[test]
fn what_a_type_refuses_after_reading_is_told_where_it_stands() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "u8")]
    struct Even;
    impl TryFrom<u8> for Even {
        type Error = &'static str;
        fn try_from(number: u8) -> Result<Self, &'static str> {
            if number.is_multiple_of(2) { Ok(Self) } else { Err("odd") }
        }
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Numbers {
        numbers: Vec<Even>,
    }
    let document = "policies.default = {}\n[[routes]]\npath = \"/\"\nnumbers = [\n  2,\n  3,\n]\n";
    let error = RoutesConfig::<Numbers>::from_toml(document).unwrap_err();
    assert_eq!(error.to_string(), "line 6: routes[0].numbers[1] is not accepted: odd");
}

#[test]
fn a_callers_type_may_say_more_beside_what_was_wrong() {
    #[derive(Debug)]
    struct Port;
    impl<'de> Deserialize<'de> for Port {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let read = u16::deserialize(from).map(|_| Self);
            read.map_err(|error| serde::de::Error::custom(format_args!("no port: it {error}")))
        }
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Upstream {
        port: Port,
    }
    let document = "policies.default = {}\n[[routes]]\npath = \"/\"\nport = true\n";
    let said = RoutesConfig::<Upstream>::from_toml(document).unwrap_err().to_string();
    let wrong = "no port: it is true; accepted: a whole number, not negative";
    assert_eq!(said, format!("line 4: routes[0].port is not accepted: {wrong}"));
}

#[test]
fn a_policy_that_is_not_there_lists_those_there_are() {
    check(&[
        (
            "policies.payments = {}\n[[routes]]\npath = \"/\"\npolicy = \"payment\"\n",
            "line 4: routes[0].policy is \"payment\" (did you mean \"payments\"?); accepted: payments",
        ),
        (
            "policies.payments = {}\n[[routes]]\npath = \"/\"\n",
            "line 2: routes[0].policy is missing, and no policy is called default; accepted: payments",
        ),
        ("[[routes]]\npath = \"/\"\npolicy = \"a\"\n", "line 3: routes[0].policy is \"a\"; accepted: nothing"),
        ("[policies.a]\nextends = \"nobody\"\n[policies.b]\n", "line 2: policies.a.extends is \"nobody\"; accepted: b"),
    ]);
}

#[test]
fn policies_that_extend_each_other_in_a_circle_are_refused() {
    check(&[
        (
            "[policies.a]\nextends = \"b\"\n[policies.b]\nextends = \"a\"\n",
            "line 4: policies.b.extends is \"a\", which leads back: a -> b -> a; \
             accepted: a policy that does not extend this one",
        ),
        (
            "[policies.a]\nextends = \"a\"\n",
            "line 2: policies.a.extends is \"a\", which leads back: a -> a; \
             accepted: a policy that does not extend this one",
        ),
    ]);
}

#[test]
fn what_is_wrong_by_inheritance_is_told_where_it_is_written_and_for_whom() {
    let document = "[policies.default.circuit_breaker]\nminimum_calls = 20\n\n[policies.rare]\nextends = \"default\"\n\
                    circuit_breaker = { sliding_window = { calls = 10 } }\n";
    assert_eq!(
        refusal(document),
        "line 2: policies.default.circuit_breaker.minimum_calls is 20 (inherited by \"rare\"); \
         accepted: at least 1, and at most the calls of a count window"
    );
}

#[test]
fn a_stage_is_a_table_or_false() {
    let problem = "is no table; accepted: a table of its settings, or false";
    check(&[
        ("[policies.a]\ncircuit_breaker = true\n", &format!("line 2: policies.a.circuit_breaker {problem}")),
        ("[policies.a]\ncircuit_breaker = \"on\"\n", &format!("line 2: policies.a.circuit_breaker {problem}")),
        ("policies = 3\n", "line 1: policies is no table; accepted: a table"),
        ("policies.a = 3\n", "line 1: policies.a is no table; accepted: a table"),
    ]);
}

#[test]
fn each_field_of_a_route_says_what_it_accepts() {
    for (written, said) in [
        ("methods = [\"GET\"]", "3: routes[0].path is missing"),
        ("path = \"orders\"", "4: routes[0].path is \"orders\"; accepted: a path that starts with `/`"),
        ("path = \"/:id\"", "4: routes[0].path is \"/:id\"; accepted: parameters in braces, as in `/orders/{id}`"),
        (
            "path = \"/{a}{b}\"",
            "4: routes[0].path is \"/{a}{b}\"; accepted: one parameter in a segment, and nothing after it",
        ),
        (
            "path = \"/{*rest}/more\"",
            "4: routes[0].path is \"/{*rest}/more\"; accepted: `{*rest}` as the last segment, with nothing before it there",
        ),
        (
            "path = \"/\"\nmethods = \"GET\"",
            "5: routes[0].methods is no list; accepted: a list of methods, such as [\"GET\", \"POST\"]",
        ),
        (
            "path = \"/\"\nmethods = []",
            "5: routes[0].methods is empty; accepted: at least one method; left out: all of them",
        ),
        (
            "path = \"/\"\nmethods = [\n  \"GET\",\n  \"post\",\n]",
            "7: routes[0].methods[1] is \"post\"; accepted: method names in capitals, such as GET",
        ),
        (
            "path = \"/\"\nmethods = [\"GET\", \"GET\"]",
            "5: routes[0].methods[1] is \"GET\"; accepted: each method once",
        ),
        (
            "path = \"/\"\nhost = \"a.example:80\"",
            "5: routes[0].host is \"a.example:80\"; accepted: a host name or address, without a port",
        ),
        (
            "path = \"/\"\nhost = \"a.example.\"",
            "5: routes[0].host is \"a.example.\"; accepted: a host name or address, without a port",
        ),
        ("path = \"/\"\nhost = \"\"", "5: routes[0].host is \"\"; accepted: a host name or address, without a port"),
        (
            "path = \"/\"\nkey = \"hots\"",
            "5: routes[0].key is \"hots\" (did you mean \"host\"?); accepted: route, host, header:NAME",
        ),
        (
            "path = \"/\"\nkey = \"header:x tenant\"",
            "5: routes[0].key is \"header:x tenant\"; accepted: header: and the name of a header, as in header:x-tenant",
        ),
    ] {
        let document = format!("policies.default = {{}}\n\n[[routes]]\n{written}\n");
        assert_eq!(refusal(&document), format!("line {said}"), "{written}");
    }
}

#[test]
fn a_document_without_routes_is_refused() {
    check(&[
        ("", "routes is missing; accepted: a list of at least one route"),
        ("routes = []\n", "line 1: routes is no list of routes; accepted: a list of at least one route"),
        ("[routes]\npath = \"/\"\n", "line 1: routes is no list of routes; accepted: a list of at least one route"),
        ("routes = [3]\n", "line 1: routes[0] is no table; accepted: a table"),
    ]);
}

#[test]
fn a_route_that_can_never_be_reached_is_refused() {
    let refusal = |routes: &[&str]| {
        let routes: Vec<String> = routes.iter().map(|fields| format!("[[routes]]\n{fields}\n")).collect();
        RoutesConfig::<NoExtra>::from_toml(&format!("policies.default = {{}}\n{}", routes.join("")))
            .map(|_| ())
            .map_err(|error| error.to_string())
    };
    let said = refusal(&["path = \"/a/{b}\"", "path = \"/a/{c}\"\nmethods = [\"GET\"]"]).unwrap_err();
    assert_eq!(
        said,
        "line 4: routes[1] can never be reached: routes[0] (line 2) before it has every request for \"GET /a/{c}\"; \
         accepted: another path, host or method, or a place further up"
    );
    let get = "path = \"/a\"\nmethods = [\"GET\"]";
    let post = "path = \"/a\"\nmethods = [\"POST\"]";
    let both = "path = \"/a\"\nmethods = [\"POST\", \"GET\"]";
    let said = refusal(&[get, post, both]).unwrap_err();
    assert!(said.contains("routes[0] (line 2) and routes[1] (line 5) before it have"), "{said}");
    assert!(refusal(&[get, "path = \"/a\"\nmethods = [\"HEAD\"]"]).is_err(), "GET takes HEAD along");
    assert!(refusal(&["path = \"/a\"\nhost = \"A.example\"", "path = \"/a\"\nhost = \"a.EXAMPLE\""]).is_err());

    assert_eq!(refusal(&[get, both, "path = \"/a\""]), Ok(()));
    assert_eq!(refusal(&["path = \"/a\"\nhost = \"a.example\"", "path = \"/a\""]), Ok(()));
    assert_eq!(refusal(&["path = \"/{*rest}\"", "path = \"/a\""]), Ok(()));
}

#[test]
fn the_file_is_named() {
    let error = RoutesConfig::<NoExtra>::from_toml_file("/nowhere/gateway.toml").unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/gateway.toml: cannot be read: "), "{error}");
    assert!(error.source().is_some());
    assert_eq!((error.file(), error.line(), error.field()), (Some("/nowhere/gateway.toml"), None, None));

    let file = std::env::temp_dir().join(format!("tower-breaker-routes-{}.toml", std::process::id()));
    std::fs::write(&file, "\nrouts = 3\n").unwrap();
    let error = RoutesConfig::<NoExtra>::from_toml_file(&file).unwrap_err();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(error.line(), Some(2));
    assert_eq!(error.field(), Some("routs"));
    assert_eq!(error.problem(), "is unknown (did you mean \"routes\"?); accepted: policies, routes");
    assert_eq!(error.to_string(), format!("{}:2: routs {}", file.display(), error.problem()));
}

#[test]
fn other_formats_name_the_field() {
    let read = |document: &str| {
        let mut json = serde_json::Deserializer::from_str(document);
        RoutesConfig::<Proxied>::from_deserializer(&mut json).map(|_| ()).map_err(|error| error.to_string())
    };
    let good = r#"{"policies": {"a": {"extends": null}}, "routes": [{"path": "/", "policy": "a", "upstream": "x"}]}"#;
    assert_eq!(read(good), Ok(()));
    assert_eq!(read(&good.replace("\"x\"", "[1]")).unwrap_err(), "routes[0].upstream is a list; accepted: a string");
    assert_eq!(
        read(&good.replace("\"x\"", "18446744073709551615")).unwrap_err(),
        "routes[0].upstream is 18446744073709551615; accepted: a string"
    );
    assert!(read("{\"routes\": [], \"routes\": []}").unwrap_err().contains("stands twice"));
    assert!(read("[]").unwrap_err().starts_with("is no table"));
    assert!(read("{").unwrap_err().contains("EOF"));
    let said = read("{\"routes\": [null]}").unwrap_err();
    assert!(said.starts_with("invalid type: null, expected a value of a routes document"), "{said}");
}

#[test]
fn an_error_is_one_line_whatever_the_document_says() {
    #[derive(Debug)]
    struct Loud;
    impl<'de> Deserialize<'de> for Loud {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(serde::de::Error::custom("first\nsecond\u{1b}[2J"))
        }
    }
    let document = "policies.default = {}\n[[routes]]\npath = \"/\"\n\"a\\nb\" = 3\n";
    let error = RoutesConfig::<Loud>::from_toml(document).unwrap_err().to_string();
    assert_eq!(error, "line 2: routes[0] is not accepted: first second [2J");
    assert!(!refusal(document).contains('\n'));
}

#[test]
fn a_table_within_a_callers_own_field_is_checked_as_well() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Answer {
        status: u16,
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Page {
        fallback: Answer,
    }
    let read = |fallback: &str| {
        let document = format!("[policies.default.fallback]\n{fallback}\n[[routes]]\npath = \"/\"\n");
        RoutesConfig::<NoExtra, Page>::from_toml(&document).unwrap_err().to_string()
    };
    assert_eq!(
        read("status = 200\nstauts = 200"),
        "line 3: policies.default.fallback.stauts is unknown (did you mean \"status\"?); accepted: status"
    );
    // Not a table of the library: what others call its fields is nothing to it.
    assert_eq!(
        read("status = 200\nresetTimeout = 3"),
        "line 3: policies.default.fallback.resetTimeout is unknown; accepted: status"
    );
}

#[test]
fn a_name_from_elsewhere_is_told_what_it_is_called_here() {
    let said = refusal(&with_breaker("failure_threshold = 3\nsleepWindowInMilliseconds = 5000"));
    let start = "line 3: policies.default.circuit_breaker.sleepWindowInMilliseconds is unknown (did you mean \
                 \"open_duration\"? text with its unit: 5000 milliseconds are \"5s\"); accepted: failure_threshold,";
    assert!(said.starts_with(start), "{said}");
    let said = refusal(&with_breaker("[policies.other]\nmaxConcurrentCalls = 25"));
    assert!(
        said.starts_with(
            "line 3: policies.other.maxConcurrentCalls is unknown (did you mean \"bulkhead.max_concurrent\"?)"
        ),
        "{said}"
    );
}
