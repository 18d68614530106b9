//! Export, restart, restore.

use std::{
    fs,
    path::{Path, PathBuf},
    process,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tower_breaker_core::{
    ActiveMode, CircuitBreakerConfigBuilder, Circuits, Export, ManualClock, Mode, Outcome, Reason, State,
};

use super::{admitted, fail, ms, plain, secs, succeed};

/// A process's set, on a monotonic clock of its own.
fn process_with(config: CircuitBreakerConfigBuilder) -> (Circuits, ManualClock) {
    let clock = ManualClock::new();
    let config = config.build().expect("a valid configuration");
    (Circuits::builder().config(config).clock(clock.clone()).build(), clock)
}

fn minute() -> CircuitBreakerConfigBuilder {
    plain().open_duration(secs(60)).open_duration_multiplier(2.0).max_open_duration(secs(600))
}

/// Wall time, so many seconds after a stamp.
fn wall(seconds: i64) -> SystemTime {
    let stamp = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { stamp - by } else { stamp + by }
}

/// Through text, as a restart would.
fn through_json(export: &Export) -> Export {
    let text = serde_json::to_string(export).expect("an export is JSON");
    serde_json::from_str(&text).expect("what was written is read")
}

fn restored(export: &Export, seconds_later: i64, config: CircuitBreakerConfigBuilder) -> (Circuits, ManualClock) {
    let (circuits, clock) = process_with(config);
    clock.advance(ms(5));
    circuits.restore_at(export, wall(seconds_later)).expect("it is whole");
    (circuits, clock)
}

/// An export of a circuit `db`, open with 40 s of its wait left.
fn open_for_40_more() -> Export {
    let (circuits, clock) = process_with(minute());
    fail(&circuits.get_or_create("db"), 3);
    clock.advance(secs(20));
    through_json(&circuits.export_at(wall(0)))
}

#[test]
fn an_export_speaks_of_the_circuits_that_are_not_simply_closed() {
    let (circuits, _) = process_with(minute());
    succeed(&circuits.get_or_create("well"), 1);
    let nothing = circuits.export_at(wall(0));
    assert_eq!((nothing.len(), nothing.is_empty()), (0, true));
    circuits.get_or_create("forced").force_open();
    let export = circuits.export_at(wall(0));
    assert_eq!((export.len(), export.is_empty()), (1, false));
}

#[test]
fn an_export_of_another_version_or_with_an_impossible_share_says_what_is_accepted() {
    let text = serde_json::to_string(&open_for_40_more()).unwrap();
    let refused = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        let export: Export = serde_json::from_str(&text.replacen(from, to, 1)).expect("it is read");
        process_with(minute()).0.restore_at(&export, wall(0)).unwrap_err().to_string()
    };
    assert_eq!(refused("\"version\":1", "\"version\":2"), "version is 2; accepted: 1");
    let share = refused("\"opens_in_row\":1", "\"opens_in_row\":1,\"enforcement\":7.0");
    assert_eq!(share, "enforcement of `db` is 7; accepted: a share in [0, 1]");
}

#[test]
fn an_open_circuit_waits_only_the_rest() {
    let (circuits, clock) = restored(&open_for_40_more(), 15, minute());
    let db = circuits.get("db").unwrap();
    assert_eq!(db.snapshot().open_remaining, Some(secs(25)));
    assert_eq!(db.try_acquire().unwrap_err().reason(), Reason::Open);
    clock.advance(secs(25));
    fail(&db, 1);
    let now = db.snapshot();
    assert_eq!((now.opens_in_row, now.open_wait), (2, Some(secs(120))), "the row of opens went on");
}

#[test]
fn no_restored_wait_is_longer_than_exported_or_than_the_cap() {
    let left = |later, config| {
        let (circuits, _) = restored(&open_for_40_more(), later, config);
        circuits.snapshot("db").unwrap().open_remaining
    };
    assert_eq!(left(0, minute()), Some(secs(40)));
    assert_eq!(left(-1_000_000, minute()), Some(secs(40)), "wall time was set back");
    assert_eq!(left(1_000_000, minute()), Some(Duration::ZERO));
    assert_eq!(left(0, plain().max_open_duration(secs(7))), Some(secs(7)));
}

#[test]
fn a_half_open_circuit_comes_back_open_with_its_wait_over() {
    let (circuits, clock) = process_with(minute());
    let db = circuits.get_or_create("db");
    fail(&db, 3);
    clock.advance(secs(60));
    succeed(&db, 1);
    assert_eq!(db.state(), State::HalfOpen);
    let (circuits, _) = restored(&through_json(&circuits.export_at(wall(0))), 0, minute());
    let db = circuits.get("db").unwrap();
    assert!(db.snapshot().ready_to_probe);
    let _probe = admitted(&db);
    assert!(db.try_acquire().is_err());
}

#[test]
fn forces_modes_and_shares_come_back() {
    let (circuits, clock) = process_with(minute());
    circuits.get_or_create("open").force_open();
    circuits.get_or_create("timed").force_open_for(secs(100));
    circuits.get_or_create("closed").force_closed();
    circuits.get_or_create("observed").set_mode(Mode::Observe);
    circuits.get_or_create("partly").set_enforcement(0.25).unwrap();
    succeed(&circuits.get_or_create("untouched"), 9);
    clock.advance(secs(30));
    let export = through_json(&circuits.export_at(wall(0)));
    assert_eq!(export.len(), 5);
    let (circuits, clock) = restored(&export, 10, minute());
    let mode = |name: &str| circuits.snapshot(name).unwrap().mode;
    assert_eq!([mode("open"), mode("timed")], [ActiveMode::ForcedOpen; 2]);
    assert_eq!([mode("closed"), mode("observed")], [ActiveMode::ForcedClosed, ActiveMode::Observe]);
    assert_eq!(circuits.snapshot("partly").unwrap().enforcement, 0.25);
    assert!(circuits.get("untouched").is_none());
    assert_eq!(circuits.snapshot("timed").unwrap().open_remaining, Some(secs(60)));
    clock.advance(secs(60));
    assert!(circuits.snapshot("timed").unwrap().ready_to_probe);
    assert_eq!(mode("open"), ActiveMode::ForcedOpen);
}

#[test]
fn windows_and_totals_are_not_kept() {
    let (circuits, _) = restored(&open_for_40_more(), 0, minute());
    let now = circuits.snapshot("db").unwrap();
    assert_eq!((now.totals.calls(), now.window.calls, now.failures_in_row), (0, 0, 0));
}

#[test]
fn a_restore_begins_a_new_generation() {
    let (circuits, _) = process_with(minute());
    let db = circuits.get_or_create("db");
    let before = admitted(&db);
    circuits.restore_at(&open_for_40_more(), wall(0)).unwrap();
    assert_eq!(db.state(), State::Open);
    before.record(Outcome::Success);
    assert_eq!((db.state(), db.snapshot().totals.stale), (State::Open, 1));
}

#[test]
fn what_was_set_by_hand_since_the_start_stands() {
    let (old, _) = process_with(minute());
    old.get_or_create("db").force_open();
    old.get_or_create("db").set_mode(Mode::Observe);
    old.get_or_create("db").set_enforcement(0.25).unwrap();
    let export = old.export_at(wall(0));
    let (circuits, _) = process_with(minute());
    let db = circuits.get_or_create("db");
    db.force_closed();
    db.set_enforcement(0.75).unwrap();
    circuits.restore_at(&export, wall(0)).unwrap();
    let now = db.snapshot();
    assert_eq!((now.mode, now.enforcement), (ActiveMode::ForcedClosed, 0.75));
}

/// A folder of this test, gone at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tower-breaker-{name}-{}", process::id()));
        fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("circuits.json")
    }

    fn entries(&self) -> usize {
        fs::read_dir(&self.0).expect("the folder is there").count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A set with something to lose, and what it looks like.
fn with_an_open_circuit() -> Circuits {
    let (circuits, _) = process_with(minute());
    fail(&circuits.get_or_create("db"), 3);
    circuits
}

/// Loading says what is wrong with which file, changes no circuit, and leaves the file as it is.
fn is_refused(path: &Path, content: &[u8]) {
    fs::write(path, content).expect("the folder is writable");
    let circuits = with_an_open_circuit();
    let before = circuits.snapshots();
    let error = circuits.load(path).expect_err("it is damaged");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert_eq!((error.path(), error.is_not_found()), (path, false));
    assert_eq!(circuits.snapshots(), before);
    assert_eq!(fs::read(path).expect("it is still there"), content);
}

#[test]
fn a_saved_file_is_loaded_and_nothing_lies_beside_it() {
    let folder = Folder::new("saved");
    let circuits = with_an_open_circuit();
    circuits.save(folder.file()).unwrap();
    circuits.get_or_create("other").force_open();
    circuits.save(folder.file()).unwrap();
    assert_eq!(folder.entries(), 1);
    let (circuits, _) = process_with(minute());
    assert_eq!(circuits.load(folder.file()).unwrap(), 2);
    assert_eq!(circuits.snapshot("db").unwrap().state, State::Open);
    assert_eq!(circuits.snapshot("other").unwrap().mode, ActiveMode::ForcedOpen);
}

#[test]
fn a_half_written_file_is_an_error_that_names_it_wherever_it_breaks_off() {
    let folder = Folder::new("half-written");
    with_an_open_circuit().save(folder.file()).unwrap();
    let whole = fs::read(folder.file()).unwrap();
    let text = whole.trim_ascii_end();
    for end in 0..text.len() {
        is_refused(&folder.file(), &text[..end]);
    }
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let folder = Folder::new("damaged");
    with_an_open_circuit().save(folder.file()).unwrap();
    let text = fs::read_to_string(folder.file()).unwrap();
    let wrong = |from: &str, to: &str| {
        assert!(text.contains(from), "{from} in {text}");
        is_refused(&folder.file(), text.replacen(from, to, 1).as_bytes());
    };
    wrong("\"version\": 1", "\"version\": 2");
    wrong("\"open\"", "\"ajar\"");
    wrong("\"opens_in_row\": 1", "\"opens_in_row\": -1");
    wrong("\"remaining\": \"", "\"remaining\": \"soon ");
    wrong("\"name\":", "\"surname\":");
    wrong("\"opens_in_row\": 1", "\"opens_in_row\": 1, \"enforcement\": 7.0");
    is_refused(&folder.file(), &[text.as_bytes(), b"{}"].concat());
    is_refused(&folder.file(), b"\xff\xfe\x00");
}

#[test]
fn no_file_is_a_first_start_and_a_file_that_cannot_be_written_is_an_error() {
    let folder = Folder::new("absent");
    let circuits = with_an_open_circuit();
    assert!(circuits.load(folder.file()).unwrap_err().is_not_found());
    let nowhere = folder.0.join("no such folder").join("circuits.json");
    let error = circuits.save(&nowhere).unwrap_err();
    assert!(error.to_string().contains("no such folder"), "{error}");
    let cause = std::error::Error::source(&error).expect("the system's own error");
    assert!(cause.is::<std::io::Error>(), "{cause}");
    assert_eq!(folder.entries(), 0);
}

#[test]
fn a_recovery_ramp_goes_on_where_it_was() {
    let config = || minute().recovery_ramp(secs(100));
    let (circuits, clock) = process_with(config());
    let db = circuits.get_or_create("db");
    fail(&db, 3);
    clock.advance(secs(60));
    succeed(&db, 2);
    clock.advance(secs(30));
    let export = through_json(&circuits.export_at(wall(0)));
    let now = |later, config| restored(&export, later, config).0.snapshot("db").unwrap();
    let after = now(20, config());
    assert_eq!((after.state, after.ramp_remaining, after.opens_in_row), (State::Closed, Some(secs(50)), 1));
    for (later, config) in [(70, config()), (20, minute()), (20, minute().recovery_ramp(secs(50)))] {
        let after = now(later, config);
        assert_eq!((after.state, after.ramp_share, after.opens_in_row), (State::Closed, None, 0));
    }
}
