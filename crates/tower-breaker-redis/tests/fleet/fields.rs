//! What the script makes of fields of a circuit's hash that were changed by hand.

use super::script::{Circuit, SAID, Said};

/// The words of a line as an instance reads them: epoch, state, since, wait, row, mode, share, until, lease, its rest, calls, failures,
/// slow, who saw failures, what is damaged, whether it was late.
fn is_readable(words: &[String]) -> bool {
    let [epoch, _, since, wait, row, _, share, until, _, rest, calls, failures, slow, seen_by, _, _] = words else {
        return false;
    };
    let share_is = |share: f64| (0.0..=1.0).contains(&share);
    [epoch, calls, failures, slow].iter().all(|word| word.parse::<u64>().is_ok())
        && [since, wait, until, rest].iter().all(|word| word.parse::<i64>().is_ok())
        && [row, seen_by].iter().all(|word| word.parse::<u32>().is_ok())
        && (share == "-" || share.parse().is_ok_and(share_is))
}

#[test]
#[ignore = "needs redis-server"]
fn a_field_that_no_instance_can_read_counts_as_not_there_and_is_said() {
    let circuit = Circuit::open();
    // What they are in their order of the answer, where nothing is there.
    for (field, bad, at, plain) in [
        ("e", "-1", 0, "0"),
        ("e", "1e16", 0, "0"),
        ("e", "1.5", 0, "0"),
        ("e", "nan", 0, "0"),
        ("s", "half", 1, "c"),
        ("at", "-1", 2, "1700000000000"),
        ("at", "inf", 2, "1700000000000"),
        ("w", "-1", 3, "0"),
        ("w", "4e12", 3, "0"),
        ("n", "-1", 4, "0"),
        ("n", "4294967296", 4, "0"),
        ("m", "x", 5, "-"),
        ("x", "0x1", 6, "-"),
        ("x", " 1", 6, "-"),
        ("x", "1e-3", 6, "-"),
        ("x", "1.5", 6, "-"),
        ("x", ".", 6, "-"),
        ("x", "", 6, "-"),
        ("u", "-2", 7, "-1"),
        ("u", "1e18", 7, "-1"),
        ("3", "1700000000000 99999999999999999999 0 0", 10, "0"),
        ("3", "1700000000000 -1 0 0", 10, "0"),
        ("lu", "many", 9, "0"),
    ] {
        circuit.server.command(&["HSET", "circuit", "e", "1", field, bad]);
        let words = circuit.answer("a", Said { epoch: 1, ..SAID });
        assert!(is_readable(&words), "{field} {bad:?}: {words:?}");
        let plain = if field == "e" { "1" } else { plain };
        assert_eq!((&*words[at], &*words[14]), (plain, field), "{field} {bad:?}");
        assert_eq!(circuit.answer("a", Said { epoch: 1, ..SAID })[14], "-", "{field} {bad:?} was mended");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_field_at_the_end_of_its_range_is_as_good_as_any() {
    let circuit = Circuit::open();
    for (field, good, at, read) in [
        ("w", "3000000000000", 3, "3000000000000"),
        ("n", "4294967295", 4, "4294967295"),
        ("x", "0", 6, "0"),
        ("x", "1", 6, "1"),
        ("x", ".5", 6, ".5"),
        ("u", "-1", 7, "-1"),
    ] {
        circuit.server.command(&["HSET", "circuit", field, good]);
        let words = circuit.answer("a", Said { epoch: 1, ..SAID });
        assert!(is_readable(&words), "{field} {good:?}: {words:?}");
        assert_eq!((&*words[at], &*words[14]), (read, "-"), "{field} {good:?}");
    }
    // One more open in a row is not counted.
    circuit.server.command(&["HSET", "circuit", "w", "0"]);
    let words = circuit.answer("a", Said { epoch: 1, act: "reopen", ..SAID });
    assert_eq!((&*words[0], &*words[4]), ("2", "4294967295"));
}

#[test]
#[ignore = "needs redis-server"]
fn a_force_whose_end_lies_before_its_begin_has_ended_and_does_not_stand_for_ever() {
    let circuit = Circuit::new();
    circuit.answer("a", Said { act: "hand", state: "fo", ..SAID });
    // By hand, or a clock set back by more than its length twice.
    let tomorrow = (circuit.now.get() + 2_000_000_000_000).to_string();
    circuit.server.command(&["HSET", "circuit", "at", &tomorrow, "u", "5"]);
    assert_eq!(circuit.answer("a", Said { epoch: 1, ..SAID })[1], "o");
}
