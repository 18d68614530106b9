//! `upstreams = [..]`: a route over several endpoints, of which the sick ones are ejected.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use rustix::process::Signal;

use crate::{
    client::{Answer, Client, get},
    process::{File, Gateway, run},
    until,
    upstream::{Exchange, Upstream},
};

/// An endpoint opens with its third failure in a row, and is well again with its first success.
const BREAKER: &str = "failure_threshold = 3\nfailure_rate_threshold = false\nsuccess_threshold = 1";
const LONG: &str = "open_duration = \"200s\"\nmax_open_duration = \"300s\"";

/// An upstream that answers 200 and its own address, or 500 while it is sick.
struct Server {
    upstream: Upstream,
    sick: Arc<AtomicBool>,
}

impl Server {
    fn start() -> Self {
        let sick = Arc::new(AtomicBool::new(false));
        let is_sick = Arc::clone(&sick);
        let upstream = Upstream::start(move |exchange| {
            let host = exchange.head.get("host").unwrap();
            if is_sick.load(SeqCst) {
                exchange.reply("500 Internal Server Error", &host);
            } else {
                exchange.reply("200 OK", &host);
            }
        });
        Self { upstream, sick }
    }

    fn sick() -> Self {
        let server = Self::start();
        server.sick.store(true, SeqCst);
        server
    }

    fn circuit(&self) -> String {
        format!("/{{*rest}} {}", self.upstream.at())
    }

    fn seen(&self) -> usize {
        self.upstream.seen().len()
    }
}

fn routes(servers: &[&Server], breaker: &str, fields: &str) -> String {
    let urls: Vec<String> = servers.iter().map(|server| format!("\"{}\"", server.upstream.url())).collect();
    format!(
        "[policies.default.circuit_breaker]\nopen_duration_jitter = 0.0\n{BREAKER}\n{breaker}\n\n\
         [[routes]]\npath = \"/{{*rest}}\"\nupstreams = [{}]\n{fields}\n",
        urls.join(", ")
    )
}

fn state(gateway: &Gateway, server: &Server) -> String {
    gateway.circuit(&server.circuit())["state"].as_str().unwrap().to_owned()
}

/// Calls until this holds; gives back what came.
fn call_until(gateway: &Gateway, what: &str, is: impl Fn() -> bool) -> Vec<Answer> {
    let mut answers = Vec::new();
    until(what, || {
        if is() {
            return Some(());
        }
        answers.push(get(gateway.at, "/x"));
        None
    });
    answers
}

#[test]
fn a_sick_endpoint_is_ejected_the_others_answer_everything_and_it_comes_back() {
    let servers = [Server::start(), Server::sick(), Server::start()];
    let gateway = Gateway::start(&routes(&servers.each_ref(), "open_duration = \"1s\"", ""));
    let names: Vec<String> = gateway.health()["all_circuits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|circuit| format!("{} {}", circuit["set"].as_str().unwrap(), circuit["name"].as_str().unwrap()))
        .collect();
    for server in &servers {
        assert!(names.contains(&format!("endpoints {}", server.circuit())), "{names:?}");
    }
    assert!(names.contains(&"routes /{*rest}".to_owned()), "{names:?}");

    let sick = &servers[1];
    let answers = call_until(&gateway, "its ejection", || state(&gateway, sick) == "open");
    assert_eq!(answers.iter().filter(|answer| answer.status == 500).count(), 3);
    assert_eq!(sick.seen(), 3);
    // All that is left to the route's own circuit is what ejection may not mend: nothing here.
    let route = get(gateway.admin, "/circuits/%2F%7B%2Arest%7D");
    let route: serde_json::Value = serde_json::from_slice(&route.body).unwrap();
    assert_eq!((&route["state"], &route["total"]["failures"]), (&"closed".into(), &0.into()), "{route}");
    assert_eq!(route["total"]["ignored"], 3, "{route}");

    // Out for a second: if that is over before these are, a probe may be among them.
    let mut probes = 0;
    for _ in 0..40 {
        let answer = get(gateway.at, "/x");
        if answer.status == 500 {
            probes += 1;
        } else {
            let from = String::from_utf8(answer.body).unwrap();
            assert!([&servers[0], &servers[2]].iter().any(|well| well.upstream.at().to_string() == from), "{from}");
        }
    }
    assert_eq!(sick.seen(), 3 + probes);
    assert!(probes < 5, "{probes} probes");
    assert!(servers[0].seen() > 5 && servers[2].seen() > 5, "{} and {}", servers[0].seen(), servers[2].seen());

    sick.sick.store(false, SeqCst);
    let before = sick.seen();
    call_until(&gateway, "its return", || state(&gateway, sick) == "closed");
    call_until(&gateway, "calls for it", || sick.seen() > before + 3);
}

#[test]
fn where_all_are_sick_the_cap_holds_and_the_route_s_own_circuit_opens() {
    let servers = [Server::sick(), Server::sick(), Server::sick(), Server::sick()];
    let gateway = Gateway::start(&routes(&servers.each_ref(), LONG, ""));
    let answers = call_until(&gateway, "the route's circuit", || gateway.circuit("/{*rest}")["state"] == "open");
    assert!(answers.iter().all(|answer| answer.status == 500));
    let out = servers.iter().filter(|server| state(&gateway, server) == "open").count();
    assert_eq!(out, 2, "half of four");
    let refused = get(gateway.at, "/x");
    assert_eq!(refused.status, 503);
    assert!(refused.head.get("retry-after").is_some());
    assert_eq!(servers.iter().map(Server::seen).sum::<usize>(), answers.len());
}

#[test]
fn with_a_share_of_one_all_but_the_last_are_out() {
    let servers = [Server::sick(), Server::sick(), Server::sick()];
    let gateway = Gateway::start(&routes(&servers.each_ref(), LONG, "max_ejected = 1.0"));
    call_until(&gateway, "the route's circuit", || gateway.circuit("/{*rest}")["state"] == "open");
    assert_eq!(servers.iter().filter(|server| state(&gateway, server) == "open").count(), 2);
}

#[test]
fn a_reload_keeps_states_and_adds_and_removes_endpoints() {
    let (sick, well, new) = (Server::sick(), Server::start(), Server::start());
    let gateway = Gateway::start(&routes(&[&sick, &well], LONG, ""));
    call_until(&gateway, "its ejection", || state(&gateway, &sick) == "open");

    gateway.reload(&routes(&[&new, &sick], LONG, ""));
    assert_eq!((state(&gateway, &sick), state(&gateway, &new)), ("open".to_owned(), "closed".to_owned()));
    let all = gateway.health()["all_circuits"].to_string();
    assert!(!all.contains(&well.circuit()), "{all}");
    let (sick_before, well_before) = (sick.seen(), well.seen());
    for _ in 0..10 {
        assert_eq!(get(gateway.at, "/x").status, 200);
    }
    assert_eq!((sick.seen(), well.seen(), new.seen()), (sick_before, well_before, 10));

    // One of two is out, and so many may be. Of four it may be another one.
    let more = Server::start();
    gateway.reload(&routes(&[&new, &sick, &well, &more], LONG, ""));
    assert_eq!((state(&gateway, &sick), state(&gateway, &well)), ("open".to_owned(), "closed".to_owned()));
    new.sick.store(true, SeqCst);
    call_until(&gateway, "the second ejection", || state(&gateway, &new) == "open");
    assert_eq!(state(&gateway, &sick), "open");
    assert_eq!(get(gateway.at, "/x").status, 200);
}

#[test]
fn an_endpoint_that_hangs_is_ejected_by_the_timeout_of_the_whole_call() {
    let hangs = Upstream::start(Exchange::wait_for_the_end);
    let well = Server::start();
    let text = routes(&[&well], LONG, "").replace("upstreams = [", &format!("upstreams = [\"{}\", ", hangs.url()));
    // Those whose callers go away are no failures, so that it is the timeout that counts.
    let policy = "on_cancel = \"ignore\"\n[policies.default]\ntimeout = \"2s\"\n\n[[routes]]";
    let gateway = Gateway::start(&text.replace("[[routes]]", policy));
    let name = format!("/{{*rest}} {}", hangs.at());
    let answers = call_until(&gateway, "its ejection", || gateway.circuit(&name)["state"] == "open");
    assert_eq!(answers.iter().filter(|answer| answer.status == 504).count(), 3);
    assert_eq!(gateway.circuit("/{*rest}")["state"], "closed");
    for _ in 0..5 {
        assert_eq!(get(gateway.at, "/x").status, 200);
    }
}

/// gRPC has its status elsewhere: an attempt that timed out is answered with 200.
#[test]
fn an_endpoint_that_hangs_on_grpc_is_ejected_and_the_route_spared() {
    let hangs = Upstream::start(Exchange::wait_for_the_end);
    let well = Server::start();
    let text = routes(&[&well], LONG, "").replace("upstreams = [", &format!("upstreams = [\"{}\", ", hangs.url()));
    let policy = "[policies.default]\nattempt_timeout = \"500ms\"\n\n[[routes]]";
    let gateway = Gateway::start(&text.replace("[[routes]]", policy));
    let name = format!("/{{*rest}} {}", hangs.at());
    until("its ejection", || {
        let mut client = Client::connect(gateway.at);
        let fields = "Content-Type: application/grpc\r\nContent-Length: 0";
        client.send(format!("POST /shop.Shop/Buy HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"));
        assert_eq!(client.answer().status, 200);
        (gateway.circuit(&name)["state"] == "open").then_some(())
    });
    let route = get(gateway.admin, "/circuits/%2F%7B%2Arest%7D");
    let route: serde_json::Value = serde_json::from_slice(&route.body).unwrap();
    assert_eq!(route["total"]["failures"], 0, "{route}");
    assert!(route["total"]["ignored"].as_u64().unwrap() >= 3, "{route}");
}

#[test]
fn another_attempt_goes_to_another_endpoint() {
    let away = Upstream::start(|exchange| exchange.reply("503 Service Unavailable", ""));
    let well = Server::start();
    let text = routes(&[&well], "", "").replace("upstreams = [", &format!("upstreams = [\"{}\", ", away.url()));
    let text = text.replace("failure_threshold = 3", "failure_threshold = 1000");
    let retry = "[policies.default]\nretry = { attempts = 2, base = \"1ms\" }\n\n[[routes]]";
    let gateway = Gateway::start(&text.replace("[[routes]]", retry));
    until("both have been first", || {
        assert_eq!(get(gateway.at, "/x").status, 200);
        (away.seen().len() > 5).then_some(())
    });
    assert_eq!(gateway.circuit(&format!("/{{*rest}} {}", away.at()))["state"], "closed");
}

#[test]
fn a_call_goes_to_the_less_busy_endpoint() {
    let hangs = Upstream::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun");
        exchange.wait_for_the_end();
    });
    let well = Server::start();
    let text = routes(&[&well], LONG, "").replace("upstreams = [", &format!("upstreams = [\"{}\", ", hangs.url()));
    let gateway = Gateway::start(&text);
    let mut clients = Vec::new();
    until("a call that hangs in its body", || {
        let mut client = Client::connect(gateway.at);
        client.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = client.head();
        clients.push((client, head));
        (!hangs.seen().is_empty()).then_some(())
    });
    for _ in 0..20 {
        assert_eq!(get(gateway.at, "/x").status, 200);
    }
    assert_eq!(hangs.seen().len(), 1, "one call is under way there, and none elsewhere");
}

#[test]
fn where_all_are_out_by_hand_the_route_s_circuit_decides() {
    let servers = [Server::start(), Server::start()];
    let names = servers.each_ref().map(Server::circuit);
    let text = routes(&servers.each_ref(), LONG, "");
    let kept = Kept::new();
    let forced: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "{{\"name\":\"{name}\",\"state\":\"open\",\"forced\":\"open\",\"opens_in_row\":0,\"remaining\":\"0s\"}}"
            )
        })
        .collect();
    let state_text = format!("{{\"version\":1,\"stamped\":\"0s\",\"circuits\":[{}]}}", forced.join(","));
    std::fs::write(format!("{}.endpoints", kept.0.path()), state_text).unwrap();
    let routes = File::new(&text);
    let gateway = kept.start(&routes);
    assert_eq!([&servers[0], &servers[1]].map(|server| state(&gateway, server)), ["open", "open"]);
    assert_eq!(get(gateway.at, "/x").status, 200);
    servers.iter().for_each(|server| server.sick.store(true, SeqCst));
    for _ in 0..3 {
        assert_eq!(get(gateway.at, "/x").status, 500);
    }
    assert_eq!(get(gateway.at, "/x").status, 503);
}

/// A state file, gone with its companions.
struct Kept(File);

impl Kept {
    fn new() -> Self {
        let file = File::new("");
        std::fs::remove_file(file.path()).unwrap();
        Self(file)
    }

    fn start(&self, routes: &File) -> Gateway {
        let (routes, state) = (routes.path(), self.0.path());
        Gateway::with(&["--config", routes, "--state", state, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"])
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for ending in ["keyed", "endpoints"] {
            let _ = std::fs::remove_file(format!("{}.{ending}", self.0.path()));
        }
    }
}

#[test]
fn an_ejected_endpoint_is_out_after_a_restart_and_holds_its_place() {
    let (sick, well) = (Server::sick(), Server::start());
    let (kept, routes) = (Kept::new(), File::new(&routes(&[&sick, &well], LONG, "")));
    let mut gateway = kept.start(&routes);
    call_until(&gateway, "its ejection", || state(&gateway, &sick) == "open");
    gateway.signal(Signal::TERM);
    assert!(gateway.end().success());

    let again = kept.start(&routes);
    assert_eq!(state(&again, &sick), "open");
    let before = sick.seen();
    for _ in 0..10 {
        assert_eq!(get(again.at, "/x").status, 200);
    }
    assert_eq!(sick.seen(), before);
    well.sick.store(true, SeqCst);
    for _ in 0..3 {
        assert_eq!(get(again.at, "/x").status, 500);
    }
    assert_eq!(state(&again, &well), "closed", "the last one is never ejected");
}

#[test]
fn each_bad_value_is_one_line_with_its_place() {
    let (a, b) = ("\"http://127.0.0.1:1\"", "\"http://127.0.0.1:2\"");
    for (written, line, problem) in [
        (format!("upstream = {a}\nupstreams = [{b}]"), 5, "routes[0].upstreams is not accepted: a route has either"),
        (format!("upstreams = [{b}]\nupstream = {a}"), 5, "routes[0].upstream is not accepted: a route has either"),
        (String::new(), 3, "routes[0].upstream is missing"),
        ("max_ejected = 0.5".to_owned(), 3, "routes[0].upstream is missing"),
        ("upstreams = []".to_owned(), 4, "routes[0].upstreams has 0 elements; accepted: a list of at least one"),
        (format!("upstreams = {a}"), 4, "routes[0].upstreams is \"http://127.0.0.1:1\"; accepted: a list of"),
        (
            format!("upstreams = [{a}, {a}]"),
            4,
            "routes[0].upstreams is not accepted: http://127.0.0.1:1 is there twice",
        ),
        (format!("upstreams = [{a}, \"https://a\"]"), 4, "routes[0].upstreams[1] is \"https://a\"; accepted: http://"),
        (
            format!("upstreams = [{a}]\nmax_ejected = 1.5"),
            5,
            "routes[0].max_ejected is 1.5; accepted: a share in [0, 1]",
        ),
        (
            format!("upstreams = [{a}]\nmax_ejected = nan"),
            5,
            "routes[0].max_ejected is NaN; accepted: a share in [0, 1]",
        ),
        (format!("upstreams = [{a}]\nmax_ejected = \"x\""), 5, "routes[0].max_ejected is \"x\"; accepted:"),
        (
            format!("upstream = {a}\nmax_ejected = 0.5"),
            5,
            "routes[0].max_ejected is not accepted: max_ejected goes with",
        ),
        (format!("max_ejected = 0.5\nupstream = {a}"), 5, "routes[0].upstream is not accepted: max_ejected goes with"),
        (format!("upstreems = [{a}]"), 4, "routes[0].upstreems is unknown (did you mean \"upstreams\"?)"),
    ] {
        let file = File::new(&format!("policies.default = {{}}\n\n[[routes]]\n{written}\npath = \"/\"\n"));
        let output = run(&["--check", file.path()]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{written}");
        assert!(error.starts_with(&format!("gateway: {}:{line}: {problem}", file.path())), "{written}\n{error}");
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn check_shows_the_upstreams_and_the_share() {
    for (written, shown) in [("", "max_ejected = 0.5"), ("max_ejected = 1\n", "max_ejected = 1.0")] {
        let file = File::new(&format!(
            "policies.default = {{}}\n[[routes]]\npath = \"/\"\n{written}upstreams = [\"http://a:1\", \"http://b:2\"]\n"
        ));
        let output = run(&["--check", file.path()]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(&format!("upstreams = [\"http://a:1\", \"http://b:2\"]\n{shown}")), "{text}");
        let again = File::new(&text);
        assert!(run(&["--check", again.path()]).status.success());
    }
}
