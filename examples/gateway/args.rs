//! The command line.

use std::{
    ffi::OsString,
    net::{SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

pub(crate) const HELP: &str = "\
A reverse proxy with timeouts, retries, limits and a circuit breaker for each of its routes.

usage:
  gateway                     three upstreams of its own and a gentle load, to see circuits open and recover
  gateway --config FILE       proxies to the upstreams of a routes file
  gateway --check FILE        says whether a routes file is right: its effective policies (exit 0), or the
                              first mistake with file, line and field (exit 2)
options:
  --listen ADDR               where to take requests       (default 127.0.0.1:8080)
  --admin ADDR                where to show the circuits   (default 127.0.0.1:9090); asked for them by another
                              name than localhost or that in ADDR, it answers 421
  --state FILE                keeps what the circuits know across a restart
  --max-connections N         so many callers at once; one more gets 503   (default 10000, fewer where the
                              limit of open files has no room for two connections each)
  --client-timeout TIME       so long a caller is waited for: for the head of a request, also on a kept
                              connection, for more of its body, and until it takes more of an answer; a
                              body or an answer may pause, but not go on below 500 bytes a second
                              (default 30s)
  --upstream-timeout TIME     so long an upstream may be silent: before the head of its answer, where its policy
                              has no timeout, and anywhere in its body, where the answer is then cut off; a
                              stream of events needs a comment now and then   (default 30s)
  --help                      this
environment:
  GATEWAY_OPERATOR_TOKEN      who sends it may force, reset and switch circuits on the admin address;
                              16 characters or more, and without it nothing can be changed there

A route takes one upstream, or several: `upstreams = [\"http://..\", \"http://..\"]` share its calls, and sick ones are
ejected for a while.
A default address that is taken is replaced by a free port; one that was given must be free (else exit 1).
With `[fleet] redis = \"redis://..\"` in its file, gateways that share a Redis trip, probe and close together.
SIGHUP or a changed file puts the routes file in force again: circuits keep their state, and a file with a mistake is
refused whole. Ctrl-C or SIGTERM lets the requests under way end, for at most 10 seconds.";

pub(crate) const MAX_CONNECTIONS: usize = 10_000;
const CLIENT_TIMEOUT: Duration = Duration::from_secs(30);
const UPSTREAM_TIMEOUT: Duration = Duration::from_secs(30);

/// What the program is to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Check(PathBuf),
    Serve(Serve),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Serve {
    /// `None`: the demonstration.
    pub(crate) config: Option<PathBuf>,
    pub(crate) state: Option<PathBuf>,
    pub(crate) listen: Address,
    pub(crate) admin: Address,
    /// The name that it was given as, if that was a name.
    pub(crate) admin_host: Option<String>,
    /// `None`: what there is room for, up to [`MAX_CONNECTIONS`].
    pub(crate) max_connections: Option<usize>,
    pub(crate) client_timeout: Duration,
    pub(crate) upstream_timeout: Duration,
}

/// An address to listen on, and whether somebody asked for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Address {
    pub(crate) at: SocketAddr,
    pub(crate) given: bool,
}

/// Reads the arguments; an error is one line.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, String> {
    let mut arguments = arguments;
    let (mut config, mut check, mut state) = (None, None, None);
    let (mut listen, mut admin, mut max_connections) = (None, None, None);
    let (mut client_timeout, mut upstream_timeout) = (None, None);
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy().into_owned();
        let (name, mut value) = match text.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(OsString::from(value))),
            _ => (text.as_str(), None),
        };
        let place = match name {
            "--help" | "-h" if value.is_none() => return Ok(Command::Help),
            "--config" => &mut config,
            "--check" => &mut check,
            "--state" => &mut state,
            "--listen" => &mut listen,
            "--admin" => &mut admin,
            "--max-connections" => &mut max_connections,
            "--client-timeout" => &mut client_timeout,
            "--upstream-timeout" => &mut upstream_timeout,
            _ => return Err(format!("unknown argument {text:?}; --help lists what there is")),
        };
        let value = value.take().or_else(|| arguments.next());
        let value = value.ok_or_else(|| format!("{name} needs {} after it", wanted(name)))?;
        if place.replace(value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    match (config, check) {
        (None, Some(_))
            if [&listen, &admin, &state, &max_connections, &client_timeout, &upstream_timeout]
                .iter()
                .any(|it| it.is_some()) =>
        {
            Err("--check serves nothing, so it takes no other option".to_owned())
        }
        (None, Some(file)) => Ok(Command::Check(file.into())),
        (Some(_), Some(_)) => Err("--config and --check exclude each other".to_owned()),
        (None, None) if state.is_some() => {
            Err("--state keeps the circuits of a routes file: it needs --config".to_owned())
        }
        (config, None) => Ok(Command::Serve(Serve {
            config: config.map(Into::into),
            state: state.map(Into::into),
            listen: address("--listen", listen, [127, 0, 0, 1], 8080)?,
            admin_host: admin.as_ref().and_then(host),
            admin: address("--admin", admin, [127, 0, 0, 1], 9090)?,
            max_connections: max_connections.map(connections).transpose()?,
            client_timeout: timeout("--client-timeout", client_timeout, CLIENT_TIMEOUT)?,
            upstream_timeout: timeout("--upstream-timeout", upstream_timeout, UPSTREAM_TIMEOUT)?,
        })),
    }
}

fn wanted(name: &str) -> &'static str {
    match name {
        "--listen" | "--admin" => "an address",
        "--max-connections" => "a number",
        "--client-timeout" | "--upstream-timeout" => "a time",
        _ => "a file",
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what a map of options passes")]
fn connections(value: OsString) -> Result<usize, String> {
    let value = value.to_string_lossy();
    let number = value.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    number.ok_or_else(|| format!("--max-connections is {value:?}; accepted: 1..=1000000"))
}

fn timeout(name: &str, value: Option<OsString>, default: Duration) -> Result<Duration, String> {
    let Some(value) = value else { return Ok(default) };
    let value = value.to_string_lossy();
    let time = humantime::parse_duration(&value).ok();
    let time = time.filter(|time| (Duration::from_millis(10)..=Duration::from_secs(86_400)).contains(time));
    time.ok_or_else(|| format!("{name} is {value:?}; accepted: a time of 10ms to 1day, as in 30s"))
}

/// The name in an address that has one.
fn host(address: &OsString) -> Option<String> {
    let address = address.to_str().filter(|address| address.parse::<SocketAddr>().is_err())?;
    Some(address.rsplit_once(':')?.0.to_owned())
}

fn address(name: &str, value: Option<OsString>, host: [u8; 4], port: u16) -> Result<Address, String> {
    let Some(value) = value else { return Ok(Address { at: (host, port).into(), given: false }) };
    let value = value.to_string_lossy();
    let found = value.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    let at =
        found.ok_or_else(|| format!("{name} is {value:?}; accepted: an address and a port, as in 127.0.0.1:8080"))?;
    Ok(Address { at, given: true })
}
