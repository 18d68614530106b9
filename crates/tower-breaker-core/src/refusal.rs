use std::error::Error as StdError;

use crate::Rejected;

/// A refusal by one of the stages of a stack, as other stages must know it.
///
/// A refusal *response* carries it as an extension, so that a classifier ignores it and a retry treats it as final
/// wherever the layers stand. A refusal *error* is found by [`Refusal::find`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A circuit breaker refused.
    CircuitOpen(Rejected),
}

impl Refusal {
    /// The refusal behind `error`, if there is one anywhere along its `source()`s.
    #[must_use]
    pub fn find(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(rejected) = error.downcast_ref::<Rejected>() {
                return Some(Self::CircuitOpen(rejected.clone()));
            }
            next = error.source();
        }
        None
    }
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        Self::CircuitOpen(rejected)
    }
}
