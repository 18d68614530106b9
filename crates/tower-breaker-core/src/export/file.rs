//! An export in a file (feature `state-file`): JSON, written atomically.

use std::{
    error::Error as StdError,
    ffi::OsString,
    fmt,
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    path::{Path, PathBuf},
    process,
};

use super::Export;
use crate::Circuits;

/// A state file that could not be written, read or restored. It is left as it was.
#[derive(Debug)]
pub struct StateFileError {
    path: PathBuf,
    what: &'static str,
    source: Box<dyn StdError + Send + Sync>,
}

impl StateFileError {
    fn new(path: &Path, what: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { path: path.to_owned(), what, source: source.into() }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is no such file: a first start.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.source.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for StateFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "state file {} {}: {}", self.path.display(), self.what, self.source)
    }
}

impl StdError for StateFileError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}

impl Circuits {
    /// Writes what the set knows to `path`, atomically: a reader sees the old file or the new one.
    ///
    /// # Errors
    ///
    /// [`StateFileError`] if the file, or one beside it under a temporary name, cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), StateFileError> {
        let path = path.as_ref();
        let failed = |error: io::Error| StateFileError::new(path, "cannot be written", error);
        let text = serde_json::to_vec_pretty(&self.export()).map_err(|error| failed(error.into()))?;
        let beside = beside(path);
        let written = write_through(&beside, &text).and_then(|()| fs::rename(&beside, path));
        written.map_err(|error| {
            // Nothing to add if even that fails: the first error says what is wrong.
            let _ = fs::remove_file(&beside);
            failed(error)
        })
    }

    /// Restores what [`save`](Self::save) wrote; gives back how many circuits it spoke of.
    ///
    /// # Errors
    ///
    /// [`StateFileError`] if there is no such file ([`is_not_found`](StateFileError::is_not_found)), or it cannot be read,
    /// is damaged, or is of another version. Then nothing is changed, and the file is left in place.
    pub fn load(&self, path: impl AsRef<Path>) -> Result<usize, StateFileError> {
        let path = path.as_ref();
        let text = fs::read(path).map_err(|error| StateFileError::new(path, "cannot be read", error))?;
        let export: Export =
            serde_json::from_slice(&text).map_err(|error| StateFileError::new(path, "is damaged", error))?;
        self.restore(&export).map_err(|error| StateFileError::new(path, "cannot be restored", error))?;
        Ok(export.len())
    }
}

/// A name that nobody else has, nor guesses: two threads may save at once, and so may two containers on one volume, in each
/// of which this is process 1.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{:016x}.tmp", RandomState::new().hash_one(process::id())));
    name.into()
}

fn write_through(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(text)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_saves_has_a_file_of_its_own_beside() {
        let path = Path::new("/var/lib/circuits.json");
        let names = [beside(path), beside(path)];
        assert_ne!(names[0], names[1], "even of one thread");
        assert!(names.iter().all(|name| name.parent() == path.parent()), "a rename stays in one file system");
    }
}
