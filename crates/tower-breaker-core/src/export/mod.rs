//! What a set knows, kept across a restart (feature `serde`).
//!
//! An open circuit that forgot it was open would send a full load to a sick dependency after every deploy. An [`Export`]
//! holds the state of each circuit that is more than closed and untouched: state, mode and enforcement set by hand, what is
//! left of a force, the row of opens, the rest of the wait, how far a recovery ramp is. Windows and totals are not kept.
//!
//! It is stamped with wall time, the one place where that is read: a restored circuit waits only what is left. A clock that
//! was set back lengthens no wait.

#[cfg(feature = "state-file")]
mod file;

use std::{
    error::Error as StdError,
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

#[cfg(feature = "state-file")]
pub use self::file::StateFileError;
use crate::{
    Circuit, Circuits, Mode, State,
    clock::nanos,
    config::Period,
    state::{Restored, duration},
};

/// The state of a set of circuits at one moment, for any self-describing serde format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Export {
    version: u32,
    /// Wall time, since 1970.
    stamped: Period,
    circuits: Vec<ExportedCircuit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExportedCircuit {
    name: String,
    state: State,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forced: Option<Forced>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mode: Option<Mode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enforcement: Option<f64>,
    opens_in_row: u32,
    remaining: Period,
    /// Of a closed one: how long its recovery ramp had been under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recovering_for: Option<Period>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Forced {
    Open,
    OpenFor(Period),
    Closed,
}

/// An export that cannot be restored.
#[derive(Debug, Clone, PartialEq)]
pub struct InvalidExport {
    message: String,
}

impl fmt::Display for InvalidExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for InvalidExport {}

impl Export {
    const VERSION: u32 = 1;

    /// How many circuits it speaks of.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.circuits.len()
    }

    /// Whether it speaks of none: all were closed and untouched.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.circuits.is_empty()
    }

    fn check(&self) -> Result<(), InvalidExport> {
        if self.version != Self::VERSION {
            let message = format!("version is {}; accepted: {}", self.version, Self::VERSION);
            return Err(InvalidExport { message });
        }
        for circuit in &self.circuits {
            if let Some(share) = circuit.enforcement
                && !(0.0..=1.0).contains(&share)
            {
                let message = format!("enforcement of `{}` is {share}; accepted: a share in [0, 1]", circuit.name);
                return Err(InvalidExport { message });
            }
        }
        Ok(())
    }
}

impl Circuits {
    /// What the set knows now.
    #[must_use]
    pub fn export(&self) -> Export {
        self.export_at(wall_time())
    }

    /// As [`export`](Self::export), stamped with this wall time.
    #[must_use]
    pub fn export_at(&self, now: SystemTime) -> Export {
        let mut circuits: Vec<_> = self.list().iter().filter_map(Circuit::export).collect();
        circuits.sort_by(|one, other| one.name.cmp(&other.name));
        Export { version: Export::VERSION, stamped: Period(since_1970(now)), circuits }
    }

    /// Takes over an export, creating the circuits it names. Their state is replaced in a new generation, half-open comes
    /// back as open with the wait over, and none waits longer than was exported or than its present cap. What was set by
    /// hand since the start stands.
    ///
    /// # Errors
    ///
    /// [`InvalidExport`] for another version or a value out of range; then nothing is changed.
    pub fn restore(&self, export: &Export) -> Result<(), InvalidExport> {
        self.restore_at(export, wall_time())
    }

    /// As [`restore`](Self::restore), at this wall time.
    ///
    /// # Errors
    ///
    /// As [`restore`](Self::restore).
    pub fn restore_at(&self, export: &Export, now: SystemTime) -> Result<(), InvalidExport> {
        export.check()?;
        let passed = since_1970(now).saturating_sub(export.stamped.0);
        for exported in &export.circuits {
            self.get_or_create(&exported.name).restore(exported, passed);
        }
        Ok(())
    }
}

impl Circuit {
    /// `None`: closed and through with its recovery, and nothing set by hand.
    fn export(&self) -> Option<ExportedCircuit> {
        self.with(|scene| {
            let (machine, now) = (&*scene.machine, scene.cx.now);
            let (mode, enforcement) = machine.by_hand();
            let forced = match machine.forced_open_for(now) {
                Some(u64::MAX) => Some(Forced::Open),
                Some(left) => Some(Forced::OpenFor(Period(duration(left)))),
                None => machine.is_forced_closed().then_some(Forced::Closed),
            };
            let state = machine.state();
            let ramp_age = machine.ramp_age(now);
            let by_hand = mode.is_some() || enforcement.is_some() || forced.is_some();
            if state == State::Closed && !by_hand && ramp_age.is_none() {
                return None;
            }
            let remaining = machine.wait(now).map_or(0, |(_, remaining)| remaining);
            Some(ExportedCircuit {
                name: self.name().to_owned(),
                state,
                forced,
                mode,
                enforcement,
                opens_in_row: machine.in_row().2,
                remaining: Period(duration(remaining)),
                recovering_for: ramp_age.map(|age| Period(duration(age))),
            })
        })
    }

    fn restore(&self, exported: &ExportedCircuit, passed: Duration) {
        let left = |Period(time): Period| nanos(time.saturating_sub(passed));
        let restored = Restored {
            state: exported.state,
            opens_in_row: exported.opens_in_row,
            remaining: left(exported.remaining),
            ramp_age: exported.recovering_for.map(|Period(age)| nanos(age.saturating_add(passed))),
            mode: exported.mode,
            enforcement: exported.enforcement,
            forced_closed: exported.forced == Some(Forced::Closed),
            forced_open_for: match exported.forced {
                Some(Forced::Open) => Some(u64::MAX),
                Some(Forced::OpenFor(length)) => Some(left(length)),
                Some(Forced::Closed) | None => None,
            },
        };
        self.with(|scene| scene.machine.restore(&mut scene.cx, restored));
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where wall time is read")]
fn wall_time() -> SystemTime {
    SystemTime::now()
}

fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
