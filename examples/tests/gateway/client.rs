//! A client that writes what it is told to, byte for byte, and sees how an answer ends.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

use crate::PATIENCE;

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// By `write_until_full`.
    written: usize,
}

/// A head, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) start: String,
    pub(crate) fields: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Vec<u8>,
}

impl Head {
    pub(crate) fn read(stream: &mut impl BufRead) -> io::Result<Self> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let mut lines = lines.into_iter();
        let start = lines.next().ok_or(io::ErrorKind::InvalidData)?;
        let field =
            |line: String| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Ok(Self { start, fields: lines.filter_map(field).collect() })
    }

    /// All values of a field, as one line.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let values = self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        let values: Vec<&str> = values.collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub(crate) fn status(&self) -> u16 {
        self.start.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// Reads the body as its length says. An error: it broke off.
    pub(crate) fn body(&self, stream: &mut impl BufRead) -> io::Result<Vec<u8>> {
        if self.get("transfer-encoding").is_some() {
            let mut body = Vec::new();
            while let Some(chunk) = chunk(stream)? {
                body.extend(chunk);
            }
            return Ok(body);
        }
        let mut body = vec![0; self.get("content-length").map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body)?;
        Ok(body)
    }
}

/// One chunk; `None` at the end of the body.
pub(crate) fn chunk(stream: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut size = String::new();
    stream.read_line(&mut size)?;
    let size = usize::from_str_radix(size.trim(), 16).map_err(|_| io::ErrorKind::UnexpectedEof)?;
    let mut data = vec![0; size + 2];
    stream.read_exact(&mut data)?;
    data.truncate(size);
    Ok((size > 0).then_some(data))
}

impl Client {
    pub(crate) fn connect(at: SocketAddr) -> Self {
        Self::of(TcpStream::connect(at).unwrap())
    }

    /// With packets of the usual size and little room for what was not yet read, so that the other side soon sees how much is
    /// read: on loopback a packet may have 64 KiB, and there may be megabytes of room.
    pub(crate) fn connect_from_afar(at: SocketAddr) -> Self {
        let socket = Socket::new(Domain::for_address(at), Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(32 << 10).unwrap();
        socket.set_tcp_mss(1460).unwrap();
        socket.connect(&at.into()).unwrap();
        Self::of(socket.into())
    }

    fn of(stream: TcpStream) -> Self {
        // Longer than the gateway waits for an upstream.
        stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
        Self { stream: BufReader::new(stream), written: 0 }
    }

    /// Waits no longer than this for more of an answer.
    pub(crate) fn patience(&self, most: Duration) {
        self.stream.get_ref().set_read_timeout(Some(most)).unwrap();
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.get_mut().write_all(bytes.as_ref()).unwrap();
    }

    /// Sends this, as far as the other side wants it.
    pub(crate) fn send_what_is_taken(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.get_mut().write_all(bytes.as_ref());
    }

    pub(crate) fn head(&mut self) -> Head {
        Head::read(&mut self.stream).unwrap()
    }

    pub(crate) fn chunk(&mut self) -> Option<Vec<u8>> {
        chunk(&mut self.stream).unwrap()
    }

    pub(crate) fn body(&mut self, head: &Head) -> io::Result<Vec<u8>> {
        head.body(&mut self.stream)
    }

    /// An answer that must be whole.
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer().unwrap()
    }

    pub(crate) fn try_answer(&mut self) -> io::Result<Answer> {
        let head = Head::read(&mut self.stream)?;
        let body = self.body(&head)?;
        Ok(Answer { status: head.status(), head, body })
    }

    /// Whether the other side has closed the connection, without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        loop {
            match self.stream.read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return !waits(&error),
                Ok(read) => return read == 0,
            }
        }
    }

    /// Whether there is something to read, be it the end.
    pub(crate) fn has_more(&mut self) -> bool {
        self.stream.fill_buf().map_or_else(|error| !waits(&error), |_| true)
    }

    pub(crate) fn read_exactly(&mut self, bytes: usize) {
        let mut read = vec![0; bytes];
        self.stream.read_exact(&mut read).unwrap();
    }

    pub(crate) fn read_to_the_end(&mut self) {
        let _ = io::copy(&mut self.stream, &mut io::sink());
    }

    /// Writes until the other side takes no more for a while. It must not take more than `most`.
    pub(crate) fn write_until_full(&mut self, most: usize) {
        let stream = self.stream.get_mut();
        stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let block = [b'x'; 1 << 16];
        while let Ok(count) = stream.write(&block) {
            self.written += count;
            assert!(self.written < most, "somebody keeps what is sent");
        }
        stream.set_write_timeout(None).unwrap();
    }

    /// Writes on until `all` have been written.
    pub(crate) fn write_rest(&mut self, all: usize) {
        let rest = vec![b'x'; all - self.written];
        self.send(rest);
    }

    pub(crate) fn hang_up(self) {
        let _ = self.stream.get_ref().shutdown(Shutdown::Both);
    }
}

/// Nothing has come; a process that was stopped meanwhile is interrupted.
fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}

pub(crate) fn get(at: SocketAddr, path: &str) -> Answer {
    let mut client = Client::connect(at);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: {at}\r\n\r\n"));
    client.answer()
}

pub(crate) fn post(at: SocketAddr, path: &str, body: &str) -> Answer {
    let mut client = Client::connect(at);
    client.send(format!("POST {path} HTTP/1.1\r\nHost: {at}\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
    client.answer()
}

/// The status of a command with this `Authorization`; of none where it is empty.
pub(crate) fn command(at: SocketAddr, path: &str, authorization: &str) -> u16 {
    let mut client = Client::connect(at);
    let field = if authorization.is_empty() { String::new() } else { format!("Authorization: {authorization}\r\n") };
    client.send(format!("POST {path} HTTP/1.1\r\nHost: {at}\r\n{field}Content-Length: 0\r\n\r\n"));
    client.answer().status
}
