//! Started without arguments.

use crate::{client::get, process::Gateway};

#[test]
fn circuits_open_and_recover_while_one_watches() {
    let gateway = Gateway::with(&["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    assert_eq!(get(gateway.at, "/steady").status, 200);
    assert_eq!(get(gateway.at, "/nowhere").status, 404);
    assert_eq!(gateway.health()["all_circuits"].as_array().unwrap().len(), 3);
    gateway.line(&format!("curl -i http://{}/flaky", gateway.at));
    gateway.line("/flaky: closed -> open");
    assert_eq!(gateway.health()["healthy"], false);
    gateway.line("/flaky: half_open -> closed, recovered");
    gateway.line("callers saw: /flaky ");
    let stages: serde_json::Value = serde_json::from_slice(&get(gateway.admin, "/stages").body).unwrap();
    assert_ne!(stages["/steady"]["retry"]["recovered"], 0, "retries hide what fails");
}
