//! What `webhook` shows a newcomer, and that it ends by itself.
#![allow(clippy::unwrap_used, reason = "clippy knows tests by `#[test]`, and not the functions they share")]

#[path = "../programs/mod.rs"]
mod programs;

#[test]
fn transitions_are_posted_again_after_failures_and_make_room_while_the_receiver_is_down() {
    let printed = programs::printed("webhook");
    let expected = [
        "request  1: orders closed -> open, generation 1: 503",
        "request  2: orders closed -> open, generation 1: taken",
        "request  3: orders open -> half_open, generation 2: no answer",
        "request  4: orders open -> half_open, generation 2: taken",
        "request  5: orders half_open -> closed, generation 3: taken",
        "request  6: prices closed -> open, generation 1: 503",
        "request  8: prices closed -> open, generation 1: 503",
        "gave up prices closed -> open: answered 503",
        // The newest eight of the 39 that came meanwhile, in their order.
        "request  9: prices closed -> open, generation 33: taken",
        "request 10: prices open -> closed, generation 34: taken",
        "request 16: prices open -> closed, generation 40: taken",
        "11 posted, 1 given up, 31 dropped for newer ones",
    ];
    programs::in_order(&printed, &expected);
    assert!(!printed.contains("known already"), "{printed}");
}
