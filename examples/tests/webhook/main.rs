//! What `webhook` shows a newcomer, and that it ends by itself.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

#[path = "../program.rs"]
mod program;

#[test]
fn transitions_are_posted_again_after_failures_and_make_room_while_the_receiver_is_down() {
    let printed = program::printed("webhook");
    let expected = [
        "request  1: orders closed -> open: 503",
        "request  2: orders closed -> open: taken",
        "request  3: orders open -> half_open: no answer",
        "request  4: orders open -> half_open: taken",
        "request  5: orders half_open -> closed: taken",
        "request  6: prices closed -> open: 503",
        "request  8: prices closed -> open: 503",
        "gave up prices closed -> open: answered 503",
        // The newest of those that waited, to the last.
        "request 16: prices open -> closed: taken",
        "11 posted, 1 given up, 31 dropped for newer ones",
    ];
    program::in_order(&printed, &expected);
    assert!(!printed.contains("known already"), "{printed}");
}
