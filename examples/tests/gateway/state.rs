//! `--state FILE`: what the circuits know outlives the program.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::MetadataExt,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    client::get,
    one_route,
    process::{File, Gateway, program, run},
    programs,
    redis::held_port,
    until,
    upstream::Upstream,
};

const BREAKER: &str =
    "failure_threshold = 2\nfailure_rate_threshold = false\nopen_duration = \"200s\"\nmax_open_duration = \"300s\"";

/// Circuits of keys, as many as take some time to write.
const MANY: u32 = 10_000;

struct Kept(File);

impl Kept {
    fn new() -> Self {
        let file = File::new("");
        std::fs::remove_file(file.path()).unwrap();
        Self(file)
    }

    fn start(&self, routes: &File) -> Gateway {
        Gateway::with(&self.arguments(routes))
    }

    fn arguments<'a>(&'a self, routes: &'a File) -> [&'a str; 8] {
        let (routes, state) = (routes.path(), self.0.path());
        ["--config", routes, "--state", state, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    }

    /// How many there are whose names begin with its own.
    fn files(&self) -> usize {
        let (folder, name) = self.0.path().rsplit_once('/').unwrap();
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|other| other.starts_with(name)).count()
    }

    fn text(&self, what: &str) -> String {
        std::fs::read_to_string(format!("{}{what}", self.0.path())).unwrap_or_default()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        for ending in ["keyed", "endpoints"] {
            let _ = std::fs::remove_file(format!("{}.{ending}", self.0.path()));
        }
    }
}

fn remaining(circuit: &serde_json::Value) -> f64 {
    circuit["remaining_seconds"].as_f64().unwrap_or_else(|| panic!("{circuit}"))
}

#[test]
fn an_open_circuit_waits_only_the_rest_after_a_restart_and_after_a_kill() {
    let upstream = Upstream::start(|exchange| exchange.reply("500 Internal Server Error", ""));
    let (kept, routes) = (Kept::new(), File::new(&one_route(&upstream, BREAKER)));
    let mut gateway = kept.start(&routes);
    for _ in 0..2 {
        assert_eq!(get(gateway.at, "/x").status, 500);
    }
    let name = gateway.health()["all_circuits"][0]["name"].as_str().unwrap().to_owned();
    assert_eq!(gateway.circuit(&name)["state"], "open");
    gateway.signal(Signal::TERM);
    assert!(gateway.end().success());

    let again = kept.start(&routes);
    again.line("state    1 circuits from ");
    let left = remaining(&again.circuit(&name));
    assert!((100.0..200.0).contains(&left), "{left} s of 200");
    assert_eq!(get(again.at, "/x").status, 503);
    drop(again);

    // Killed, it had been written when the circuit opened.
    let third = kept.start(&routes);
    let later = remaining(&third.circuit(&name));
    assert!(later <= left && later > 100.0, "{later} s after {left}");
    assert_eq!(upstream.seen().len(), 2);
}

#[test]
fn a_circuit_that_opens_is_written_within_moments() {
    let upstream = Upstream::start(|exchange| exchange.reply("500 Internal Server Error", ""));
    let routes = one_route(&upstream, BREAKER).replace("[[routes]]\n", "[[routes]]\nkey = \"header:x-tenant\"\n");
    let (kept, routes) = (Kept::new(), File::new(&routes));
    let gateway = kept.start(&routes);
    assert_eq!(kept.text(".keyed").matches("\"state\"").count(), 0);
    for _ in 0..2 {
        assert_eq!(get(gateway.at, "/x").status, 500);
    }
    until("it is written", || kept.text(".keyed").contains("\"open\"").then_some(()));
    drop(gateway);
    let again = kept.start(&routes);
    assert_eq!(get(again.at, "/x").status, 503);
    let circuit = again.health()["all_circuits"][0].clone();
    assert!(remaining(&circuit) > 100.0, "its wait is cut to the cap of its own policy: {circuit}");
}

#[test]
fn a_damaged_state_file_is_one_line_and_stays_as_it_was() {
    let upstream = Upstream::start(|exchange| exchange.reply("200 OK", ""));
    let (kept, routes) = (Kept::new(), File::new(&one_route(&upstream, BREAKER)));
    kept.0.write("{\"version\":1,\"circ");
    let output = run(&kept.arguments(&routes));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.starts_with(&format!("gateway: state file {} is damaged: ", kept.0.path())), "{error}");
    assert_eq!((error.lines().count(), kept.text("").as_str()), (1, "{\"version\":1,\"circ"));
}

#[test]
fn a_state_file_that_cannot_be_written_is_said_at_the_start() {
    let upstream = Upstream::start(|exchange| exchange.reply("200 OK", ""));
    let routes = File::new(&one_route(&upstream, BREAKER));
    let ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
    let output = run(&[&["--config", routes.path(), "--state", "/nowhere/at/all"], &ports[..]].concat());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with("gateway: state file /nowhere/at/all cannot be written: "), "{error}");
}

/// A state in which that many circuits are open, and the routes they are of.
fn many_open(kept: &Kept, upstream: &Upstream) -> File {
    let circuit = |tenant: u32| {
        format!(
            "{{\"name\":\"/{{*rest}}#{tenant:0>240}\",\"state\":\"open\",\"opens_in_row\":1,\"remaining\":\"200s\"}}"
        )
    };
    let circuits: Vec<String> = (0..MANY).map(circuit).collect();
    let text = format!("{{\"version\":1,\"stamped\":\"0s\",\"circuits\":[{}]}}", circuits.join(","));
    std::fs::write(format!("{}.keyed", kept.0.path()), text).unwrap();
    File::new(&one_route(upstream, BREAKER).replace("upstream", "key = \"header:x-tenant\"\nupstream"))
}

/// Made so that the save at the start is still under way: it has much to write, and the last one next to nothing.
#[test]
fn the_last_save_comes_after_the_one_under_way() {
    let (kept, upstream) = (Kept::new(), Upstream::well());
    let routes = many_open(&kept, &upstream);
    let mut gateway = kept.start(&routes);
    // Once the first file is written again the keyed ones are next, and take a while. It may have been before this looks.
    let number = || std::fs::metadata(kept.0.path()).unwrap().ino();
    let (first, begun) = (number(), Instant::now());
    until("it writes", || (number() != first || begun.elapsed() > Duration::from_secs(1)).then_some(()));
    // Without the route their circuits go.
    routes.write(&one_route(&upstream, BREAKER).replace("/{*rest}", "/another"));
    gateway.signal(Signal::HUP);
    gateway.line("is in force");
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.end().code(), Some(0));
    let text = kept.text(".keyed");
    assert_eq!(text.matches("\"name\"").count(), 0, "{} bytes", text.len());
    assert_eq!(kept.files(), 3, "nothing half written is left");
}

/// Each circuit that is open again is a line, and that is more than may wait.
#[test]
fn who_reads_late_finds_the_addresses_all_the_same() {
    let (kept, upstream) = (Kept::new(), Upstream::well());
    let routes = many_open(&kept, &upstream);
    let (admin, _held) = held_port();
    let admin = admin.to_string();
    let arguments = ["--config", routes.path(), "--state", kept.0.path(), "--listen", "127.0.0.1:0", "--admin", &admin];
    let mut child = Command::new(program()).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    until("it answers", || {
        let mut client = TcpStream::connect(&admin).ok()?;
        client.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        write!(client, "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n").ok()?;
        client.read_exact(&mut [0; 8]).ok()
    });
    let mut said = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    while !said.contains("\nroute    ") {
        assert!(lines.read_line(&mut said).unwrap() > 0, "it ended: {said}");
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
    programs::in_order(
        &said,
        &["lines left out here", "\nstate    10000 circuits from", "\nproxy    http", "\nroute    "],
    );
}
