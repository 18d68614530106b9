//! Server-sent events: what happens, as it happens.
//!
//! One task serves all who listen. It looks at the circuits once in each interval, however many listen, and once more for
//! those who come in between; it ends with the last of them. A transition costs the call that caused it a push to a short
//! list. Each listener has a queue of its own that is bounded; one that does not read loses its queue and its place, and
//! holds nothing from then on.

mod hub;
mod listener;
mod recent;
mod row;
mod ticker;

pub(crate) use self::hub::Hub;
