//! Whatever an export says, it is restored or refused.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use tower_breaker_core::{Circuits, Export, ManualClock};

use super::{plain, secs};

const WHOLE: &str = r#"{"version":1,"stamped":"1700000000s","circuits":[{"name":"db","state":"open","forced":{"open_for":"5s"},"mode":"observe","enforcement":0.5,"opens_in_row":3,"remaining":"40s","recovering_for":"1s"}]}"#;

const PIECES: &[&str] = &[
    "",
    "\"",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "0",
    "-1",
    "1e999",
    "null",
    "NaN",
    "18446744073709551616",
    "\"0s\"",
    "\"999999999999years\"",
    "\"half_open\"",
    "\"closed\"",
    "\"open\"",
    "4294967295",
    "\\u0000",
    "version",
    "remaining",
];

fn check(text: &str) {
    let Ok(export) = serde_json::from_str::<Export>(text) else { return };
    let clock = ManualClock::new();
    let config = plain().build().expect("a valid configuration");
    let circuits = Circuits::builder().config(config).clock(clock.clone()).build();
    let wall = UNIX_EPOCH + Duration::from_secs(1_700_000_003);
    if circuits.restore_at(&export, wall).is_err() {
        assert_eq!(circuits.list().len(), 0, "refused whole");
        return;
    }
    for circuit in circuits.list() {
        let most = circuit.config().max_open_duration();
        let snapshot = circuit.snapshot();
        let by_hand = snapshot.mode == tower_breaker_core::ActiveMode::ForcedOpen;
        assert!(by_hand || snapshot.open_remaining.is_none_or(|left| left <= most), "{snapshot:?}");
        drop(circuit.try_acquire());
        clock.advance(secs(1));
        drop(circuit.try_acquire());
    }
    let again = serde_json::to_string(&circuits.export_at(wall)).expect("an export is JSON");
    serde_json::from_str::<Export>(&again).expect("what was written is read");
}

proptest! {
    #[test]
    fn any_export_is_restored_or_refused(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..10, prop::sample::select(PIECES)), 0..5),
    ) {
        let mut text: Vec<char> = WHOLE.chars().collect();
        for (at, gone, piece) in edits {
            let at = at.index(text.len());
            let end = (at + gone).min(text.len());
            text.splice(at..end, piece.chars());
        }
        check(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_text_is_an_export_or_refused(text in "\\PC{0,200}") {
        check(&text);
    }
}

/// The document the edits begin with is a good one: otherwise they would all be refused at once.
#[test]
fn the_document_that_is_edited_is_whole() {
    let export: Export = serde_json::from_str(WHOLE).expect("it is whole");
    assert_eq!(export.len(), 1);
    check(WHOLE);
}
