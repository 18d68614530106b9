//! What goes wrong behind the gateway, and with its routes file.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    PATIENCE,
    ground::{Ground, routes},
    tally::{Seen, Tally},
    until,
    upstream::Mood,
};

pub(crate) fn none(ground: &mut Ground, tally: &Tally) -> String {
    thread::sleep(ground.scale.trouble);
    until("real answers", || (tally.count(Seen::Real) > 100).then_some(()));
    tally.is_real_but_for_a_few();
    String::new()
}

pub(crate) fn killed(ground: &mut Ground, tally: &Tally) -> String {
    until("real answers", || (tally.count(Seen::Real) > 100).then_some(()));
    ground.upstream.kill();
    until("502", || (tally.count(Seen::Own(502)) > 0).then_some(()));
    until("refusals", || (tally.count(Seen::Own(503)) > 20).then_some(()));
    thread::sleep(ground.scale.trouble);
    ground.upstream.restart();
    String::new()
}

pub(crate) fn hung(ground: &mut Ground, tally: &Tally) -> String {
    until("real answers", || (tally.count(Seen::Real) > 100).then_some(()));
    ground.mood(Mood::Hung);
    until("504", || (tally.count(Seen::Own(504)) > 0).then_some(()));
    until("refusals", || (tally.count(Seen::Own(503)) > 20).then_some(()));
    thread::sleep(ground.scale.trouble);
    ground.mood(Mood::Well);
    String::new()
}

pub(crate) fn cutting(ground: &mut Ground, tally: &Tally) -> String {
    ground.mood(Mood::Cutting);
    until("answers that break off", || (tally.count(Seen::Cut) > 20).then_some(()));
    thread::sleep(ground.scale.trouble);
    ground.mood(Mood::Well);
    String::new()
}

/// Good documents and bad ones in turn, by a signal and by the file alone.
pub(crate) fn reloads(ground: &mut Ground, tally: &Tally) -> String {
    let loads = |of: &str| ground.gateway.lines().iter().filter(|line| line.contains(of)).count();
    let (good, bad) = ("is in force", "refused; what was in force stays");
    let before = [loads(good), loads(bad)];
    let file = ground.gateway.file.as_ref().unwrap();
    let (start, mut signals) = (Instant::now(), 0);
    let told = || [loads(good) - before[0], loads(bad) - before[1]];
    // Signals that come while the last one is minded are one.
    while start.elapsed() < ground.scale.trouble || signals < 40 || told().iter().any(|times| *times < 5) {
        assert!(start.elapsed() < ground.scale.trouble + PATIENCE, "{:?} of {signals}", told());
        let document = routes(&ground.upstream, 120 + signals % 8, "");
        let wrong = ["upstraem = \"\"", "[[routes]]", "= = ="][signals % 3];
        file.write(&if signals % 2 == 0 { document } else { format!("{document}{wrong}\n") });
        ground.gateway.signal(Signal::HUP);
        signals += 1;
        thread::sleep(Duration::from_millis(10));
    }
    // And one that only the file tells of.
    let last = loads(good);
    file.write(&routes(&ground.upstream, 128, "# the last one\n"));
    until("the last document in force", || (loads(good) > last).then_some(()));
    let [good, bad] = told();
    tally.is_real_but_for_a_few();
    format!("{signals} signals, {good} documents in force, {bad} refused")
}
