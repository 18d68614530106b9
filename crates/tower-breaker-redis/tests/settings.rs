//! What needs no server.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tower_breaker_core::{CircuitBreakerConfig, Circuits};
use tower_breaker_redis::{Fleet, FleetBuilder, FleetEvent, FleetState};

fn circuits() -> Circuits {
    Circuits::new(CircuitBreakerConfig::default())
}

/// What is wrong with a fleet, which a check says as well as a start, in parts as well as whole.
fn refused(builder: FleetBuilder) -> String {
    let wrong = builder.check().expect_err("not to be");
    assert_eq!(builder.start(&circuits()).expect_err("not to be"), wrong);
    let whole = wrong.to_string();
    assert_eq!(format!("{} is {}; accepted: {}", wrong.field(), wrong.value(), wrong.accepted()), whole);
    whole
}

const LOCAL: &str = "redis://127.0.0.1:1";

#[tokio::test]
async fn a_setting_outside_its_range_is_an_error_that_names_it() {
    let ms = Duration::from_millis;
    let fleet = || Fleet::builder(LOCAL);
    assert_eq!(refused(fleet().interval(ms(10))), "interval is 10ms; accepted: 50ms..=60s");
    assert_eq!(refused(fleet().interval(Duration::MAX)).split(' ').next(), Some("interval"));
    assert_eq!(refused(fleet().timeout(Duration::ZERO)), "timeout is 0ns; accepted: 5ms..=60s");
    assert_eq!(refused(fleet().quorum(0)), "quorum is 0; accepted: 1..=64 instances");
    assert_eq!(refused(fleet().quorum(65)), "quorum is 65; accepted: 1..=64 instances");
    assert_eq!(refused(fleet().lease(ms(2_999))), "lease is 2.999s; accepted: 3s..=600s");
    assert_eq!(refused(fleet().window(ms(999))), "window is 999ms; accepted: 1s..=600s");
    assert_eq!(refused(fleet().expiry(ms(19_999))), "expiry is 19.999s; accepted: 20s..=604800s");
    for prefix in ["", "a b", "{a}", &"x".repeat(65)] {
        let error = refused(fleet().prefix(prefix));
        assert!(error.starts_with(&format!("prefix is {prefix:?}; accepted: ")), "{error}");
    }
}

#[tokio::test]
async fn a_url_that_is_none_is_an_error_that_says_what_would_be() {
    for url in
        ["", "127.0.0.1:6379", "http://127.0.0.1", "redis://", "redis://127.0.0.1/notadb", "redis://127.0.0.1:port"]
    {
        let error = refused(Fleet::builder(url));
        assert!(error.starts_with("url is ") && error.contains("redis://[user:password@]host"), "{url}: {error}");
    }
}

#[tokio::test]
async fn no_error_shows_a_password() {
    let urls = ["redis://me:secret@127.0.0.1/notadb", "me:secret@127.0.0.1", "redis+sentinel://me:secret@127.0.0.1"];
    for url in urls {
        let error = refused(Fleet::builder(url));
        assert!(!error.contains("secret"), "{error}");
        assert!(!format!("{:?}", Fleet::builder(url)).contains("secret"));
    }
}

#[tokio::test]
async fn a_url_of_a_feature_that_is_off_names_the_feature() {
    for (url, feature, on) in [
        ("rediss://127.0.0.1", "tls-rustls", cfg!(feature = "tls-rustls")),
        ("redis+cluster://127.0.0.1:7000", "cluster", cfg!(feature = "cluster")),
        ("redis+sentinel://127.0.0.1:26379/master", "sentinel", cfg!(feature = "sentinel")),
    ] {
        match Fleet::builder(url).start(&circuits()) {
            Ok(_) => assert!(on, "{url}"),
            Err(error) => assert!(!on && error.to_string().contains(&format!("feature `{feature}`")), "{error}"),
        }
    }
}

#[test]
fn each_state_of_a_fleet_has_its_word_for_logs_and_metrics() {
    let states = [FleetState::Closed, FleetState::Open, FleetState::ForcedOpen, FleetState::ForcedClosed];
    assert_eq!(states.map(FleetState::as_str), ["closed", "open", "forced_open", "forced_closed"]);
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let error = Fleet::builder(LOCAL).start(&circuits()).expect_err("not to be");
    assert!(error.to_string().starts_with("runtime is "), "{error}");
}

/// Its seed is the time, which two processes that are started together may share.
#[tokio::test]
async fn the_name_of_an_instance_is_its_own_whatever_fastrand_draws() {
    let [one, other] = [(); 2].map(|()| {
        fastrand::seed(7);
        Fleet::builder(LOCAL).start(&circuits()).expect("a fleet")
    });
    assert_ne!(one.instance(), other.instance());
    assert!(one.instance().len() == 16 && one.instance().bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[tokio::test]
async fn what_is_no_redis_is_said_once_and_circuits_go_on() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
        }
    });
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let circuits = circuits();
    let fleet = Fleet::builder(url)
        .interval(Duration::from_millis(50))
        .on_event(move |event| seen.lock().expect("whole").push(event.clone()))
        .start(&circuits)
        .expect("a fleet");
    while fleet.status().failed < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!fleet.connected());
    assert!(fleet.status().reason.is_some_and(|reason| reason.starts_with("redis at 127.0.0.1:")));
    assert!(circuits.get_or_create("a").call(|| Ok::<_, ()>(())).is_ok());
    fleet.shutdown().await;
    let events = Arc::into_inner(events).expect("the task is over, and nobody tells it more");
    let events = events.into_inner().expect("whole");
    assert!(matches!(&events[..], [FleetEvent::Away { .. }]), "{events:?}");
}

/// The number in the next line, after its sign.
async fn number(from: &mut (impl AsyncBufRead + Unpin)) -> Option<usize> {
    let mut line = String::new();
    from.read_line(&mut line).await.ok()?;
    line.trim_end().get(1..)?.parse().ok()
}

/// The words of the next command.
async fn command(from: &mut (impl AsyncBufRead + Unpin)) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for _ in 0..number(from).await? {
        let mut word = vec![0; number(from).await? + 2];
        from.read_exact(&mut word).await.ok()?;
        words.push(String::from_utf8_lossy(&word).trim_end().to_owned());
    }
    Some(words)
}

#[tokio::test]
async fn what_a_busy_redis_refused_is_not_sent_a_second_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("redis://{}", listener.local_addr().expect("bound"));
    let run = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&run);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut stream = BufStream::new(stream);
            while let Some(words) = command(&mut stream).await {
                let runs = words[0].starts_with("EVAL");
                seen.lock().expect("whole").extend(runs.then(|| words[0].clone()));
                let answer = if runs { "-BUSY with another script\r\n" } else { "+OK\r\n" };
                stream.write_all(answer.as_bytes()).await.expect("it listens");
                stream.flush().await.expect("it listens");
            }
        }
    });
    let fleet = Fleet::builder(url).interval(Duration::from_millis(50)).start(&circuits()).expect("a fleet");
    while fleet.status().failed < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    fleet.shutdown().await;
    let run = run.lock().expect("whole");
    assert!(run.len() >= 2 && run.iter().all(|verb| verb == "EVALSHA"), "{run:?}");
}

#[tokio::test]
async fn a_fleet_that_fails_waits_for_its_interval_before_it_tries_again() {
    let fleet = Fleet::builder(LOCAL).interval(Duration::from_secs(60)).start(&circuits()).expect("a fleet");
    while fleet.status().failed == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100_000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(fleet.status().failed, 1);
}

/// This program installs no cryptography for rustls, which panics then.
#[cfg(feature = "tls-rustls")]
#[tokio::test]
async fn tls_without_cryptography_is_said_and_does_not_end_the_task() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("rediss://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let fleet = Fleet::builder(url).interval(Duration::from_millis(50)).start(&circuits()).expect("a fleet");
    while fleet.status().failed < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let reason = fleet.status().reason.expect("a reason");
    assert!(reason.contains("CryptoProvider"), "{reason}");
}
