//! A redis-server of its own.

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use crate::until;

/// Killed on drop.
pub(crate) struct Redis(Child, u16);

impl Redis {
    pub(crate) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port())
    }

    pub(crate) fn on(port: u16) -> Self {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()]).arg("--dir");
        let child = command.arg(std::env::temp_dir()).stdout(Stdio::null()).spawn().unwrap();
        until("redis-server", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self(child, port)
    }

    pub(crate) const fn port(&self) -> u16 {
        self.1
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
