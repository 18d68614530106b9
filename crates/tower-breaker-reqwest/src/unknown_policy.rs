use std::{error::Error, fmt, sync::Arc};

/// A call named a policy that is not there, and was not sent: the error behind a `reqwest_middleware::Error::Middleware`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPolicy {
    name: Arc<str>,
    known: String,
}

impl UnknownPolicy {
    pub(crate) fn new(name: &str, mut known: Vec<String>) -> Self {
        known.sort();
        known.dedup();
        let known = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Self { name: name.into(), known }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for UnknownPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, known } = self;
        let known = if known.is_empty() { "none, no policy has a name" } else { known };
        write!(f, "the call asks for policy `{name}`, which is not there; accepted: {known}")
    }
}

impl Error for UnknownPolicy {}
