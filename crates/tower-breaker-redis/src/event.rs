use std::time::Duration;

/// What a fleet says of itself, to [`FleetBuilder::on_event`](crate::FleetBuilder::on_event) and, with the feature `tracing`, to
/// the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FleetEvent {
    /// Redis answers: from here on the fleet is one. INFO.
    #[non_exhaustive]
    Joined {
        /// For how long it was away; `None` the first time.
        after: Option<Duration>,
    },
    /// Redis does not answer, or not so that it can be used: every circuit goes on by itself. Said once, not once a round. WARN.
    #[non_exhaustive]
    Away {
        /// What is wrong and where, without a password.
        reason: String,
    },
    /// What Redis holds of one circuit was changed by hand to what it cannot be. The field counts as not there; a key of
    /// another type leaves that circuit to itself. Said once a circuit until it is well again. WARN.
    #[non_exhaustive]
    Damaged {
        /// The circuit's name.
        circuit: String,
        /// What is wrong.
        reason: String,
    },
}
