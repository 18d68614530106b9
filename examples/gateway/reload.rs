//! A routes file that changes: on SIGHUP, and when it is seen to have changed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{
    signal::unix::Signal,
    time::{MissedTickBehavior, interval},
};

use crate::{
    config::{self, Table},
    report,
    stages::Stages,
};

/// How often the file is looked at. It has changed once it looks the same twice, and other than when it was last read: a
/// file that is being written is left alone.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What tells one content of a file from another, as far as a look from outside can.
type Look = Option<(SystemTime, u64)>;

/// Watches for the rest of the program's life.
pub(crate) async fn watch(file: PathBuf, table: Table, stages: Arc<Stages>, mut hangup: Signal, mut read: Look) {
    let mut last = read;
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let asked = tokio::select! {
            asked = hangup.recv() => asked.is_some(),
            _ = tick.tick() => false,
        };
        let now = look(&file);
        let changed = now.is_some() && now == last && now != read;
        last = now;
        if asked || changed {
            read = now;
            reload(&file, &table, &stages);
        }
    }
}

/// How the file looks from outside. `None`: it is not there.
pub(crate) fn look(file: &Path) -> Look {
    let about = fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len()))
}

fn reload(file: &Path, table: &Table, stages: &Stages) {
    match config::load(file) {
        Ok((config, _)) => {
            let routes = config.routes().len();
            stages.apply(&config);
            table.apply(config);
            report::event(format_args!("{} is in force: {routes} routes; circuits keep their state", file.display()));
        }
        Err(error) => report::event(format_args!("{error} (refused; what was in force stays)")),
    }
}
