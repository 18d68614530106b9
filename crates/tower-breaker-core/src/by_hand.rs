//! What an operator did to a circuit, for whoever carries it to other instances.

use std::time::Duration;

use crate::Mode;

/// What was set on a circuit by hand and still stands; from [`Circuit::by_hand`](crate::Circuit::by_hand).
///
/// Each force, reset, change of mode and change of enforcement is a command. Commands are counted, so that one who looks
/// now and then sees that there was one, also if it set what was set already; [`last_reset`](Self::last_reset) tells
/// whether there was a reset among them. A force that ends by its time is no command, and neither is
/// what a restart restored.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub struct ByHand {
    /// Commands so far.
    pub commands: u64,
    /// The number of the command that was the last reset; 0: none.
    pub last_reset: u64,
    /// The force, if one stands.
    pub force: Option<Forced>,
    /// The mode set by hand, if one was.
    pub mode: Option<Mode>,
    /// The enforcement set by hand, if it was.
    pub enforcement: Option<f64>,
}

/// A force set by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Forced {
    /// Open until another force or a reset.
    Open,
    /// Open for so long from now.
    OpenFor(Duration),
    /// Closed until another force or a reset.
    Closed,
}
