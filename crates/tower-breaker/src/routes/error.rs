//! What is wrong with a routes document, and where.

use std::{error::Error as StdError, fmt, io, sync::Arc};

/// A routes document that cannot be used: where the mistake is, what stands there and what is accepted.
///
/// It reads like `gateway.toml:12: policies.payments.circuit_breaker.failure_threshold is 0; accepted: 1..=1000000, or
/// false`. File and line are left out where they are not known: text without a name, or a format other than TOML.
#[derive(Debug, Clone)]
pub struct RoutesError {
    file: Option<Arc<str>>,
    line: Option<usize>,
    field: Option<String>,
    problem: String,
    source: Option<Arc<io::Error>>,
}

impl RoutesError {
    /// A mistake of the text itself, which has no field yet.
    pub(super) fn text(line: Option<usize>, problem: impl Into<String>) -> Self {
        Self { file: None, line, field: None, problem: one_line(problem.into()), source: None }
    }

    /// A mistake at a field. `problem` goes on where the name of the field ends: "is 0; accepted: 1 and more".
    pub(super) fn at(field: &str, line: Option<usize>, problem: impl Into<String>) -> Self {
        Self { field: Some(field.to_owned()), ..Self::text(line, problem) }
    }

    pub(super) fn unreadable(file: &str, cause: io::Error) -> Self {
        let problem = format!("cannot be read: {cause}");
        Self { file: Some(file.into()), source: Some(Arc::new(cause)), ..Self::text(None, problem) }
    }

    #[must_use]
    pub(super) fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.into());
        self
    }

    /// The file, where the document came from one or was given a name.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The line in the text, from 1; known for TOML alone.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// The path of the field, such as `routes[2].policy`. `None` where the text could not be read as a document.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What is wrong and what is accepted, without the place.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for RoutesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        match &self.field {
            Some(field) => write!(f, "{field} {}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl StdError for RoutesError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|cause| cause as _)
    }
}

/// An error is one line, whatever a parser or a caller's own type had to say.
fn one_line(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}
