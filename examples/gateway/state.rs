//! What the circuits know, kept in a file across restarts: `--state FILE`, and beside it `FILE.keyed` for routes whose key makes
//! a circuit for each of its values, and `FILE.endpoints` for those with several upstreams. A kill in the middle of a save may
//! leave a file beside it that ends in `.tmp`: it is not taken away, as it may be that of a gateway that shares the folder.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
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
    stages::Stages,
};

/// How often it is seen whether there is something new to keep: what a `kill -9` can lose.
const LOOK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub(crate) struct State {
    file: PathBuf,
    table: Table,
    endpoints: Circuits,
    /// One save at a time, so that none is overtaken by one that looked earlier. `true` after the last.
    over: Arc<Mutex<bool>>,
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

/// Restores the sets, routes, keyed and endpoints; an error is one line.
pub(crate) fn load(file: &Path, sets: [&Circuits; 3]) -> Result<(), String> {
    for (set, file) in sets.into_iter().zip(files(file)) {
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
    pub(crate) fn new(file: PathBuf, table: Table, stages: &Stages) -> Result<Self, String> {
        let state = Self { file, table, endpoints: stages.endpoint_circuits().clone(), over: Arc::default() };
        state.save(false)?;
        Ok(state)
    }

    /// The last time, after whatever is being written. Nothing is written from then on.
    pub(crate) fn save_last(&self) -> Result<(), String> {
        self.save(true)
    }

    fn save(&self, last: bool) -> Result<(), String> {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if *over {
            return Ok(());
        }
        *over = last;
        let sets = [self.table.circuits(), self.table.keyed_circuits(), &self.endpoints];
        for (set, file) in sets.into_iter().zip(files(&self.file)) {
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
            let all = self.table.snapshots().into_iter().chain(self.endpoints.snapshots());
            let now = all.map(|circuit| circuit.generation).sum::<u64>();
            if kept == Some(now) {
                continue;
            }
            let state = self.clone();
            match spawn_blocking(move || state.save(false)).await {
                Ok(Ok(())) => (kept, fails) = (Some(now), false),
                Ok(Err(error)) if !std::mem::replace(&mut fails, true) => report::event(error),
                // Said already, or the program ends.
                _ => {}
            }
        }
    }
}

/// One for each of the sets.
fn files(file: &Path) -> [PathBuf; 3] {
    ["", ".keyed", ".endpoints"].map(|ending| {
        let mut name = OsString::from(file);
        name.push(ending);
        name.into()
    })
}
