//! Callers who take their time, in every way there is.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::interval,
};

use crate::{
    PATIENCE,
    ground::{CALLERS, Ground},
    tally::{Seen, Tally},
    until_within,
};

/// Between two bytes.
const DRIP: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Head,
    Preface,
    Body,
    Silent,
    Reader,
}

const WAYS: [Way; 4] = [Way::Head, Way::Preface, Way::Body, Way::Silent];

/// Few who read slowly: each has the sockets of the system full of what it does not take.
const fn way(number: usize) -> Way {
    if number % 50 == 49 { Way::Reader } else { WAYS[number % WAYS.len()] }
}

pub(crate) fn callers(ground: &mut Ground, tally: &Tally) -> String {
    let (handle, to, crowd) = (ground.handle(), ground.gateway.at, ground.scale.crowd / 4);
    let before = tally.count(Seen::Real);
    let start = Instant::now();
    let over = Arc::new(AtomicBool::new(false));
    let mut slow = Vec::new();
    for number in 0..crowd {
        slow.push(handle.spawn(one(to, way(number), Arc::clone(&over))));
        ground.takes(number);
    }
    until_within(PATIENCE, "all of them", || {
        (ground.gateway.metric("gateway_connections") >= crowd as u64).then_some(())
    });
    // A connection that is told to end has a second for it; the rest is for a busy machine.
    let most = ground.scale.client_timeout + Duration::from_secs(20);
    until_within(most, "only the others", || {
        (ground.gateway.metric("gateway_connections") <= CALLERS as u64).then_some(())
    });
    let took = start.elapsed();
    over.store(true, SeqCst);
    let mut ended: BTreeMap<(Way, &'static str), u64> = BTreeMap::new();
    for one in slow {
        *ended.entry(handle.block_on(one).unwrap()).or_default() += 1;
    }
    // Those who call beside them are served all the while.
    let served = tally.count(Seen::Real) - before;
    assert!(served as f64 > 20.0 * took.as_secs_f64(), "{served} in {took:?}");
    tally.is_real_but_for_a_few();
    let ended: Vec<_> = ended.iter().map(|((way, how), count)| format!("{count} x {way:?} {how}")).collect();
    format!("{crowd} callers, all given up after {:.1} s: {}", took.as_secs_f64(), ended.join(", "))
}

/// One of them, until the gateway has had enough. How it ended.
async fn one(to: SocketAddr, way: Way, over: Arc<AtomicBool>) -> (Way, &'static str) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let (beginning, drip): (&[u8], &[u8]) = match way {
        Way::Head => (b"GET /free/a HTTP/1.1\r\nHost: a\r\nX: ", b"x"),
        Way::Preface => (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", b""),
        Way::Body => (b"PUT /free/a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n", b"x"),
        Way::Silent => (b"", b""),
        Way::Reader => (b"GET /free/large HTTP/1.1\r\nHost: a\r\n\r\n", b""),
    };
    if stream.write_all(beginning).await.is_err() {
        return (way, "cut off");
    }
    if way == Way::Reader {
        // A little now and then, also when the gateway has gone: there is a lot in the sockets.
        let mut some = [0; 32];
        let mut tick = interval(DRIP);
        while !over.load(SeqCst) {
            tick.tick().await;
            if stream.read(&mut some).await.unwrap_or(0) == 0 {
                return (way, "closed");
            }
        }
        return (way, "let go");
    }
    let (mut read, mut write) = stream.split();
    let dripping = async {
        let mut tick = interval(DRIP);
        loop {
            tick.tick().await;
            if write.write_all(drip).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = Vec::new();
    tokio::select! {
        _ = read.read_to_end(&mut answer) => {}
        () = dripping => {}
    }
    let how = if answer.starts_with(b"HTTP/1.1 408 ") { "408" } else { "closed" };
    assert!(way != Way::Body || how == "408", "{}", String::from_utf8_lossy(&answer));
    (way, how)
}
