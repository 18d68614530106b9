//! Saying each thing once.

use crate::FleetEvent;

pub(crate) type Tell = dyn Fn(&FleetEvent) + Send + Sync;

/// Logs an event and hands it to whoever asked for it. A panic of theirs ends there: the fleet goes on.
pub(crate) fn tell(observer: Option<&Tell>, set: &str, event: &FleetEvent) {
    log(set, event);
    if let Some(observer) = observer {
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| observer(event)));
    }
}

#[cfg(feature = "tracing")]
fn log(set: &str, event: &FleetEvent) {
    match event {
        FleetEvent::Joined { after } => tracing::info!(set, ?after, "joined the fleet"),
        FleetEvent::Away { reason } => {
            tracing::warn!(set, reason, "the fleet is out of reach; every circuit goes on by itself");
        }
        FleetEvent::Damaged { circuit, reason } => {
            tracing::warn!(set, circuit, reason, "what the fleet holds of this circuit was changed by hand");
        }
    }
}

#[cfg(not(feature = "tracing"))]
const fn log(_: &str, _: &FleetEvent) {}
