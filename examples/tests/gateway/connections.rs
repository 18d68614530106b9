//! How many callers there may be at once.

use std::{
    fs,
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

use rustix::process::Signal;

use crate::{
    LAX,
    client::{Client, get},
    one_route,
    process::{File, Gateway, program},
    programs::ended,
    until,
    upstream::Upstream,
};

const ASK: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn one_more_than_there_may_be_gets_503_until_another_goes() {
    let upstream = Upstream::well();
    let gateway = Gateway::start_so(&one_route(&upstream, LAX), &["--max-connections=3"], &[]);
    gateway.line("callers  at most 3 connections at once");
    let mut taken: Vec<Client> = (0..3).map(|_| Client::connect(gateway.at)).collect();
    for client in &mut taken {
        client.send(ASK);
        assert_eq!(client.answer().status, 200);
    }
    for refused in 1..=5 {
        // With a request on its way, also a large one, the answer comes all the same.
        let mut client = Client::connect(gateway.at);
        client.send_what_is_taken(format!(
            "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{}",
            "x".repeat(100_000)
        ));
        let answer = client.answer();
        assert_eq!((answer.status, answer.head.get("retry-after").as_deref()), (503, Some("1")));
        assert_eq!(answer.head.get("content-type").as_deref(), Some("application/problem+json"));
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((&problem["status"], &problem["title"]), (&503.into(), &"Service Unavailable".into()));
        assert!(client.is_closed());
        assert_eq!(gateway.metric("gateway_connections_turned_away_total"), refused);
    }
    assert_eq!((gateway.metric("gateway_connections"), gateway.metric("gateway_connections_most")), (3, 3));
    gateway.line("3 connections are open, the most there may be; others get 503 (1 so far)");
    assert_eq!(upstream.seen().len(), 3);
    taken.pop().unwrap().hang_up();
    until("a place", || (gateway.metric("gateway_connections") == 2).then_some(()));
    assert_eq!(get(gateway.at, "/a").status, 200);
    for client in &mut taken {
        client.send(ASK);
        assert_eq!(client.answer().status, 200, "those who were there are not touched");
    }
}

#[test]
fn many_more_than_there_may_be_cost_neither_tasks_nor_connections() {
    let upstream = Upstream::well();
    let gateway = Gateway::start_so(&one_route(&upstream, LAX), &["--max-connections=1"], &[]);
    let mut taken = Client::connect(gateway.at);
    taken.send(ASK);
    assert_eq!(taken.answer().status, 200);
    let before = gateway.metric("gateway_tasks");
    // They come all at once, and do not go by themselves.
    gateway.signal(Signal::STOP);
    let crowd: Vec<Client> = (0..300).map(|_| Client::connect(gateway.at)).collect();
    gateway.signal(Signal::CONT);
    until("all turned away", || (gateway.metric("gateway_connections_turned_away_total") == 300).then_some(()));
    assert!(gateway.metric("gateway_tasks") < before + 80);
    until("their tasks ended", || (gateway.metric("gateway_tasks") <= before).then_some(()));
    drop(crowd);
    taken.send(ASK);
    assert_eq!(taken.answer().status, 200);
}

#[test]
fn a_burst_of_callers_waits_until_the_gateway_has_time_for_it() {
    const BURST: usize = 1_500;
    let most: usize = fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    if most < BURST {
        println!("not tried: this system lets {most} wait at most (net.core.somaxconn)");
        return;
    }
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    gateway.signal(Signal::STOP);
    let burst: Vec<_> = (0..BURST)
        .map(|_| TcpStream::connect_timeout(&gateway.at, Duration::from_secs(5)).expect("there is room to wait in"))
        .collect();
    gateway.signal(Signal::CONT);
    until("all taken", || (gateway.metric("gateway_connections") == BURST as u64).then_some(()));
    drop(burst);
}

/// Runs the gateway where only so many files may be open.
fn limited(files: u32, arguments: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]).arg(program()).args(arguments);
    shell.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).stdin(Stdio::null());
    shell
}

#[test]
fn there_are_never_more_callers_than_the_limit_of_open_files_has_room_for() {
    let file = File::new(&one_route(&Upstream::well(), LAX));
    let config = ["--config", file.path()];
    let gateway = Gateway::of(limited(220, &config));
    gateway.line("callers  at most 50 connections at once");
    let more = [&config[..], &["--max-connections", "101"]].concat();
    let output = ended(&mut limited(220, &more));
    let problem = "gateway: --max-connections is 101; the limit of 220 open files (ulimit -n) has room for 100 and the rest \
                   of the program\n";
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(1), problem));
}

#[test]
fn a_low_soft_limit_is_raised() {
    let file = File::new(&one_route(&Upstream::well(), LAX));
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -Sn 64; ulimit -Hn 420; exec \"$0\" \"$@\""]).arg(program());
    shell.args(["--config", file.path(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]).stdin(Stdio::null());
    let gateway = Gateway::of(shell);
    gateway.line("callers  at most 150 connections at once");
}
