//! Any text is an export or refused; any export is restored, or refused whole; no wait outlasts its cap, and what was restored
//! can be written and read again.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use tower_breaker_core::{ActiveMode, Circuits, Export, ManualClock};

fuzz_target!(|text: &str| {
    let Ok(export) = serde_json::from_str::<Export>(text) else { return };
    let clock = ManualClock::new();
    let circuits = Circuits::builder().clock(clock.clone()).build();
    let wall = UNIX_EPOCH + Duration::from_secs(1_700_000_003);
    if circuits.restore_at(&export, wall).is_err() {
        assert!(circuits.list().is_empty());
        return;
    }
    for circuit in circuits.list() {
        let snapshot = circuit.snapshot();
        let most = snapshot.config.max_open_duration();
        let by_hand = snapshot.mode == ActiveMode::ForcedOpen;
        assert!(by_hand || snapshot.open_remaining.is_none_or(|left| left <= most), "{snapshot:?}");
        drop(circuit.try_acquire());
        clock.advance(Duration::from_secs(1));
        drop(circuit.try_acquire());
    }
    let again = serde_json::to_string(&circuits.export_at(wall)).expect("an export is JSON");
    serde_json::from_str::<Export>(&again).expect("what was written is read");
});
