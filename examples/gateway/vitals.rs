//! What the program itself holds, for `GET /metrics`: connections and tasks. Both are back where they were once a storm is over.

use prometheus::{IntCounter, IntGauge, core::Collector, proto::MetricFamily};

use crate::connections::Connections;

const VALID: &str = "the names below are valid";

pub(crate) fn collect(connections: &Connections) -> Vec<MetricFamily> {
    let tasks = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    [
        gauge("gateway_connections", "Connections of callers that are open.", connections.open()),
        gauge("gateway_connections_most", "How many may be open at once.", connections.most()),
        counter(
            "gateway_connections_turned_away_total",
            "Connections that found no place and got 503.",
            connections.turned_away(),
        ),
        counter(
            "gateway_connections_silent_total",
            "Connections closed because their callers let them wait.",
            connections.silent(),
        ),
        gauge("gateway_tasks", "Tasks of the runtime that are alive.", tasks),
    ]
    .concat()
}

fn gauge(name: &str, help: &str, value: usize) -> Vec<MetricFamily> {
    let gauge = IntGauge::new(name, help).expect(VALID);
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    gauge.collect()
}

fn counter(name: &str, help: &str, value: u64) -> Vec<MetricFamily> {
    let counter = IntCounter::new(name, help).expect(VALID);
    counter.inc_by(value);
    counter.collect()
}
