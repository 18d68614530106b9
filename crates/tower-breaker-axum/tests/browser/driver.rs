//! As much of WebDriver as these tests need, over plain sockets.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

/// A browser with one page; closed on drop.
pub(super) struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    pub(super) fn open(url: &str) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver, of the package chromium-driver");
        let said = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = said
            .filter_map(|line| line.rsplit_once("port ")?.1.trim_end_matches('.').parse().ok())
            .find(|port| *port != 0);
        let mut browser = Self { driver, port: port.expect("its port"), session: String::new() };
        let options = json!({ "args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
        let logs = json!({ "browser": "ALL", "performance": "ALL" });
        let wanted = json!({ "alwaysMatch": { "goog:chromeOptions": options, "goog:loggingPrefs": logs } });
        let session = browser.ask("POST", "/session", &json!({ "capabilities": wanted }));
        browser.session = format!("/session/{}", session["sessionId"].as_str().expect("a session"));
        browser.post("/url", &json!({ "url": url }));
        browser
    }

    /// Runs a script in the page; `arguments` are its arguments.
    pub(super) fn run(&self, script: &str, arguments: &Value) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": arguments }))
    }

    /// Presses a key, as a keyboard does.
    pub(super) fn press(&self, key: char) {
        let keys = [("keyDown", key), ("keyUp", key)].map(|(kind, key)| json!({ "type": kind, "value": key }));
        self.post("/actions", &json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": keys }] }));
    }

    /// A window of this many pixels, as narrow as it may be.
    pub(super) fn resize(&self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": true });
        let asked = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": metrics });
        self.post("/goog/cdp/execute", &asked);
    }

    pub(super) fn log(&self, kind: &str) -> Vec<Value> {
        self.post("/se/log", &json!({ "type": kind })).as_array().unwrap().clone()
    }

    /// Every address that was asked for.
    pub(super) fn requests(&self) -> Vec<String> {
        let asked = |entry: &Value| {
            let entry: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let is_one = entry["message"]["method"] == "Network.requestWillBeSent";
            is_one.then(|| Some(entry["message"]["params"]["request"]["url"].as_str()?.to_owned())).flatten()
        };
        self.log("performance").iter().filter_map(asked).collect()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.ask("POST", &format!("{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let (body, port) = (body.to_string(), self.port);
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).unwrap();
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        let answer: Value = serde_json::from_slice(&body).unwrap();
        assert!(answer["value"]["error"].is_null(), "{method} {path}: {answer}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            let _ = self.ask("DELETE", &self.session, &json!({}));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
