//! What the program says about its arguments, its files and its ports.

use std::net::TcpListener;

use crate::{
    LAX,
    client::command,
    one_route,
    process::{File, Gateway, run, run_with},
    upstream::Upstream,
};

/// Exit code, standard output, standard error.
fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = run(arguments);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_lists_the_arguments() {
    let (code, out, err) = said(&["--help"]);
    assert_eq!((code, err.as_str()), (0, ""));
    for argument in [
        "--config FILE",
        "--check FILE",
        "--listen ADDR",
        "--admin ADDR",
        "--max-connections N",
        "--client-timeout TIME",
        "--upstream-timeout TIME",
    ] {
        assert!(out.contains(argument), "{argument}");
    }
}

#[test]
fn each_mistake_in_arguments_is_one_line_and_exit_2() {
    for (line, problem) in [
        ("--prot 80", "unknown argument \"--prot\"; --help lists what there is"),
        ("gateway.toml", "unknown argument \"gateway.toml\"; --help lists what there is"),
        ("--config", "--config needs a file after it"),
        ("--admin", "--admin needs an address after it"),
        ("--config=a --config b", "--config is given twice"),
        ("--config a --check b", "--config and --check exclude each other"),
        ("--listen 80", "--listen is \"80\"; accepted: an address and a port, as in 127.0.0.1:8080"),
        ("--check a --listen=127.0.0.1:1", "--check serves nothing, so it takes no other option"),
        ("--check a --client-timeout 1s", "--check serves nothing, so it takes no other option"),
        ("--max-connections", "--max-connections needs a number after it"),
        ("--max-connections 0", "--max-connections is \"0\"; accepted: 1..=1000000"),
        ("--client-timeout", "--client-timeout needs a time after it"),
        ("--client-timeout=30", "--client-timeout is \"30\"; accepted: a time of 10ms to 1day, as in 30s"),
        ("--upstream-timeout", "--upstream-timeout needs a time after it"),
        ("--upstream-timeout 0s", "--upstream-timeout is \"0s\"; accepted: a time of 10ms to 1day, as in 30s"),
        ("--check a --upstream-timeout 1s", "--check serves nothing, so it takes no other option"),
        ("--state s", "--state keeps the circuits of a routes file: it needs --config"),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        assert_eq!(said(&arguments), (2, String::new(), format!("gateway: {problem}\n")));
    }
}

#[test]
fn a_good_file_is_shown_as_it_works_out() {
    let file = File::new(
        "[policies.default.circuit_breaker]\nfailure_threshold = 7\n\n[policies.default]\ntimeout = \"10s\"\n\
         retry = { attempts = 4 }\nbulkhead = { max_concurrent = 9 }\nrate_limit = { per_second = 5, burst = 2 }\n\
         fallback = { status = 200, body = '[\"none\"]', content_type = \"application/json\" }\n\n\
         [policies.quick]\nextends = \"default\"\nattempt_timeout = \"1s 500ms\"\nbulkhead = { max_queue = 3 }\n\
         retry = false\ncircuit_breaker = { open_duration = \"5s\" }\n\n\
         [policies.elsewhere]\nfallback = { upstream = \"http://127.0.0.1:9002\" }\n\n[[routes]]\npath = \"/orders/{id}\"\n\
         methods = [\"GET\"]\npolicy = \"quick\"\nupstream = \"http://127.0.0.1:9001\"\n",
    );
    let (code, out, err) = said(&["--check", file.path()]);
    assert_eq!((code, err.as_str()), (0, ""));
    let quick = out.split("[policies.quick]").nth(1).unwrap().split("[policies.elsewhere]").next().unwrap();
    for line in [
        "timeout = \"10s\"",
        "attempt_timeout = \"1s 500ms\"",
        "retry = false",
        "rate_limit = { per_second = 5.0, burst = 2, max_wait = \"0s\" }",
        "bulkhead = { max_concurrent = 9, max_queue = 3, max_wait = false }",
        "fallback = { status = 200, body = \"[\\\"none\\\"]\", content_type = \"application/json\" }",
    ] {
        assert!(quick.contains(line), "{line} in {out}");
    }
    for line in [
        "retry = { attempts = 4, base = \"100ms\", max = \"10s\", jitter = \"full\", budget = 0.2 }",
        "fallback = { upstream = \"http://127.0.0.1:9002\" }",
    ] {
        assert!(out.contains(line), "{line} in {out}");
    }
    for line in ["failure_threshold = 7", "open_duration = \"5s\"", "success_threshold = 2", "max_age = false"] {
        assert!(quick.contains(line), "{line} in {out}");
    }
    assert!(out.contains("upstream = \"http://127.0.0.1:9001\""), "{out}");
    // What is shown is itself a routes file, and says the same.
    let again = File::new(&out);
    let (code, second, _) = said(&["--check", again.path()]);
    assert_eq!(code, 0);
    assert_eq!(out.split_once('\n').unwrap().1, second.split_once('\n').unwrap().1);
}

#[test]
fn the_file_that_comes_with_it_is_right() {
    let (code, out, err) = said(&["--check", concat!(env!("CARGO_MANIFEST_DIR"), "/gateway/routes.toml")]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("policy = \"unguarded\""), "{out}");
}

#[test]
fn a_bad_file_is_one_line_with_its_place_and_exit_2() {
    let file = File::new(
        "[policies.default.circuit_breaker]\nfailure_threshold = 0\n\n[[routes]]\npath = \"/\"\nupstream = \"http://a\"\n",
    );
    let expected = format!(
        "gateway: {}:2: policies.default.circuit_breaker.failure_threshold is 0; accepted: 1..=1000000, or false\n",
        file.path()
    );
    assert_eq!(said(&["--check", file.path()]), (2, String::new(), expected.clone()));
    assert_eq!(said(&["--config", file.path()]), (2, String::new(), expected));
    let (code, _, err) = said(&["--check", "/nowhere.toml"]);
    assert_eq!((code, err.lines().count()), (2, 1));
    assert!(err.starts_with("gateway: /nowhere.toml: cannot be read: "), "{err}");
}

#[test]
fn an_upstream_must_be_an_address_over_http() {
    for (written, accepted) in
        [("https://a.example", false), ("a.example:80", false), ("http://a.example/x", false), ("http://a:80", true)]
    {
        let file = File::new(&format!("policies.default = {{}}\n[[routes]]\npath = \"/\"\nupstream = \"{written}\"\n"));
        let (code, _, err) = said(&["--check", file.path()]);
        assert_eq!(code == 0, accepted, "{written}");
        let place = format!(
            "{}:4: routes[0].upstream is \"{written}\"; accepted: http://HOST:PORT, without a path",
            file.path()
        );
        assert!(accepted || err.contains(&place), "{err}");
    }
}

#[test]
fn a_fallback_is_an_answer_or_an_upstream_or_off() {
    let accepted = "accepted: { status = 200, body = \"[]\" }, { upstream = \"http://HOST:PORT\" }, or false";
    for (written, expected) in [
        ("true", format!("fallback is true; {accepted}")),
        ("{}", format!("fallback is a table; {accepted}")),
        ("{ body = \"[]\" }", format!("fallback is a table; {accepted}")),
        ("{ status = 200, upstream = \"http://a\" }", format!("fallback is a table; {accepted}")),
        (
            "{ status = 999 }",
            "fallback.status is not accepted: 999 is no status of an answer; there are 200..=599".to_owned(),
        ),
        (
            "{ stauts = 200 }",
            "fallback.stauts is unknown (did you mean \"status\"?); accepted: status, body, content_type, upstream"
                .to_owned(),
        ),
        (
            "{ status = 200, content_type = \"a\\u0007b\" }",
            "fallback.content_type is not accepted: \"a\\u{7}b\" is no value of a header".to_owned(),
        ),
        (
            "{ upstream = \"https://a\" }",
            "fallback.upstream is \"https://a\"; accepted: http://HOST:PORT, without a path".to_owned(),
        ),
    ] {
        let file = File::new(&format!("[policies.default]\nfallback = {written}\n"));
        let (code, _, err) = said(&["--check", file.path()]);
        assert_eq!((code, err), (2, format!("gateway: {}:2: policies.default.{expected}\n", file.path())), "{written}");
    }
    let file = File::new(
        "[policies.default]\nfallback = false\n[[routes]]\npath = \"/\"\nupstream = \"http://127.0.0.1:9001\"\n",
    );
    assert_eq!(said(&["--check", file.path()]).0, 0);
}

#[test]
fn a_taken_port_that_was_asked_for_is_one_line_and_exit_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let file = File::new(&one_route(&Upstream::well(), LAX));
    for (option, other) in [("--listen", "--admin"), ("--admin", "--listen")] {
        let (code, _, err) = said(&["--config", file.path(), option, &at, other, "127.0.0.1:0"]);
        assert_eq!((code, err), (1, format!("gateway: cannot listen on {at} ({option}): it is taken\n")));
    }
}

#[test]
fn a_default_port_that_is_taken_is_replaced_and_named() {
    // Taken by us, or else by somebody already.
    let taken = [TcpListener::bind("127.0.0.1:8080"), TcpListener::bind("127.0.0.1:9090")];
    let file = File::new(&one_route(&Upstream::well(), LAX));
    let gateway = Gateway::with(&["--config", file.path()]);
    gateway.line("127.0.0.1:8080 is taken, so another port stands in for it (--listen chooses one)");
    gateway.line("127.0.0.1:9090 is taken, so another port stands in for it (--admin chooses one)");
    assert_eq!(gateway.health()["healthy"], true);
    drop(taken);
}

#[test]
fn a_token_too_weak_is_one_line_without_it_and_exit_2() {
    let file = File::new(&one_route(&Upstream::well(), LAX));
    let arguments = ["--config", file.path(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    for (token, bytes) in [("too-short", 9), ("with a space in it", 18)] {
        let output = run_with(&arguments, &[("GATEWAY_OPERATOR_TOKEN", token)]);
        let err = String::from_utf8(output.stderr).unwrap();
        let expected =
            format!("gateway: GATEWAY_OPERATOR_TOKEN: operator_token is a text of {bytes} bytes; accepted: ");
        assert_eq!((output.status.code(), err.lines().count()), (Some(2), 1), "{err}");
        assert!(err.starts_with(&expected) && !err.contains(token), "{err}");
    }
}

#[test]
fn a_token_set_to_nothing_is_none() {
    let gateway = Gateway::start_with(&one_route(&Upstream::well(), LAX), &[("GATEWAY_OPERATOR_TOKEN", "")]);
    gateway.line("commands none are taken");
    assert_eq!(command(gateway.admin, "/circuits/reset", "Bearer 0123456789abcdef"), 403);
}
