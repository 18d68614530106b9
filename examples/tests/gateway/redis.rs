//! A redis-server of its own.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
};

use socket2::{Domain, Socket, Type};

use crate::until;

/// A port for a program to come. On Linux a socket that is bound and does not listen lets the program have it, now and after it
/// was killed, and nobody else is given it.
pub(crate) fn held_port() -> (SocketAddr, Option<Socket>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let at = socket.local_addr().unwrap().as_socket().unwrap();
    (at, cfg!(target_os = "linux").then_some(socket))
}

/// Killed on drop. Its port stays its own while it is killed and started again.
pub(crate) struct Redis {
    at: SocketAddr,
    _held: Option<Socket>,
    server: Option<Child>,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let (at, _held) = held_port();
        let mut redis = Self { at, _held, server: None };
        redis.again();
        redis
    }

    pub(crate) fn again(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &self.at.port().to_string()]).arg("--dir");
        let server = command.arg(std::env::temp_dir()).stdout(Stdio::null()).spawn();
        self.server = Some(server.expect("redis-server is installed"));
        until("redis-server", || TcpStream::connect(self.at).ok());
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.at)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
