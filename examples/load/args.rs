//! The command line.

use std::{str::FromStr, time::Duration};

use http::{HeaderName, HeaderValue, Method};

use crate::target::Target;

pub(crate) const HELP: &str = "\
Calls a service on this machine at a steady rate, whether or not its answers keep up, and says what users saw.

usage:
  load URL [options]          such as: load http://127.0.0.1:8080/orders --rate 200 --seconds 30
options:
  --rate N                    calls a second, 1 to 10000                       (default 50)
  --seconds N                 how long, 1 to 3600; 2000000 calls at most       (default 30)
  --connections N             calls under way at once, 1 to 10000; what would be one too many is not sent,
                              and counted                                      (default 256)
  --deadline TIME             so long a call may take, 1ms to 1m               (default 5s)
  --method NAME               (default GET)
  --header 'NAME: VALUE'      may be given more than once
  --body TEXT                 what every call sends
  --help                      this

The URL is one of this machine: http, and localhost, 127.0.0.1 or [::1].
Calls begin on time, however late the answers to earlier ones are, and how long one takes is counted from when it was
due: a service that stands still for a second is seen to do so by every call of that second, as by its users.
A refusal is a 503 with Retry-After, which is what an open circuit says, and a full bulkhead too; a 503 without it, any
other 5xx and whatever is no whole answer are failures. Ctrl-C ends it early, with the report.";

const MOST_CALLS: u64 = 2_000_000;

/// What the program is to do.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Run(Box<Plan>),
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) rate: u64,
    pub(crate) seconds: u64,
    pub(crate) connections: usize,
    pub(crate) deadline: Duration,
    pub(crate) method: Method,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: String,
}

/// Reads the arguments; an error is one line.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut arguments = arguments;
    let mut url = None;
    let (mut rate, mut seconds, mut connections, mut deadline) = (None, None, None, None);
    let (mut method, mut body, mut headers) = (None, None, Vec::new());
    while let Some(argument) = arguments.next() {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (argument.as_str(), None),
        };
        let place = match name {
            "--help" | "-h" if value.is_none() => return Ok(Command::Help),
            "--rate" => &mut rate,
            "--seconds" => &mut seconds,
            "--connections" => &mut connections,
            "--deadline" => &mut deadline,
            "--method" => &mut method,
            "--body" => &mut body,
            "--header" => {
                headers.push(None);
                headers.last_mut().expect("one was put there")
            }
            _ if name.starts_with('-') => {
                return Err(format!("unknown argument {argument:?}; --help lists what there is"));
            }
            _ if url.is_some() => return Err(format!("{argument:?} is a second URL; there is one")),
            _ => {
                url = Some(argument);
                continue;
            }
        };
        let value = value.or_else(|| arguments.next()).ok_or_else(|| format!("{name} needs a value after it"))?;
        if place.replace(value).is_some() {
            return Err(format!("{name} is given twice"));
        }
    }
    let url = url.ok_or("there is no URL; such as: load http://127.0.0.1:8080/orders --rate 200 --seconds 30")?;
    let plan = Plan {
        target: Target::new(&url)?,
        rate: number("--rate", rate, 50, 10_000)?,
        seconds: number("--seconds", seconds, 30, 3_600)?,
        connections: usize::try_from(number("--connections", connections, 256, 10_000)?).unwrap_or(usize::MAX),
        deadline: time(deadline)?,
        method: method.map_or(Ok(Method::GET), |it| {
            Method::from_str(&it).map_err(|_| format!("--method is {it:?}; accepted: a name such as GET or POST"))
        })?,
        headers: headers.into_iter().flatten().map(|it| header(&it)).collect::<Result<_, _>>()?,
        body: body.unwrap_or_default(),
    };
    match plan.rate * plan.seconds {
        calls if calls > MOST_CALLS => Err(format!(
            "{} a second for {} s are {calls} calls; accepted: {MOST_CALLS} at most",
            plan.rate, plan.seconds
        )),
        _ => Ok(Command::Run(Box::new(plan))),
    }
}

fn number(name: &str, given: Option<String>, default: u64, most: u64) -> Result<u64, String> {
    let Some(given) = given else { return Ok(default) };
    let number = given.parse().ok().filter(|number| (1..=most).contains(number));
    number.ok_or_else(|| format!("{name} is {given:?}; accepted: 1..={most}"))
}

fn time(given: Option<String>) -> Result<Duration, String> {
    let Some(given) = given else { return Ok(Duration::from_secs(5)) };
    let time = humantime::parse_duration(&given).ok();
    let time = time.filter(|time| (Duration::from_millis(1)..=Duration::from_secs(60)).contains(time));
    time.ok_or_else(|| format!("--deadline is {given:?}; accepted: a time of 1ms to 1m, as in 500ms or 2s"))
}

fn header(given: &str) -> Result<(HeaderName, HeaderValue), String> {
    let parts = given.split_once(':').and_then(|(name, value)| {
        Some((HeaderName::from_str(name.trim()).ok()?, HeaderValue::from_str(value.trim()).ok()?))
    });
    parts.ok_or_else(|| format!("--header is {given:?}; accepted: a name, a colon and a value, as in 'X-Tenant: a'"))
}
