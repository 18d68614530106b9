//! Somebody sets the wall clock while circuits are open: what decides may not have looked at it.

use std::{fs, path::Path};

use super::root;

/// Where the libraries read it, and what for.
const PLACES: [(&str, &str); 4] = [
    ("crates/tower-breaker-axum/src/events/row.rs", "the time an event is shown with"),
    ("crates/tower-breaker-axum/src/routes.rs", "the times a health report shows"),
    ("crates/tower-breaker-core/src/export/mod.rs", "the stamp of an export, and how long ago that was"),
    ("crates/tower-breaker/src/headers.rs", "a `Retry-After` date of a server that does not send its own time"),
];

/// The sources below a folder that name what reads it.
fn readers(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            readers(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            // Also where it is named alone, to be called elsewhere.
            if ["SystemTime::now", "UNIX_EPOCH.elapsed", "ClockId::Realtime"].iter().any(|way| source.contains(way)) {
                found.push(path.strip_prefix(root()).unwrap().display().to_string());
            }
        }
    }
}

#[test]
fn the_wall_clock_is_read_in_these_places_and_nowhere_else() {
    let mut found = Vec::new();
    for package in fs::read_dir(root().join("crates")).unwrap() {
        readers(&package.unwrap().path().join("src"), &mut found);
    }
    found.sort();
    assert_eq!(found, PLACES.map(|(file, _)| file), "who reads the wall clock says here what for");
}
