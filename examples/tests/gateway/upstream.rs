//! An upstream that answers byte for byte what a test tells it to.

use std::{
    io::{BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use crate::client::{Head, chunk};

/// Listens on a port of its own, for the rest of the test.
pub(crate) struct Upstream {
    at: SocketAddr,
    seen: Arc<Mutex<Vec<Head>>>,
}

/// One request, and the connection to answer it on.
pub(crate) struct Exchange {
    pub(crate) head: Head,
    stream: BufReader<TcpStream>,
    /// Ask for another request on this connection.
    pub(crate) keep: bool,
}

impl Exchange {
    pub(crate) fn path(&self) -> &str {
        self.head.start.split(' ').nth(1).unwrap()
    }

    pub(crate) fn body(&mut self) -> Vec<u8> {
        self.head.body(&mut self.stream).unwrap()
    }

    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        chunk(&mut self.stream).unwrap()
    }

    pub(crate) fn send(&mut self, bytes: &str) {
        // The gateway may have gone away: that is for the test to see.
        let _ = self.stream.get_mut().write_all(bytes.as_bytes());
    }

    /// An answer with a length.
    pub(crate) fn reply(&mut self, status: &str, body: &str) {
        self.send(&format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    /// Waits for the other side to close the connection.
    pub(crate) fn wait_for_the_end(&mut self) {
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
    }
}

impl Upstream {
    pub(crate) fn start(answer: impl Fn(&mut Exchange) + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(crate) fn on(listener: TcpListener, answer: impl Fn(&mut Exchange) + Send + Sync + 'static) -> Self {
        let at = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (noted, answer) = (Arc::clone(&seen), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (noted, answer) = (Arc::clone(&noted), Arc::clone(&answer));
                thread::spawn(move || {
                    let mut stream = Some(BufReader::new(stream));
                    while let Some(mut next) = stream.take() {
                        let Ok(head) = Head::read(&mut next) else { return };
                        noted.lock().unwrap().push(head.clone());
                        let mut exchange = Exchange { head, stream: next, keep: true };
                        answer(&mut exchange);
                        stream = exchange.keep.then_some(exchange.stream);
                    }
                });
            }
        });
        Self { at, seen }
    }

    /// Answers everything with 200.
    pub(crate) fn well() -> Self {
        Self::start(|exchange| {
            exchange.body();
            exchange.reply("200 OK", "well");
        })
    }

    /// A port on which nobody listens.
    pub(crate) fn dead() -> Self {
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { at, seen: Arc::default() }
    }

    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// The heads of the requests that have come.
    pub(crate) fn seen(&self) -> Vec<Head> {
        self.seen.lock().unwrap().clone()
    }
}
