//! Requests and answers that two parsers could read differently: each is refused, or passed on in a form that has one
//! reading. A second request hidden in one of them never reaches the upstream.

use crate::{LAX, client::Client, one_route, process::Gateway, upstream::Upstream};

/// What follows a request that is refused, and must not be read as one.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n";

/// Sends this with a hidden request behind it: it is answered 400, the connection ends, and nothing is passed on.
#[track_caller]
fn refused(gateway: &Gateway, upstream: &Upstream, request: &str) {
    let mut client = Client::connect(gateway.at);
    client.send(format!("{request}{HIDDEN}"));
    assert_eq!(client.answer().status, 400, "{request:?}");
    assert!(client.is_closed(), "{request:?}");
    assert_eq!(upstream.seen().len(), 0, "{request:?}");
}

#[test]
fn lengths_that_contradict_each_other_are_refused() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for lengths in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length:\r\n",
    ] {
        refused(&gateway, &upstream, &format!("POST /a HTTP/1.1\r\nHost: a\r\n{lengths}\r\nhello"));
    }
}

#[test]
fn an_encoding_that_does_not_say_where_the_body_ends_is_refused() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for encoding in ["chunked, identity", "xchunked", "identity", "chunked, gzip", "\u{b}chunked"] {
        let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {encoding}\r\n\r\n");
        refused(&gateway, &upstream, &format!("{head}0\r\n\r\n"));
    }
    refused(&gateway, &upstream, "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

/// Where the body ends is plain; but what it is would be lost, as no more than the chunks is undone here.
#[test]
fn a_coding_beside_chunks_is_501_and_not_lost() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for codings in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: gzip;q=1, Chunked",
        "Transfer-Encoding: \u{fc}\r\nTransfer-Encoding: chunked",
    ] {
        let mut client = Client::connect(gateway.at);
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{codings}\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
        assert_eq!(client.answer().status, 501, "{codings}");
        assert!(upstream.seen().is_empty(), "{codings}");
    }
    for codings in ["chunked", "CHUNKED", ", chunked"] {
        let mut client = Client::connect(gateway.at);
        let head = format!("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {codings}\r\n\r\n");
        client.send(format!("{head}5\r\nhello\r\n0\r\n\r\n"));
        assert_eq!(client.answer().status, 200, "{codings}");
    }
}

#[test]
fn an_upstreams_answer_in_a_coding_beside_chunks_is_502_and_its_failure() {
    let upstream = Upstream::start(|exchange| {
        let codings = match exchange.path() {
            "/one-field" => "Transfer-Encoding: gzip, chunked",
            "/two-fields" => "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            "/last" => "Transfer-Encoding: chunked, gzip",
            _ => "Transfer-Encoding: gzip",
        };
        exchange.send(&format!("HTTP/1.1 200 OK\r\n{codings}\r\n\r\n4\r\nwell\r\n0\r\n\r\n"));
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for (index, path) in ["/one-field", "/two-fields", "/last", "/alone"].into_iter().enumerate() {
        assert_eq!(crate::client::get(gateway.at, path).status, 502, "{path}");
        assert_eq!(gateway.circuit("/{*rest}")["failure_count"], index + 1, "{path}");
    }
}

#[test]
fn folded_and_misspelt_fields_are_refused() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for fields in [
        "X-Folded: a\r\n b\r\n",
        "X-Folded: a\r\n\tContent-Length: 5\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X-Split: a\rContent-Length: 5\r\n",
        "X-Zero: a\0b\r\n",
        "X Space: a\r\n",
        "no field at all\r\n",
    ] {
        refused(&gateway, &upstream, &format!("GET /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    }
}

/// Where it ends is plain, so that the connection may go on; it is the request itself that is not passed on.
#[test]
fn a_second_host_is_refused() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        for hosts in ["Host: a\r\nHost: b\r\n", "Host: a\r\nhost: a\r\n", "Host: a\r\nX: y\r\nHOST: b\r\n"] {
            let mut client = Client::connect(gateway.at);
            client.send(format!("GET /a {version}\r\n{hosts}\r\n"));
            assert_eq!(client.answer().status, 400, "{version} {hosts:?}");
            assert!(upstream.seen().is_empty(), "{version} {hosts:?}");
        }
    }
}

/// It goes on as `X-Forwarded-Host`, of which services make links and choose tenants.
#[test]
fn a_host_that_is_none_is_refused() {
    let upstream = Upstream::well();
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let ask = |target: &str, host: &str, version: &str| {
        let mut client = Client::connect(gateway.at);
        client.send(format!("GET {target} {version}\r\nHost: {host}\r\n\r\n"));
        client.answer().status
    };
    let bad = ["a b/../c@d", "a b", "a/b", "a?b", "a#b", "http://a", "user@a", "user:word@a", "a:b", "a:80:81", "a:-1"];
    for host in bad
        .into_iter()
        .chain(["a:65536", "a:+80", ":80", "", "[::1", "[::1]80", "::1", "a, b", "\u{fc}", "a\\b", "<a>"])
    {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            assert_eq!(ask("/a", host, version), 400, "{version} {host:?}");
        }
    }
    assert_eq!(ask("http://user:word@a/a", "a", "HTTP/1.1"), 400);
    assert!(upstream.seen().is_empty(), "{:?}", upstream.seen());
    let good =
        ["a", "A.example", "a:80", "a:", "127.0.0.1:8080", "[::1]", "[::1]:80", "a_b.c-d", "xn--tst-qla.example"];
    for host in good {
        assert_eq!(ask("/a", host, "HTTP/1.1"), 200, "{host:?}");
        assert_eq!(upstream.seen().last().unwrap().get("x-forwarded-host").as_deref(), Some(host));
    }
}

/// Chunks win over a length, and only they go on: one request arrives, with one way to read it.
#[test]
fn of_chunks_and_a_length_only_the_chunks_go_on() {
    let upstream = Upstream::start(|exchange| {
        let body = String::from_utf8(exchange.body()).unwrap();
        exchange.reply("200 OK", &body);
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let both = ["Content-Length: 44\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 4"];
    for (index, fields) in both.into_iter().enumerate() {
        let mut client = Client::connect(gateway.at);
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
        assert_eq!(client.answer().body, b"hello");
        let seen = upstream.seen();
        assert_eq!(seen.len(), index + 1);
        let head = &seen[index];
        assert_eq!(head.get("transfer-encoding").as_deref(), Some("chunked"), "{head:?}");
        assert_eq!(head.get("content-length"), None, "{head:?}");
    }
}

#[test]
fn a_chunk_without_a_true_size_ends_the_request() {
    let upstream = Upstream::start(|exchange| {
        exchange.body();
        exchange.wait_for_the_end();
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for chunks in
        ["5x\r\nhello\r\n0\r\n\r\n", "-1\r\nhello\r\n", "ffffffffffffffff1\r\nhello\r\n", "5\r\nhelloworld\r\n"]
    {
        let mut client = Client::connect(gateway.at);
        let head = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(format!("{head}{chunks}{HIDDEN}"));
        let status = client.try_answer().map(|answer| answer.status);
        assert!(!matches!(status, Ok(200..=399)), "{chunks:?}: {status:?}");
        assert!(upstream.seen().iter().all(|head| head.start == "POST /a HTTP/1.1"), "{chunks:?}");
    }
}

#[test]
fn trailers_become_no_fields_and_have_an_end() {
    let upstream = Upstream::start(|exchange| {
        let body = String::from_utf8(exchange.body()).unwrap();
        exchange.reply("200 OK", &body);
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    let head = "POST /a HTTP/1.1\r\nHost: a\r\nTrailer: Content-Length, Host\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut client = Client::connect(gateway.at);
    client.send(format!("{head}5\r\nhello\r\n0\r\nContent-Length: 0\r\nHost: b\r\nX-Admin: yes\r\n\r\n"));
    assert_eq!(client.answer().body, b"hello");
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!((seen[0].get("content-length"), seen[0].get("x-admin")), (None, None), "{seen:?}");
    assert_eq!(seen[0].get("x-forwarded-host").as_deref(), Some("a"));

    let mut client = Client::connect(gateway.at);
    client.send(format!("{head}5\r\nhello\r\n0\r\n"));
    // It may hang up while it is sent to.
    client.send_what_is_taken("X-More: of it\r\n".repeat(100_000));
    let status = client.try_answer().map(|answer| answer.status);
    assert!(!matches!(status, Ok(200..=399)), "{status:?}");
}

/// What `Connection` names stays behind: naming the length or the host must not change what is sent.
#[test]
fn a_connection_field_that_names_the_framing_changes_none_of_it() {
    let upstream = Upstream::start(|exchange| {
        let body = String::from_utf8(exchange.body()).unwrap();
        exchange.reply("200 OK", &body);
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for named in ["content-length", "host", "keep-alive, Content-Length, Host"] {
        let mut client = Client::connect(gateway.at);
        let fields = format!("Connection: {named}\r\nContent-Length: {}", HIDDEN.len());
        client.send(format!("POST /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{HIDDEN}"));
        assert_eq!(client.answer().body, HIDDEN.as_bytes(), "{named}");
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 3, "{seen:?}");
    for head in seen {
        assert_eq!(head.start, "POST /a HTTP/1.1");
        assert_eq!(head.fields.iter().filter(|(name, _)| name == "host").count(), 1, "{head:?}");
    }
}

#[test]
fn an_upstreams_answer_with_two_readings_is_502() {
    let upstream = Upstream::start(|exchange| {
        let fields = match exchange.path() {
            "/lengths" => "Content-Length: 4\r\nContent-Length: 5",
            "/folded" => "X-Folded: a\r\n b\r\nContent-Length: 4",
            _ => "X-Split: a\rSet-Cookie: b\r\nContent-Length: 4",
        };
        exchange.send(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nwell"));
        exchange.keep = false;
    });
    let gateway = Gateway::start(&one_route(&upstream, LAX));
    for path in ["/lengths", "/folded", "/split"] {
        assert_eq!(crate::client::get(gateway.at, path).status, 502, "{path}");
    }
}

/// Line breaks that a caller writes in escapes stay escapes, upstream and in whatever the gateway answers itself.
#[test]
fn no_answer_is_split_by_what_a_caller_sends() {
    let upstream = Upstream::start(|exchange| exchange.reply("500 Internal Server Error", ""));
    let routes =
        one_route(&upstream, "failure_threshold = 1").replace("upstream", "key = \"header:x-tenant\"\nupstream");
    let gateway = Gateway::start(&routes);
    let path = "/a%0d%0aSet-Cookie:%20b?c=%0d%0a%0d%0a";
    let statuses = [500, 503];
    for status in statuses {
        let mut client = Client::connect(gateway.at);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\nX-Tenant: %0d%0aSet-Cookie: b\r\n\r\n"));
        let answer = client.answer();
        assert_eq!(answer.status, status);
        assert_eq!(answer.head.get("set-cookie"), None, "{answer:?}");
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].start, format!("GET {path} HTTP/1.1"));
}
