//! Each call that was let through is in one total, or still out, whatever else happened at once.

use tower_breaker_core::{Mode, Outcome};

use super::{both, circuit, consecutive, model};

#[test]
fn totals_and_what_is_still_out_add_up_to_what_was_let_through() {
    model(|| {
        let (circuit, _clock) = circuit(consecutive().mode(Mode::Observe));
        let mut permits = (0..3).map(|_| circuit.try_acquire().expect("closed"));
        let (Some(out), Some(succeeds), Some(fails)) = (permits.next(), permits.next(), permits.next()) else { return };
        drop(permits);
        let other = circuit.clone();
        both(
            move || {
                succeeds.record(Outcome::Success);
                // Trips, unless the reset made it late.
                fails.record(Outcome::Failure);
            },
            move || {
                // Let through by a closed circuit or by one that observes.
                drop(other.try_acquire().expect("observing refuses nothing"));
                other.reset();
            },
        );
        let totals = circuit.snapshot().totals;
        assert_eq!(totals.calls(), 3, "of four, one is still out: {totals:?}");
        let each = [totals.successes, totals.failures, totals.ignored, totals.cancelled, totals.stale, totals.bypassed];
        assert_eq!(each.iter().sum::<u64>(), 3, "{totals:?}");
        drop(out);
        assert_eq!(circuit.snapshot().totals.calls(), 4);
    });
}
