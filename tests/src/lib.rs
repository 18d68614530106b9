//! Empty: a package needs one target. Goes when the first `[[test]]` comes.
