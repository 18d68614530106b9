//! A routes file that changes under a running gateway.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc,
    },
    thread,
};

use crate::{client::get, one_route, process::Gateway, until, upstream::Upstream};

const FEW: &str = "failure_threshold = 2\nopen_duration = \"60s\"";
const MANY: &str = "failure_threshold = 5\nopen_duration = \"60s\"";

/// Ends the load, also where a test fails before it does.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn circuits_keep_their_state_and_new_thresholds_count() {
    let upstream = Upstream::start(|exchange| exchange.reply("500 No", ""));
    let gateway = Gateway::start(&one_route(&upstream, MANY));
    assert_eq!(get(gateway.at, "/a").status, 500);
    gateway.reload(&one_route(&upstream, FEW));
    gateway.line("is in force: 1 routes; circuits keep their state");
    assert_eq!(get(gateway.at, "/a").status, 500);
    assert_eq!(get(gateway.at, "/a").status, 503, "one failure from before, one from after");

    gateway.reload(&one_route(&upstream, MANY));
    assert_eq!(get(gateway.at, "/a").status, 503, "still open");
}

#[test]
fn a_file_with_a_mistake_is_refused_whole() {
    let upstream = Upstream::start(|exchange| exchange.reply("500 No", ""));
    let gateway = Gateway::start(&one_route(&upstream, FEW));
    let file = gateway.file.as_ref().unwrap();
    let wrong = one_route(&upstream, MANY).replace("upstream =", "upstraem =");
    gateway.offer(&wrong);
    let line = gateway.line("upstraem");
    let said = format!(
        "{}:8: routes[0].upstraem is unknown (did you mean \"upstream\"?); accepted: path, methods, host, policy, key, \
         upstream, upstreams, max_ejected (refused; what was in force stays)",
        file.path()
    );
    assert!(line.ends_with(&said), "{line}");
    assert_eq!(
        [get(gateway.at, "/a").status, get(gateway.at, "/a").status, get(gateway.at, "/a").status],
        [500, 500, 503]
    );
    assert_eq!(gateway.lines().iter().filter(|line| line.contains("refused; what")).count(), 1);
}

#[test]
fn a_changed_file_is_seen_without_a_signal() {
    let (one, other) = (Upstream::well(), Upstream::start(|exchange| exchange.reply("200 OK", "other")));
    let gateway = Gateway::start(&one_route(&one, FEW));
    assert_eq!(get(gateway.at, "/a").body, b"well");
    gateway.file.as_ref().unwrap().write(&format!("# changed\n{}", one_route(&other, FEW)));
    until("the other upstream", || (get(gateway.at, "/a").body == b"other").then_some(()));
}

#[test]
fn no_request_is_lost_over_a_reload() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, FEW));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let over = Over(&done);
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    while !done.load(Relaxed) {
                        assert_eq!(get(gateway.at, "/a").status, 200);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        for round in 0..20 {
            let breaker = if round % 2 == 0 { MANY } else { FEW };
            gateway.reload(&one_route(&upstream, breaker));
        }
        drop(over);
        assert!(callers.into_iter().map(|caller| caller.join().unwrap()).sum::<u32>() > 20);
    });
}

#[test]
fn each_kind_of_mistake_names_its_place_and_keeps_what_was_in_force() {
    let upstream = Upstream::well();
    let good = one_route(&upstream, FEW);
    let gateway = Gateway::start(&good);
    let file = gateway.file.as_ref().unwrap();
    let breaker = "policies.default.circuit_breaker";
    let policy = "path = \"/{*rest}\"\npolicy =";
    for (right, wrong, said) in [
        ("upstream = ", "upstream = = ", "8: is no TOML: ".to_owned()),
        (
            "[[routes]]",
            "[[route]]",
            "6: route is unknown (did you mean \"routes\"?); accepted: policies, routes".into(),
        ),
        ("= 2", "= 0", format!("3: {breaker}.failure_threshold is 0; accepted: 1..=1000000, or false")),
        ("\"60s\"", "60", format!("4: {breaker}.open_duration is 60; accepted: a duration as text, such as \"30s\"")),
        ("open_duration =", "resetTimeout =", format!("4: {breaker}.resetTimeout is unknown (did you mean \"open_d")),
        (
            "[[routes]]",
            "\n[policies.a]\nextends = \"b\"\n[[routes]]",
            "8: policies.a.extends is \"b\"; accepted: ".into(),
        ),
        (
            "[[routes]]",
            "[policies.a]\nextends = \"a\"\n[[routes]]",
            "7: policies.a.extends is \"a\", which leads".into(),
        ),
        ("path =", &format!("{policy} \"defualt\"\n#"), "8: routes[0].policy is \"defualt\" (did you mean".into()),
        ("\"/{*rest}\"", "\"rest\"", "7: routes[0].path is \"rest\"; accepted: a path that starts with `/`".into()),
        ("\"http://", "\"ftp://", "8: routes[0].upstream is ".into()),
        (
            "[[routes]]",
            "[[routes]]\npath = \"/{*all}\"\nupstream = \"http://127.0.0.1:1\"\n[[routes]]",
            "9: routes[1] can".into(),
        ),
    ] {
        assert_eq!(good.matches(right).count(), 1, "{right}");
        gateway.offer(&good.replace(right, wrong));
        let line = gateway.line(&format!("{}:{said}", file.path()));
        assert!(line.ends_with("(refused; what was in force stays)"), "{line}");
        assert_eq!(get(gateway.at, "/a").body, b"well", "{said}");
    }
    assert_eq!(gateway.reloads(), 0);
}

#[test]
fn a_call_under_way_ends_under_the_route_it_took() {
    let (come, comes) = mpsc::channel();
    let (go, goes) = mpsc::channel::<()>();
    let (come, goes) = (Mutex::new(come), Mutex::new(goes));
    let held = Upstream::start(move |exchange| {
        come.lock().unwrap().send(()).unwrap();
        let _ = goes.lock().unwrap().recv();
        exchange.reply("200 OK", "held");
    });
    let other = Upstream::start(|exchange| exchange.reply("200 OK", "other"));
    let gateway = Gateway::start(&one_route(&held, FEW));
    thread::scope(|scope| {
        let first = scope.spawn(|| get(gateway.at, "/a"));
        comes.recv().unwrap();
        gateway.reload(&one_route(&other, MANY));
        assert_eq!(get(gateway.at, "/a").body, b"other");
        assert!(!first.is_finished());
        go.send(()).unwrap();
        let first = first.join().unwrap();
        assert_eq!((first.status, first.body.as_slice()), (200, &b"held"[..]));
    });
}

#[test]
fn under_load_circuits_keep_their_state_and_new_thresholds_count() {
    let upstream = Upstream::start(|exchange| match exchange.path() {
        "/well" => exchange.reply("200 OK", "well"),
        _ => exchange.reply("500 No", ""),
    });
    let routes = |breaker| {
        ["/open", "/row", "/well"].iter().fold(
            format!("[policies.default.circuit_breaker]\n{breaker}\nfailure_rate_threshold = false\n"),
            |routes, path| format!("{routes}[[routes]]\npath = \"{path}\"\nupstream = \"{}\"\n", upstream.url()),
        )
    };
    let gateway = Gateway::start(&routes(FEW));
    assert_eq!(["/open", "/open", "/open", "/row"].map(|path| get(gateway.at, path).status), [500, 500, 503, 500]);
    let done = AtomicBool::new(false);
    let calls = thread::scope(|scope| {
        let over = Over(&done);
        let load = || {
            let mut calls = 0;
            while !done.load(Relaxed) {
                assert_eq!(get(gateway.at, "/well").status, 200);
                calls += 1;
            }
            calls
        };
        let callers: Vec<_> = (0..3).map(|_| scope.spawn(load)).collect();
        gateway.reload(&routes(MANY));
        assert_eq!(get(gateway.at, "/open").status, 503, "still open");
        // One failure from before and four from now on.
        assert_eq!([0; 5].map(|_| get(gateway.at, "/row").status), [500, 500, 500, 500, 503]);
        drop(over);
        callers.into_iter().map(|caller| caller.join().unwrap()).sum::<u64>()
    });
    // No more and no fewer than were called: it is one circuit from the start.
    until("their outcomes", || (gateway.circuit("/well")["success_count"] == calls).then_some(()));
}
