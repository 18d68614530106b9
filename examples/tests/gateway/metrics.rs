//! `/metrics`, by itself and in the eyes of a real Prometheus.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use serde_json::Value;

use crate::{client::get, one_route, process::Gateway, until, upstream::Upstream};

const ALERTS: &str = include_str!("../../../crates/tower-breaker-prometheus/alerts.yml");

#[test]
fn every_circuit_and_stage_is_there_from_the_first_scrape() {
    let upstream = Upstream::well();
    let routes = one_route(&upstream, "failure_threshold = 3") + "\n[policies.default]\nretry = { attempts = 2 }\n";
    let gateway = Gateway::start(&routes);
    let answer = get(gateway.admin, "/metrics");
    assert_eq!((answer.status, answer.head.get("content-type")), (200, Some("text/plain; version=0.0.4".to_owned())));
    let page = String::from_utf8(answer.body).unwrap();
    for line in [
        r#"circuit_breaker_state{name="/{*rest}",set="routes"} 0"#,
        r#"circuit_breaker_circuits{set="keyed",state="open"} 0"#,
        r#"resilience_retry_attempts_total{name="/{*rest}",set="routes",outcome="retried"} 0"#,
    ] {
        assert!(page.lines().any(|it| it == line), "{line} is not in {page}");
    }
    assert_eq!(get(gateway.at, "/metrics").status, 200, "on the proxied port it is the upstream's");
}

/// A Prometheus of its own, with a folder of its own, that are both gone with it.
struct Prometheus {
    child: Child,
    folder: PathBuf,
    at: SocketAddr,
}

impl Prometheus {
    /// Scrapes `target` five times a second, with the alerts that come with the library; those that wait five minutes
    /// wait three seconds.
    fn start(target: SocketAddr) -> Self {
        let at = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = env::temp_dir().join(format!("prometheus-{}-{}", std::process::id(), at.port()));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("alerts.yml"), ALERTS.replace("for: 5m", "for: 3s")).unwrap();
        let config = format!(
            "global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}\nrule_files: [alerts.yml]\n\
             scrape_configs:\n  - job_name: gateway\n    static_configs: [{{targets: ['{target}']}}]\n"
        );
        fs::write(folder.join("prometheus.yml"), config).unwrap();
        let mut command = Command::new("prometheus");
        command
            .arg(format!("--web.listen-address={at}"))
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data"]);
        let child = command.current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let this = Self { child: child.expect("the package `prometheus` has it"), folder, at };
        until("prometheus", || TcpStream::connect(at).ok());
        this
    }

    /// The state of this alert, if it is there.
    fn state(&self, alert: &str) -> Option<String> {
        let answer = get(self.at, "/api/v1/alerts");
        let answer: Value = serde_json::from_slice(&answer.body).ok()?;
        let alerts = answer["data"]["alerts"].as_array()?;
        let found =
            alerts.iter().find(|it| it["labels"]["alertname"] == alert && it["labels"]["name"] == "/{*rest}")?;
        found["state"].as_str().map(str::to_owned)
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
#[ignore = "needs prometheus"]
fn an_open_circuit_that_is_called_is_an_alert_that_is_pending_then_fires_and_ends_with_the_outage() {
    let down = Arc::new(AtomicBool::new(true));
    let is_down = Arc::clone(&down);
    let upstream = Upstream::start(move |exchange| {
        exchange.reply(if is_down.load(Relaxed) { "500 Internal Server Error" } else { "200 OK" }, "");
    });
    let gateway = Gateway::start(&one_route(
        &upstream,
        "failure_threshold = 1\nopen_duration = \"100ms\"\nsuccess_threshold = 1",
    ));
    let prometheus = Prometheus::start(gateway.admin);
    let call = || get(gateway.at, "/x").status;
    assert_eq!(call(), 500);
    let seen = |state: &str| {
        call();
        prometheus.state("CircuitBreakerOpen").is_some_and(|it| it == state).then_some(())
    };
    until("pending", || seen("pending"));
    until("firing", || seen("firing"));
    down.store(false, Relaxed);
    until("resolved", || (call() == 200 && prometheus.state("CircuitBreakerOpen").is_none()).then_some(()));
}
