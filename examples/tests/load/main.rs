//! The open-loop load as a program, against a service that is scripted.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod episodes;
#[path = "../programs/mod.rs"]
#[allow(dead_code, reason = "shared with the tests of other programs")]
mod programs;
#[path = "../../load/seen.rs"]
#[allow(dead_code, reason = "shared with the program")]
mod seen;
mod service;

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Command, Output, Stdio},
    sync::OnceLock,
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};
use service::{Act, Service};

fn load(arguments: &[&str]) -> Command {
    static PROGRAM: OnceLock<std::path::PathBuf> = OnceLock::new();
    let mut command = Command::new(PROGRAM.get_or_init(|| programs::program("load")));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    told(programs::ended(&mut load(arguments)))
}

/// Exit code, standard output, standard error.
fn told(output: Output) -> (i32, String, String) {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// How often this is in the summary.
fn count(report: &str, words: &str) -> u64 {
    let line = report.lines().find(|line| line.ends_with(&format!("%  {words}")));
    line.map_or(0, |line| line.trim().split(' ').next().unwrap().parse().unwrap())
}

/// The number between two texts.
fn between(report: &str, before: &str, after: &str) -> f64 {
    let found = report.split_once(before).and_then(|(_, rest)| rest.split_once(after));
    found.unwrap_or_else(|| panic!("{before}..{after} in {report}")).0.parse().unwrap()
}

/// The number before these words in a line, or none of it.
fn before(line: &str, words: &str) -> u64 {
    let found = line.split_once(words).and_then(|(before, _)| before.rsplit(' ').next());
    found.map_or(0, |number| number.parse().unwrap())
}

#[test]
fn each_mistake_in_arguments_is_one_line_and_exit_2() {
    let elsewhere = "is not this machine, and a load that does not wait for answers is an attack there; accepted: http:// and \
                     localhost, 127.0.0.1 or [::1], as in http://127.0.0.1:8080/orders";
    for (line, problem) in [
        ("", "there is no URL; such as: load http://127.0.0.1:8080/orders --rate 200 --seconds 30"),
        ("http://example.com/", &format!("\"example.com\" {elsewhere}")),
        ("http://10.0.0.1:80/", &format!("\"10.0.0.1\" {elsewhere}")),
        ("http://localhost.example.com/", &format!("\"localhost.example.com\" {elsewhere}")),
        ("http://127.0.0.1.example.com/", &format!("\"127.0.0.1.example.com\" {elsewhere}")),
        ("http://[::2]/", &format!("\"::2\" {elsewhere}")),
        ("http://127.0.0.1 --rate 0", "--rate is \"0\"; accepted: 1..=10000"),
        ("http://127.0.0.1 --seconds 3601", "--seconds is \"3601\"; accepted: 1..=3600"),
        ("http://127.0.0.1 --connections many", "--connections is \"many\"; accepted: 1..=10000"),
        (
            "http://127.0.0.1 --rate=9000 --seconds=3000",
            "9000 a second for 3000 s are 27000000 calls; accepted: 2000000 at most",
        ),
        ("http://127.0.0.1 --deadline 5", "--deadline is \"5\"; accepted: a time of 1ms to 1m, as in 500ms or 2s"),
        (
            "http://127.0.0.1 --header X",
            "--header is \"X\"; accepted: a name, a colon and a value, as in 'X-Tenant: a'",
        ),
        ("http://127.0.0.1 --rate", "--rate needs a value after it"),
        ("http://127.0.0.1 --rate 1 --rate 2", "--rate is given twice"),
        ("http://127.0.0.1 http://127.0.0.1", "\"http://127.0.0.1\" is a second URL; there is one"),
        ("http://127.0.0.1 --burst", "unknown argument \"--burst\"; --help lists what there is"),
    ] {
        let arguments: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(run(&arguments), (2, String::new(), format!("load: {problem}\n")), "{line}");
    }
    for url in ["https://127.0.0.1/", "127.0.0.1:80", "http://", "http://a:b@127.0.0.1/", "ftp://localhost"] {
        let (code, out, error) = run(&[url]);
        assert_eq!((code, out.as_str(), error.lines().count()), (2, "", 1), "{url}: {error}");
    }
}

#[test]
fn help_says_what_there_is_and_how_it_counts() {
    let (code, out, _) = run(&["--help"]);
    assert_eq!(code, 0);
    for part in ["--rate N", "--seconds N", "--connections N", "--deadline TIME", "counted from when it was\ndue"] {
        assert!(out.contains(part), "{part}");
    }
}

#[test]
fn where_nobody_listens_is_one_line_and_exit_1() {
    let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, out, error) = run(&[&format!("http://{at}/")]);
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(error.starts_with(&format!("load: nobody takes connections on {at}: ")), "{error}");
}

#[test]
fn an_outage_is_told_with_when_it_began_opened_and_was_over() {
    let service = Service::start(|number| match number {
        20..30 => Act::Status(500),
        30..50 => Act::Refuse,
        _ => Act::Status(200),
    });
    // With one call under way at once they end in the order in which they began.
    let arguments = ["--rate=40", "--seconds=5", "--connections=1"];
    let start = Instant::now();
    let (code, out, error) = run(&[&[&*service.url("localhost")], &arguments[..]].concat());
    let took = start.elapsed().as_secs_f64();
    assert_eq!((code, error.as_str()), (0, ""), "{out}");
    let (well, failed, refused, not_sent) = (
        count(&out, "200 OK"),
        count(&out, "500 Internal Server Error"),
        count(&out, "503 with Retry-After"),
        count(&out, "not sent: 1 were under way (--connections)"),
    );
    assert_eq!((well + not_sent, failed, refused), (170, 10, 20), "{out}");

    assert!(out.contains(" s: 10 failed, 20 refused\n"), "{out}");
    let failing = between(&out, "failing from ", " s, opened");
    let opened = between(&out, "opened at ", " s, recovered");
    let recovered = between(&out, "recovered at ", " s: ");
    assert!(failing <= opened && opened <= recovered, "{out}");
    // None began before it was due. How much later it ended is the machine's.
    for (is, due) in [(failing, 20.0 / 40.0), (opened, 30.0 / 40.0), (recovered, 50.0 / 40.0)] {
        assert!((due - 0.05..took).contains(&is), "{is} of {took} s for what was due at {due}: {out}");
    }

    // The lines of the seconds, however many, come to the same.
    let seconds: Vec<_> = out.lines().filter(|line| line.get(5..8) == Some(" s ")).collect();
    let all = |words: &str| seconds.iter().map(|line| before(line, words)).sum::<u64>();
    assert!(seconds.len() > 1, "{out}");
    assert_eq!([" ok", " failed", " refused", " not sent"].map(all), [well, failed, refused, not_sent], "{out}");
    for row in ["successes ", "refusals ", "failures "] {
        assert!(out.lines().any(|line| line.starts_with(row)), "{row} in {out}");
    }
}

/// The omission that others coordinate: a service that stands still is asked all the same, and every call of that time is late.
#[test]
fn answers_that_come_late_hold_up_no_call_and_are_late_by_when_they_were_due() {
    // The first is answered once the fiftieth has come, which is due after 0.98 s.
    let service = Service::start(|_| Act::Once(50));
    let (code, out, _) = run(&[&service.url("127.0.0.1"), "--rate=50", "--seconds=2", "--deadline=30s"]);
    assert_eq!((code, count(&out, "200 OK")), (0, 100), "{out}");
    // Half of the calls have waited half a second or more, or a little less: far more than one of a hundred.
    let row = out.lines().find(|line| line.starts_with("successes")).unwrap();
    let p90 = row.split_whitespace().collect::<Vec<_>>()[3..5].join(" ");
    let milliseconds = p90.strip_suffix(" ms").map(|it| it.parse().unwrap());
    let milliseconds = milliseconds.unwrap_or_else(|| p90.trim_end_matches(" s").parse::<f64>().unwrap() * 1_000.0);
    assert!(milliseconds > 600.0, "{p90}: {out}");
}

#[test]
fn what_would_be_one_too_many_is_counted_and_not_sent() {
    let service = Service::start(|_| Act::Hang);
    let arguments = ["--rate", "50", "--seconds", "1", "--connections", "3", "--deadline", "1m"];
    let mut child = load(&[&[&*service.url("127.0.0.1")], &arguments[..]].concat());
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // Each line of a second says how many they were.
    let mut not_sent = 0;
    while not_sent < 47 {
        not_sent += before(&lines.next().expect("more lines"), " not sent");
    }
    service.wait_for(3);
    // Nobody has answered yet, and nobody will: Ctrl-C has the report.
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let report = lines.collect::<Vec<_>>().join("\n");
    let (code, _, error) = told(child.wait_with_output().unwrap());
    assert_eq!((code, error.as_str()), (0, ""), "{report}");
    assert_eq!(count(&report, "not sent: 3 were under way (--connections)"), 47, "{report}");
    assert_eq!(count(&report, "still under way"), 3, "it does not wait for the deadline: {report}");
    assert_eq!((not_sent, service.asked()), (47, 3));
}

#[test]
fn each_way_to_fail_is_told_apart_and_4xx_are_none() {
    let service = Service::start(|number| match number % 6 {
        0 => Act::Hang,
        1 => Act::Cut,
        2 => Act::Close,
        3 => Act::Status(404),
        4 => Act::Status(503),
        _ => Act::Status(201),
    });
    let arguments = ["--rate=60", "--seconds=1", "--deadline=4s", "--method=POST", "--body=some", "--header=X-A: b"];
    let (code, out, _) = run(&[&[&*service.url("127.0.0.1")], &arguments[..]].concat());
    assert_eq!(code, 0, "{out}");
    let words = [
        "no answer by the deadline",
        "the answer broke off",
        "no answer: the connection ended",
        "404 Not Found",
        "503 Service Unavailable",
        "201 Created",
    ];
    for words in words {
        assert_eq!(count(&out, words), 10, "{words}: {out}");
    }
    // Those by the deadline are seconds after the others, and told apart from them.
    let episodes = || out.lines().filter(|line| line.ends_with(" failed") && line.contains("never opened"));
    assert_eq!(episodes().map(|line| before(line, " failed")).sum::<u64>(), 40, "{out}");
    let head = service.head();
    for part in ["POST /it?x=1 HTTP/1.1", "x-a: b", "content-length: 4", &format!("host: {}", service.at())] {
        assert!(head.contains(part), "{part} in {head}");
    }
}
