//! As many connections as there may be, and then some.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    callers::caller,
    ground::{CALLERS, Ground},
    tally::{Seen, Tally},
    until, until_within,
};

/// So many more than there may be.
const MORE: usize = 200;

pub(crate) fn comes_and_goes(ground: &mut Ground, _: &Tally) -> String {
    let (handle, to, pause) = (ground.handle(), ground.gateway.at, ground.scale.pause);
    let (over, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
    let start = Instant::now();
    let mut crowd = Vec::new();
    for number in 0..ground.scale.crowd - CALLERS {
        crowd.push(handle.spawn(caller(to, number, pause, Arc::clone(&tally), Arc::clone(&over))));
        ground.takes(number);
    }
    let all = ground.scale.crowd as u64;
    let all_there = || (ground.gateway.metric("gateway_connections") == all).then_some(());
    until_within(Duration::from_secs(60), "all of them", all_there);
    let came = start.elapsed();
    let turned_away = ground.gateway.metric("gateway_connections_turned_away_total");
    let more: Vec<_> = (0..MORE).map(|_| handle.spawn(one_more(to))).collect();
    let told = more.into_iter().map(|one| handle.block_on(one).unwrap()).filter(|told| *told).count();
    let turned_away = ground.gateway.metric("gateway_connections_turned_away_total") - turned_away;
    // Each of them has called at least twice.
    let enough = 2 * all;
    until_within(pause * 4 + Duration::from_secs(30), "their calls", || {
        (tally.count(Seen::Real) > enough).then_some(())
    });
    thread::sleep(ground.scale.trouble);
    until("all of them, still", all_there);
    over.store(true, SeqCst);
    for one in crowd {
        handle.block_on(one).unwrap();
    }
    let seen = tally.get().seen.clone();
    assert!(seen.keys().all(|seen| matches!(seen, Seen::Real | Seen::Own(503 | 504))), "{seen:?}");
    assert_eq!(turned_away, MORE as u64);
    assert!(told > 0);
    format!(
        "{all} connections in {:.1} s, whose callers saw {seen:?}; of {MORE} more {told} were told 503, and the others cut off",
        came.as_secs_f64()
    )
}

/// Whether it was told that there is no place; or else it was cut off.
async fn one_more(to: std::net::SocketAddr) -> bool {
    let mut answer = Vec::new();
    let Ok(mut stream) = TcpStream::connect(to).await else { return false };
    let _ = stream.write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 503 "), "{}", String::from_utf8_lossy(&answer));
    !answer.is_empty()
}
