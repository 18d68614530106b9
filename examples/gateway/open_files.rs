//! How many files and connections the system lets this program have open at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is needed beside the callers: listeners, files, pipes, callers who are turned away, the admin address.
const BESIDE: u64 = 120;

/// Raises the limit as far as this may be done without rights: the low default of many systems is for programs that
/// cannot count beyond it. `None`: there is no limit.
pub(crate) fn raise() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Where it is refused, what was in force stays.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    getrlimit(Resource::Nofile).current
}

/// How many callers there is room for, of `asked` or by default: each may have a connection to an upstream too.
///
/// Whoever asks for a number knows how many calls the bulkheads let through, and needs room for the callers alone.
/// An error is one line.
pub(crate) fn room(asked: Option<usize>, default: usize, limit: Option<u64>) -> Result<usize, String> {
    let Some(limit) = limit else { return Ok(asked.unwrap_or(default)) };
    let room = usize::try_from(limit.saturating_sub(BESIDE)).unwrap_or(usize::MAX);
    match asked {
        Some(asked) if asked > room => Err(format!(
            "--max-connections is {asked}; the limit of {limit} open files (ulimit -n) has room for {room} and the rest of \
             the program"
        )),
        Some(asked) => Ok(asked),
        None => Ok(default.min(room / 2).max(1)),
    }
}
