//! A redis-server of a test's own.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use tokio::net::TcpSocket;

use super::until;

/// A port for a server to come. On Linux a socket that is bound and does not listen lets the server have it, now and after
/// it was killed, and nobody else is given it.
pub(crate) struct Port {
    pub(crate) number: u16,
    _held: Option<TcpSocket>,
}

impl Port {
    pub(crate) fn draw() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("taken");
        socket.bind(([127, 0, 0, 1], 0).into()).expect("a port");
        let number = socket.local_addr().expect("bound").port();
        Self { number, _held: cfg!(target_os = "linux").then_some(socket) }
    }
}

pub(crate) struct Server {
    port: Port,
    more: Vec<String>,
    child: Option<Child>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(more: &[&str]) -> Self {
        let mut server =
            Self { port: Port::draw(), more: more.iter().map(|&word| word.to_owned()).collect(), child: None };
        server.again();
        server
    }

    /// A sentinel, of which this file says what it watches.
    #[cfg(feature = "sentinel")]
    pub(crate) fn sentinel(file: &str) -> Self {
        Self::start_with(&["--sentinel", file])
    }

    /// Starts it on the same port, empty.
    pub(crate) fn again(&mut self) {
        let folder = std::env::temp_dir();
        let mut command = Command::new("redis-server");
        // A file comes before all settings.
        let (file, more) = match &self.more[..] {
            [sentinel, file] if sentinel == "--sentinel" => (vec![file, sentinel], &[][..]),
            more => (vec![], more),
        };
        let child = command
            .args(file)
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
                "--port",
                &self.port().to_string(),
                "--dir",
            ])
            .arg(&folder)
            .args(more)
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        until("redis-server", || TcpStream::connect(("127.0.0.1", self.port())).is_ok());
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port.number
    }

    /// As `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        super::instance::signal(self.child.as_ref().expect("it runs").id(), signal);
    }

    /// Sends one command and gives the lines of its answer.
    pub(crate) fn command(&self, words: &[&str]) -> Vec<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port())).expect("it runs");
        let mut text = format!("*{}\r\n", words.len());
        for word in words {
            text.push_str(&format!("${}\r\n{word}\r\n", word.len()));
        }
        stream.write_all(text.as_bytes()).expect("sent");
        let mut lines = BufReader::new(stream).lines().map(|line| line.expect("a line"));
        let head = lines.next().expect("an answer");
        match head.split_at(1) {
            ("*", count) => {
                let count: usize = count.parse().expect("a count");
                (0..count).filter_map(|_| if lines.next()?.starts_with('$') { lines.next() } else { None }).collect()
            }
            ("$", "-1") => Vec::new(),
            // Only the length is needed to know the end; answers here are short.
            ("$", length) => {
                let length: usize = length.parse().expect("a length");
                let mut text = Vec::new();
                while text.iter().map(|line: &String| line.len() + 2).sum::<usize>() < length {
                    text.push(lines.next().expect("a line"));
                }
                text
            }
            (_, rest) => vec![rest.to_owned()],
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
