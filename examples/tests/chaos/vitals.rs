//! What is looked at before, during and after each phase.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    client::get,
    process::{Gateway, metric},
    tally::Vitals,
};

pub(crate) fn vitals(gateway: &Gateway) -> Vitals {
    let stages: Value = serde_json::from_slice(&get(gateway.admin, "/stages").body).unwrap();
    let places = stages.as_object().unwrap().values().map(|stage| &stage["bulkhead"]);
    let places = places.map(|it| it["in_use"].as_u64().unwrap_or(0) + it["queued"].as_u64().unwrap_or(0)).sum();
    let page = gateway.metrics();
    let metric = |name: &str| metric(&page, name);
    Vitals {
        resident_kib: resident_kib(gateway.id()),
        tasks: metric("gateway_tasks"),
        connections: metric("gateway_connections"),
        descriptors: gateway.descriptors() as u64,
        places,
    }
}

fn resident_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Looks at the gateway all the while, and keeps the most of everything.
pub(crate) struct Watch {
    over: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<Vitals>>,
}

impl Watch {
    pub(crate) fn start(gateway: &Arc<Gateway>) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let (gateway, is_over) = (Arc::clone(gateway), Arc::clone(&over));
        let thread = thread::spawn(move || {
            let mut most = vitals(&gateway);
            while !is_over.load(SeqCst) {
                thread::sleep(Duration::from_millis(100));
                let now = vitals(&gateway);
                most = Vitals {
                    resident_kib: most.resident_kib.max(now.resident_kib),
                    tasks: most.tasks.max(now.tasks),
                    connections: most.connections.max(now.connections),
                    descriptors: most.descriptors.max(now.descriptors),
                    places: most.places.max(now.places),
                };
            }
            most
        });
        Self { over, thread: Some(thread) }
    }

    pub(crate) fn end(mut self) -> Vitals {
        self.over.store(true, SeqCst);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Watch {
    /// Also where a phase fails: it keeps the gateway alive.
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        let _ = self.thread.take().map(thread::JoinHandle::join);
    }
}
