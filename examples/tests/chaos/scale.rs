//! How long, and how much: a short form for every `cargo test`, a long one by command.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Seconds of trouble in each phase.
const SECONDS: &str = "CHAOS_SECONDS";
/// Connections at once, where there are many.
const CONNECTIONS: &str = "CHAOS_CONNECTIONS";

/// So many where nobody asks for more.
const SHORT: u64 = 1_000;

/// Descriptors for everything but the many connections: the upstream's, the other callers', files.
const BESIDE: u64 = 1_500;
/// Calls a second of all the many connections together.
const CROWDS_RATE: u64 = 600;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) trouble: Duration,
    pub(crate) crowd: usize,
    /// Between two calls on one of the many connections.
    pub(crate) pause: Duration,
    /// `--client-timeout`
    pub(crate) client_timeout: Duration,
}

impl Scale {
    pub(crate) fn read() -> Self {
        let asked = number(CONNECTIONS, SHORT);
        let limit = raised().unwrap_or(u64::MAX);
        let room = limit.saturating_sub(BESIDE).max(100);
        if asked > room {
            println!("the limit of {limit} open files has room for {room} connections instead of {asked}");
        }
        let crowd = asked.min(room);
        let pause = Duration::from_millis(crowd * 1_000 / CROWDS_RATE);
        Self {
            trouble: Duration::from_secs(number(SECONDS, 1)),
            crowd: usize::try_from(crowd).unwrap(),
            pause,
            // Longer than a pause, be the machine busy.
            client_timeout: pause.mul_f64(1.5).max(pause + Duration::from_secs(5)),
        }
    }
}

impl Scale {
    pub(crate) const fn is_long(&self) -> bool {
        self.crowd as u64 > SHORT
    }
}

fn number(variable: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else { return default };
    let number = text.parse().ok().filter(|number| (1..=100_000).contains(number));
    number.unwrap_or_else(|| panic!("{variable} is {text:?}; accepted: 1..=100000"))
}

/// The limit of open files of this process and its children, as high as it may be.
fn raised() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    getrlimit(Resource::Nofile).current
}
