//! The gateway as a child process.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{Arc, Mutex, OnceLock, PoisonError, atomic::AtomicUsize, atomic::Ordering::Relaxed},
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{
    client,
    programs::{self, ended},
    until,
};

pub(crate) fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| programs::program("gateway"))
}

/// The program, with these in its environment and no token of somebody else's.
fn command(environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program());
    command.env_remove("GATEWAY_OPERATOR_TOKEN").envs(environment.iter().copied());
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    run_with(arguments, &[])
}

/// And with these in its environment.
pub(crate) fn run_with(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    ended(command(environment).args(arguments).stdin(Stdio::null()))
}

/// A file of its own, gone with it.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(text: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("gateway-{}-{}.toml", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let file = Self(std::env::temp_dir().join(name));
        file.write(text);
        file
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A running gateway; killed on drop.
pub(crate) struct Gateway {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) file: Option<File>,
    pub(crate) at: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Gateway {
    /// With these routes, on free ports.
    pub(crate) fn start(routes: &str) -> Self {
        Self::start_with(routes, &[])
    }

    /// And with these in its environment.
    pub(crate) fn start_with(routes: &str, environment: &[(&str, &str)]) -> Self {
        Self::start_so(routes, &[], environment)
    }

    /// And with more arguments.
    pub(crate) fn start_so(routes: &str, more: &[&str], environment: &[(&str, &str)]) -> Self {
        let file = File::new(routes);
        let arguments = ["--config", file.path(), "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        let mut gateway = Self::spawn(&[&arguments, more].concat(), environment);
        gateway.file = Some(file);
        gateway
    }

    pub(crate) fn with(arguments: &[&str]) -> Self {
        Self::spawn(arguments, &[])
    }

    fn spawn(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(environment);
        command.args(arguments).stdin(Stdio::null());
        Self::of(command)
    }

    /// Started by a command of the test's own.
    pub(crate) fn of(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take().unwrap(), &lines);
        collect(child.stderr.take().unwrap(), &lines);
        let address = |what: &str| {
            until("its addresses", || {
                let lines = lines.lock().unwrap();
                let line = lines.iter().find_map(|line| line.strip_prefix(what)?.trim().strip_prefix("http://"))?;
                Some(line.trim_end_matches("/health/circuits").parse().unwrap())
            })
        };
        let (at, admin) = (address("proxy"), address("circuits"));
        Self { child, lines, file: None, at, admin }
    }

    /// What it has said so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same as it comes. As long as this is locked, nobody reads on.
    pub(crate) fn said(&self) -> Arc<Mutex<Vec<String>>> {
        Arc::clone(&self.lines)
    }

    /// Waits for a line with this in it.
    #[track_caller]
    pub(crate) fn line(&self, part: &str) -> String {
        until(part, || self.lines().into_iter().find(|line| line.contains(part)))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Puts this into its file and says so. Meanwhile it stands still: it must not find the change by itself, and read it twice.
    pub(crate) fn offer(&self, routes: &str) {
        self.signal(Signal::STOP);
        self.file.as_ref().unwrap().write(routes);
        self.signal(Signal::HUP);
        self.signal(Signal::CONT);
    }

    /// Puts this into its file and waits until it is in force.
    pub(crate) fn reload(&self, routes: &str) {
        let before = self.reloads();
        self.offer(routes);
        until("the reload", || (self.reloads() > before).then_some(()));
    }

    pub(crate) fn reloads(&self) -> usize {
        self.lines().iter().filter(|line| line.contains("is in force")).count()
    }

    /// How many files and connections it has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap().count()
    }

    pub(crate) fn end(&mut self) -> ExitStatus {
        until("its end", || self.child.try_wait().unwrap())
    }

    /// A number of its metrics that has no labels.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        metric(&self.metrics(), name)
    }

    pub(crate) fn metrics(&self) -> String {
        String::from_utf8(client::get(self.admin, "/metrics").body).unwrap()
    }

    pub(crate) fn health(&self) -> Value {
        let answer = client::get(self.admin, "/health/circuits");
        assert_eq!(answer.status, 200);
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// A circuit as the admin address shows it.
    pub(crate) fn circuit(&self, name: &str) -> Value {
        let health = self.health();
        let mut all = health["all_circuits"].as_array().unwrap().iter();
        all.find(|circuit| circuit["name"] == name).unwrap_or_else(|| panic!("{name} in {health}")).clone()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let panicked = self.lines().into_iter().find(|line| line.contains("panicked"));
        assert!(panicked.is_none() || thread::panicking(), "{panicked:?}");
    }
}

/// A number without labels on a page of metrics.
pub(crate) fn metric(page: &str, name: &str) -> u64 {
    let value = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("{name} in {page}")).parse().unwrap()
}

fn collect(from: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
}
