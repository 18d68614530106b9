//! What only a real server shows.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use axum::serve::ListenerExt;
use tokio::net::TcpSocket;
use tower_breaker_axum::CircuitRoutes;

use crate::support::{Shown, TOKEN};

/// Serves on a thread of its own, until the end of the test.
fn serve(shown: &Shown) -> (tokio::runtime::Runtime, SocketAddr) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let at = listener.local_addr().unwrap();
    let app = shown.app.clone();
    runtime.spawn(async { axum::serve(listener, app).await });
    (runtime, at)
}

/// The status of the answer; the rest is read and thrown away.
fn status(at: SocketAddr, method: &str, path: &str) -> u16 {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    // It may answer and close before it has read all of this.
    let _ = stream.write_all(head.as_bytes());
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    std::str::from_utf8(&status[9..]).unwrap().parse().unwrap()
}

#[test]
fn a_path_of_100_000_characters_is_refused_and_the_next_request_answered() {
    let shown = Shown::commanded();
    let long = "x".repeat(100_000);
    let _ = (shown.circuits.get_or_create(&long), shown.circuits.get_or_create("db"));
    let (_runtime, at) = serve(&shown);
    for (method, path) in [
        ("GET", format!("/circuits/{long}")),
        ("POST", format!("/circuits/{long}/reset")),
        ("POST", format!("/circuits/db/force-open?set={long}")),
        ("GET", format!("/{long}")),
    ] {
        assert!(matches!(status(at, method, &path), 414 | 431), "{method}");
        assert_eq!(shown.state("db"), "closed enforce");
    }
    assert_eq!(status(at, "GET", "/circuits/db"), 200);
    assert_eq!(status(at, "POST", "/circuits/db/force-open"), 200);
    assert_eq!((shown.circuits.len(), shown.state("db").as_str()), (2, "open forced_open"));
    assert_eq!(status(at, "GET", "/circuits"), 200, "the long one is shown");
}

/// What the crate's documentation tells to set.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_never_reads_ends_where_the_server_sets_a_timeout() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    };

    struct Held(Arc<AtomicUsize>);
    impl Drop for Held {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }

    let circuits = tower_breaker_core::Circuits::new(tower_breaker_core::CircuitBreakerConfig::default());
    // Each look at them is one large message, so that buffers are soon full.
    (0..2_000).for_each(|number| drop(circuits.get_or_create(&format!("tenant-{number}"))));
    let app = CircuitRoutes::new().circuits(circuits.clone()).summary_every(Duration::from_millis(100)).into_router();
    let held = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&held);
    let app = app.layer(axum::middleware::map_response(move |response: axum::response::Response| {
        counted.fetch_add(1, SeqCst);
        let held = Held(Arc::clone(&counted));
        std::future::ready(response.map(|body| {
            // Goes with the connection that it is sent on.
            axum::body::Body::new(http_body_util::BodyExt::map_frame(body, move |frame| {
                let _ = &held;
                frame
            }))
        }))
    }));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(4_096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(16).unwrap();
    let at = listener.local_addr().unwrap();
    let listener = listener.tap_io(|stream| {
        let _ = socket2::SockRef::from(&*stream).set_tcp_user_timeout(Some(Duration::from_secs(1)));
    });
    tokio::spawn(async { axum::serve(listener, app).await });
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(at).await.unwrap();
    stream.writable().await.unwrap();
    stream.try_write(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    for (what, wanted) in [("it listens", 1), ("it is gone", 0)] {
        let mut patience = 2_000;
        while held.load(SeqCst) != wanted {
            patience -= 1;
            assert!(patience > 0, "in vain: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    drop(stream);
}
