//! What goes over the wire: words, in the order in which the scripts read and write them.

#[cfg(test)]
mod tests;

use std::{str::FromStr, time::Duration};

use tower_breaker_core::{CircuitBreakerConfig, Mode, SlidingWindow};

/// Buckets of the fleet's window.
pub(crate) const BUCKETS: u32 = 10;
/// Longer times are cut to this, about a century, so that sums of them stay whole numbers in Lua.
const LONGEST: u128 = 3_000_000_000_000;

/// The state the fleet gave a circuit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Closed,
    Reset,
    Open,
    ForcedOpen,
    ForcedClosed,
}

impl State {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Closed => "c",
            Self::Reset => "r",
            Self::Open => "o",
            Self::ForcedOpen => "fo",
            Self::ForcedClosed => "fc",
        }
    }
}

impl FromStr for State {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        [Self::Closed, Self::Reset, Self::Open, Self::ForcedOpen, Self::ForcedClosed]
            .into_iter()
            .find(|state| state.word() == word)
            .ok_or(())
    }
}

/// What the fleet made of a circuit, at an epoch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) epoch: u64,
    pub(crate) state: State,
    /// In milliseconds of Redis's own time.
    pub(crate) since: i64,
    /// Milliseconds.
    pub(crate) wait: i64,
    /// Opens in a row.
    pub(crate) row: u32,
    pub(crate) mode: Option<Mode>,
    pub(crate) enforcement: Option<f64>,
    /// The end of a force; below zero: none.
    pub(crate) until: i64,
}

impl Line {
    /// Reads the words of a line; `None` where they are none of ours.
    pub(crate) fn read<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let epoch = words.next()?.parse().ok()?;
        let state = words.next()?.parse().ok()?;
        let [since, wait] = [number(words)?, number(words)?];
        let row = words.next()?.parse().ok()?;
        let mode = match words.next()? {
            "-" => None,
            "e" => Some(Mode::Enforce),
            "o" => Some(Mode::Observe),
            _ => return None,
        };
        let enforcement = match words.next()? {
            "-" => None,
            share => Some(share.parse().ok().filter(|share| (0.0..=1.0).contains(share))?),
        };
        Some(Self { epoch, state, since, wait, row, mode, enforcement, until: number(words)? })
    }

    /// As the script would write it, for the index.
    pub(crate) fn write(&self) -> String {
        let Self { epoch, state, since, wait, row, until, .. } = self;
        let (mode, share) = (mode_word(self.mode), share_word(self.enforcement));
        format!("{epoch} {} {since} {wait} {row} {mode} {share} {until}", state.word())
    }

    /// Closed, and nothing set by hand: what an instance that knows nothing assumes.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(self.state, State::Closed | State::Reset) && self.mode.is_none() && self.enforcement.is_none()
    }

    /// How long the open wait still is, `now` by Redis's time.
    pub(crate) fn remaining(&self, now: i64) -> Duration {
        let left = self.since.saturating_add(self.wait).saturating_sub(now);
        millis(left.clamp(0, self.wait.max(0)))
    }

    /// How long a force still stands; `None` without an end.
    pub(crate) fn force_left(&self, now: i64) -> Option<Duration> {
        (self.until >= 0).then(|| millis(self.until.saturating_sub(now).max(0)))
    }
}

/// What the fleet answers to one [`Ask`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) line: Line,
    /// Who probes: nobody, this instance, or another.
    pub(crate) lease: Lease,
    pub(crate) lease_left: Duration,
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) slow: u64,
    pub(crate) seen_by: u32,
    /// A field that was changed by hand to what it cannot be.
    pub(crate) damaged: Option<String>,
    /// It was asked so long ago that nothing of it was done.
    pub(crate) late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lease {
    Free,
    Mine,
    Other,
}

impl Answer {
    /// # Errors
    ///
    /// The reason Redis gave, or the line that is none of ours.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        if let Some(reason) = text.strip_prefix("! ") {
            return Err(reason.to_owned());
        }
        Self::words(&mut text.split(' ')).ok_or_else(|| format!("not a line of this version: {text:?}"))
    }

    fn words<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        let line = Line::read(words)?;
        let lease = match words.next()? {
            "-" => Lease::Free,
            "me" => Lease::Mine,
            "other" => Lease::Other,
            _ => return None,
        };
        let lease_left = millis(number(words)?);
        let [calls, failures, slow] = [count(words)?, count(words)?, count(words)?];
        let seen_by = words.next()?.parse().ok()?;
        let damaged = words.next()?;
        let damaged = (damaged != "-").then(|| damaged.to_owned());
        let late = words.next()? == "late";
        Some(Self { line, lease, lease_left, calls, failures, slow, seen_by, damaged, late })
    }
}

/// What an instance wants done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Only to report, or to hear.
    Report,
    /// The lease to probe, or more of it.
    Want,
    /// Its probes closed the circuit.
    Close,
    /// Its probe failed.
    Reopen,
    /// It goes, and does not probe after all.
    Leave,
    /// An operator gave a command: a new state, or only another mode or enforcement.
    Hand(Option<State>),
}

/// What an instance says of one circuit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ask {
    pub(crate) act: Act,
    pub(crate) epoch: u64,
    /// What it knows or, of a command, wants to be.
    pub(crate) state: State,
    pub(crate) remaining: Duration,
    pub(crate) row: u32,
    pub(crate) mode: Option<Mode>,
    pub(crate) enforcement: Option<f64>,
    pub(crate) force_left: Option<Duration>,
    pub(crate) calls: u64,
    pub(crate) failures: u64,
    pub(crate) slow: u64,
    pub(crate) rules: Rules,
}

impl Ask {
    /// How many words [`words`](Self::words) writes: the script's `STRIDE`.
    #[cfg(test)]
    const WORDS: usize = 18;

    pub(crate) fn words(&self) -> impl Iterator<Item = String> {
        let (state, act) = match self.act {
            Act::Report => (self.state.word(), "-"),
            Act::Want => (self.state.word(), "want"),
            Act::Close => (self.state.word(), "close"),
            Act::Reopen => (self.state.word(), "reopen"),
            Act::Leave => (self.state.word(), "leave"),
            Act::Hand(Some(state)) => (state.word(), "hand"),
            // What it knows goes along: Redis may have forgotten.
            Act::Hand(None) => (self.state.word(), "keep"),
        };
        let rules = &self.rules;
        [
            self.epoch.to_string(),
            state.to_owned(),
            as_millis(self.remaining).to_string(),
            self.row.to_string(),
            mode_word(self.mode).to_owned(),
            share_word(self.enforcement),
            self.force_left.map_or_else(|| "-1".to_owned(), |left| as_millis(left).to_string()),
            self.calls.to_string(),
            self.failures.to_string(),
            self.slow.to_string(),
            rules.width.to_string(),
            rules.failure_rate.map_or(-1.0, |rate| rate).to_string(),
            rules.slow_rate.map_or(-1.0, |rate| rate).to_string(),
            rules.minimum.to_string(),
            rules.base.to_string(),
            rules.growth.to_string(),
            rules.cap.to_string(),
            act.to_owned(),
        ]
        .into_iter()
    }
}

/// By what the fleet judges a circuit: what its configuration says, times in milliseconds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rules {
    width: u64,
    failure_rate: Option<f64>,
    slow_rate: Option<f64>,
    minimum: u32,
    base: u64,
    growth: f64,
    cap: u64,
}

impl Rules {
    /// `counts_as` is the window of a circuit that counts calls and not time; no window is shorter than `shortest`.
    pub(crate) fn of(config: &CircuitBreakerConfig, counts_as: Duration, shortest: Duration) -> Self {
        let window = match config.sliding_window() {
            SlidingWindow::Time(length, _) => length,
            _ => counts_as,
        };
        let slow_on = config.slow_call_duration_threshold().is_some();
        Self {
            width: as_millis(window.max(shortest)).div_ceil(u64::from(BUCKETS)).max(1),
            failure_rate: config.failure_rate_threshold(),
            slow_rate: slow_on.then(|| config.slow_call_rate_threshold()),
            minimum: config.minimum_calls(),
            base: as_millis(config.open_duration()).max(1),
            growth: config.open_duration_multiplier().min(1e9),
            cap: as_millis(config.max_open_duration()).max(1),
        }
    }
}

fn number<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<i64> {
    words.next()?.parse().ok()
}

fn count<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<u64> {
    words.next()?.parse().ok()
}

fn millis(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

pub(crate) fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis().min(LONGEST)).unwrap_or(u64::MAX)
}

const fn mode_word(mode: Option<Mode>) -> &'static str {
    match mode {
        Some(Mode::Enforce) => "e",
        Some(Mode::Observe) => "o",
        // Nothing, or what this version has no word for: nothing is told of it.
        _ => "-",
    }
}

fn share_word(share: Option<f64>) -> String {
    // The script reads plain decimals: no exponent, which is never written here, and no sign, which -0 has.
    share.map_or_else(|| "-".to_owned(), |share| share.abs().to_string())
}
