//! An upstream that answers byte for byte what a test tells it to.

use std::{
    io::{BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
};

use crate::client::{Head, chunk};

/// Listens on a port of its own, until it is dropped.
pub(crate) struct Upstream {
    at: SocketAddr,
    seen: Arc<Mutex<Vec<Head>>>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    over: Arc<AtomicBool>,
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
        self.head.body(&mut self.stream).unwrap_or_default()
    }

    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        chunk(&mut self.stream).unwrap()
    }

    pub(crate) fn send(&mut self, bytes: &str) {
        // The gateway may have gone away: that is for the test to see.
        let _ = self.sends(bytes);
    }

    /// Whether the gateway took it.
    pub(crate) fn sends(&mut self, bytes: &str) -> bool {
        self.stream.get_mut().write_all(bytes.as_bytes()).is_ok()
    }

    /// An answer with a length.
    pub(crate) fn reply(&mut self, status: &str, body: &str) {
        self.send(&format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    }

    /// Waits for the other side to close the connection.
    pub(crate) fn wait_for_the_end(&mut self) {
        let _ = std::io::copy(&mut self.stream, &mut std::io::sink());
        self.keep = false;
    }
}

impl Upstream {
    pub(crate) fn start(answer: impl Fn(&mut Exchange) + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), answer)
    }

    pub(crate) fn on(listener: TcpListener, answer: impl Fn(&mut Exchange) + Send + Sync + 'static) -> Self {
        let mut upstream = Self::dead();
        upstream.at = listener.local_addr().unwrap();
        let (seen, connections, over) =
            (Arc::clone(&upstream.seen), Arc::clone(&upstream.connections), Arc::clone(&upstream.over));
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if over.load(SeqCst) {
                    return;
                }
                connections.lock().unwrap().push(stream.try_clone().unwrap());
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &seen, &*answer));
            }
        });
        upstream
    }

    /// Answers everything with 200.
    pub(crate) fn well() -> Self {
        Self::start(|exchange| {
            exchange.body();
            exchange.reply("200 OK", "well");
        })
    }

    /// A port on which nobody ever listens.
    pub(crate) fn dead() -> Self {
        let at = SocketAddr::from(([127, 0, 0, 1], 1));
        Self { at, seen: Arc::default(), connections: Arc::default(), over: Arc::default() }
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

impl Drop for Upstream {
    /// As a process that is killed: its connections end, and nobody listens any more.
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        // One more connection, and the listener sees that it is over.
        let _ = TcpStream::connect(self.at);
        for connection in self.connections.lock().unwrap().drain(..) {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

fn serve(stream: TcpStream, seen: &Mutex<Vec<Head>>, answer: &dyn Fn(&mut Exchange)) {
    let mut stream = Some(BufReader::new(stream));
    while let Some(mut next) = stream.take() {
        let Ok(head) = Head::read(&mut next) else { return };
        seen.lock().unwrap().push(head.clone());
        let mut exchange = Exchange { head, stream: next, keep: true };
        answer(&mut exchange);
        if exchange.keep {
            stream = Some(exchange.stream);
        } else {
            // A clone of it is kept elsewhere, so that dropping it would not end the connection.
            let _ = exchange.stream.get_ref().shutdown(Shutdown::Both);
        }
    }
}
