//! What the program says, where nobody reads it and where strangers choose the words.

use std::{sync::PoisonError, time::Duration};

use rustix::process::Signal;

use crate::{client::Client, one_route, process::Gateway, until, upstream::Upstream};

/// Each value of the key has a circuit of its own, which opens with its first call.
const EACH_OPENS: &str = "failure_threshold = 1\nopen_duration = \"200s\"";
/// Far more lines than a pipe and a queue in front of it have room for.
const CALLERS: usize = 2500;

fn by_tenant(upstream: &Upstream) -> Gateway {
    Gateway::start(&one_route(upstream, EACH_OPENS).replace("upstream", "key = \"header:x-tenant\"\nupstream"))
}

/// Opens so many circuits, each with a long name.
fn open(gateway: &Gateway, circuits: usize) {
    let mut client = Client::connect(gateway.at);
    // None waits for whoever reads.
    client.patience(Duration::from_secs(10));
    for tenant in 0..circuits {
        client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\nX-Tenant: {tenant:0>120}\r\n\r\n"));
        assert_eq!(client.answer().status, 502, "{tenant}");
    }
}

/// How many circuits it has told of, and how many lines it says are missing.
fn told(lines: &[String]) -> (usize, usize) {
    let missing = lines.iter().filter_map(|line| line.strip_prefix("lines left out here, as nobody read them: "));
    let missing = missing.map(|count| count.parse::<usize>().unwrap()).sum();
    (lines.iter().filter(|line| line.contains(": closed -> open")).count(), missing)
}

#[test]
fn a_reader_who_stalls_holds_up_no_call_and_is_told_how_much_it_missed() {
    let gateway = by_tenant(&Upstream::dead());
    let unread = gateway.said();
    let stalled = unread.lock().unwrap_or_else(PoisonError::into_inner);
    open(&gateway, CALLERS);
    drop(stalled);
    until("every line is there or counted", || {
        let (there, missing) = told(&gateway.lines());
        // The one line about the upstream is among those that were said in time.
        (there + missing == CALLERS && missing > 0).then_some(())
    });
    let (there, missing) = told(&gateway.lines());
    assert!(there > 500, "{there} of them were kept, {missing} were not");
    // And more is said.
    gateway.reload(&one_route(&Upstream::dead(), EACH_OPENS));
}

#[test]
fn a_reader_who_stalls_does_not_keep_the_program_from_ending() {
    let mut gateway = by_tenant(&Upstream::dead());
    let unread = gateway.said();
    let stalled = unread.lock().unwrap_or_else(PoisonError::into_inner);
    open(&gateway, CALLERS);
    gateway.signal(Signal::TERM);
    assert_eq!(gateway.end().code(), Some(0));
    drop(stalled);
}

#[test]
fn what_waits_at_the_end_is_read_by_who_reads_on() {
    // More than a pipe has room for, and no more than may wait.
    const FEW: usize = 1000;
    let mut gateway = by_tenant(&Upstream::dead());
    let unread = gateway.said();
    let stalled = unread.lock().unwrap_or_else(PoisonError::into_inner);
    open(&gateway, FEW);
    gateway.signal(Signal::TERM);
    drop(stalled);
    assert_eq!(gateway.end().code(), Some(0));
    gateway.line("all requests have ended");
    assert_eq!(told(&gateway.lines()), (FEW, 0));
}

/// U+009B begins a command to a terminal, U+0085 ends a line, and U+202E turns round what stands behind it.
#[test]
fn a_hostile_name_is_text_where_it_is_printed() {
    let gateway = by_tenant(&Upstream::dead());
    let mut client = Client::connect(gateway.at);
    let hostile = "a\u{9b}2Jb\u{85}c\u{202e}d\u{2066}e\u{200f}f\u{feff}g\u{e0041}h\u{2028}i\u{ad}j";
    for tenant in [hostile, "\"Käse & 東京\" d'été \u{1f9c0}"] {
        client.send(format!("GET /a HTTP/1.1\r\nHost: a\r\nX-Tenant: {tenant}\r\n\r\n"));
        assert_eq!(client.answer().status, 502);
    }
    let escaped = r"a\u{9b}2Jb\u{85}c\u{202e}d\u{2066}e\u{200f}f\u{feff}g\u{e0041}h\u{2028}i\u{ad}j";
    gateway.line(&format!("/{{*rest}}#{escaped}: closed -> open"));
    gateway.line("/{*rest}#\"Käse & 東京\" d'été \u{1f9c0}: closed -> open");
}
