//! A service that does as it is told.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

/// No request is waited for longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What it does with a request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Status(u16),
    /// 503 with `Retry-After`.
    Refuse,
    /// 200, once so many requests have come.
    Once(usize),
    Hang,
    Cut,
    Close,
}

/// By how many requests have come before.
type Script = dyn Fn(usize) -> Act + Send + Sync;

pub(crate) struct Service {
    at: SocketAddr,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    asked: Mutex<usize>,
    another: Condvar,
    head: Mutex<String>,
}

impl Service {
    pub(crate) fn start(script: impl Fn(usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (at, told, script) = (listener.local_addr().unwrap(), Arc::<Told>::default(), Arc::new(script));
        let service = Self { at, told: Arc::clone(&told) };
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (told, script) = (Arc::clone(&told), Arc::clone(&script));
                thread::spawn(move || serve(stream, &told, &*script));
            }
        });
        service
    }

    pub(crate) const fn at(&self) -> SocketAddr {
        self.at
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("http://{host}:{}/it?x=1", self.at.port())
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> usize {
        *self.told.asked.lock().unwrap()
    }

    /// Waits until so many have come.
    pub(crate) fn wait_for(&self, count: usize) {
        assert!(self.told.have_come(count), "{} of {count} requests have come", self.asked());
    }

    /// The latest, in lower case but for its first line.
    pub(crate) fn head(&self) -> String {
        self.told.head.lock().unwrap().clone()
    }
}

impl Told {
    /// Whether so many requests come in time.
    fn have_come(&self, count: usize) -> bool {
        let asked = self.asked.lock().unwrap();
        let (asked, _) = self.another.wait_timeout_while(asked, PATIENCE, |asked| *asked < count).unwrap();
        *asked >= count
    }
}

fn serve(stream: TcpStream, told: &Told, script: &Script) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(head) = head(&mut reader) {
        let number = {
            let mut asked = told.asked.lock().unwrap();
            *asked += 1;
            told.another.notify_all();
            *asked - 1
        };
        *told.head.lock().unwrap() = head;
        let mut answer = |text: &str| reader.get_mut().write_all(text.as_bytes());
        let done = match script(number) {
            Act::Status(status) => answer(&format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok")),
            Act::Refuse => answer("HTTP/1.1 503 X\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"),
            Act::Once(count) => {
                if !told.have_come(count) {
                    return;
                }
                answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
            Act::Hang => {
                let _ = reader.read(&mut [0]);
                return;
            }
            Act::Cut => {
                let _ = answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
                let _ = reader.get_ref().shutdown(Shutdown::Both);
                return;
            }
            Act::Close => {
                let _ = reader.get_ref().shutdown(Shutdown::Both);
                return;
            }
        };
        if done.is_err() {
            return;
        }
    }
}

/// Reads a head, and the body that its length tells of.
fn head(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut head = String::new();
    reader.read_line(&mut head).ok().filter(|count| *count > 0)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        head.push_str(&line);
        head.push('\n');
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(head)
}
