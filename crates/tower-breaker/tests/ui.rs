//! Messages of the compiler where a stack does not fit together: they name what is missing.

/// `TRYBUILD=overwrite cargo test -p tower-breaker --all-features --test ui -- --ignored` writes the messages down anew: read
/// them as somebody who has never seen these types.
#[test]
#[ignore = "needs Rust 1.95, whose messages it knows; builds what it depends on once more"]
fn what_does_not_fit_is_told_in_words() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
