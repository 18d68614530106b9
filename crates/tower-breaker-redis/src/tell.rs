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

#[cfg(all(test, feature = "tracing"))]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{
        Event, Level, Metadata, Subscriber,
        span::{Attributes, Id, Record},
        subscriber::with_default,
    };

    use super::*;

    /// Keeps the level of every event.
    struct Log(Arc<Mutex<Vec<Level>>>);

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            self.0.lock().expect("whole").push(*event.metadata().level());
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_log_is_told_at_the_levels_the_events_name_whatever_an_observer_does() {
        let told = Arc::default();
        with_default(Log(Arc::clone(&told)), || {
            let (circuit, reason) = (String::new(), String::new());
            let unwell: &Tell = &|_| panic!("an observer's own");
            tell(None, "default", &FleetEvent::Joined { after: None });
            tell(Some(unwell), "default", &FleetEvent::Away { reason: reason.clone() });
            tell(Some(unwell), "default", &FleetEvent::Damaged { circuit, reason });
        });
        assert_eq!(*told.lock().expect("whole"), [Level::INFO, Level::WARN, Level::WARN]);
    }
}
