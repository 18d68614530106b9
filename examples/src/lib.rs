//! Empty: a package needs one target. Goes when the first `[[example]]` comes.
