//! What the circuits know, kept in a file across restarts: `--state FILE`, and `FILE.keyed` beside it for routes whose key makes
//! a circuit for each of its values.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tower_breaker::{CircuitBreakerConfig, Circuits};

use crate::{
    config::{Config, Table},
    report,
};

/// How often it is seen whether there is something new to keep: what a `kill -9` can lose.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub(crate) struct State {
    file: PathBuf,
    table: Table,
}

/// Circuits as the policies of their routes have them, also those that a state file names before anybody calls.
pub(crate) fn config_for(config: &Config) -> impl Fn(&str) -> Option<CircuitBreakerConfig> + Send + Sync + 'static {
    let config = config.clone();
    move |name| {
        let of = |name: &str| config.routes().find(|route| route.name() == name);
        // The circuits by key are named for the route and the key.
        let route = of(name).or_else(|| of(name.split_once('#')?.0))?;
        route.policy().circuit_breaker().cloned()
    }
}

/// Restores both sets; an error is one line.
pub(crate) fn load(file: &Path, circuits: &Circuits, keyed: &Circuits) -> Result<(), String> {
    for (set, file) in [(circuits, file.to_owned()), (keyed, beside(file))] {
        match set.load(&file) {
            Ok(0) => {}
            Ok(count) => report::say(format_args!("state    {count} circuits from {}", file.display())),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(())
}

impl State {
    /// Fails if the file cannot be written: better now than at the first outage.
    pub(crate) fn new(file: PathBuf, table: Table) -> Result<Self, String> {
        let state = Self { file, table };
        state.save()?;
        Ok(state)
    }

    pub(crate) fn save(&self) -> Result<(), String> {
        for (set, file) in
            [(self.table.circuits(), self.file.clone()), (self.table.keyed_circuits(), beside(&self.file))]
        {
            set.save(file).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Writes it whenever a circuit went from one state to another, for the rest of the program's life.
    pub(crate) async fn keep(self) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut kept, mut fails) = (None, false);
        loop {
            tick.tick().await;
            let now = self.table.snapshots().iter().map(|circuit| circuit.generation).sum::<u64>();
            if kept == Some(now) {
                continue;
            }
            let state = self.clone();
            match spawn_blocking(move || state.save()).await {
                Ok(Ok(())) => (kept, fails) = (Some(now), false),
                Ok(Err(error)) if !std::mem::replace(&mut fails, true) => report::event(error),
                // Said already, or the program ends.
                _ => {}
            }
        }
    }
}

fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".keyed");
    name.into()
}
