//! What the tests need of WebDriver (W3C Recommendation), a few JSON requests to chromedriver. Blocking,
//! so that the browser goes when its handle does, also when a test fails.

use crate::process::{PATIENCE, Process};
use serde_json::{Value, json};
use std::{
    env,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use ureq::Agent;

/// A headless Chromium with an empty profile.
pub struct Browser {
    agent: Agent,
    session: String,
    // Removed after the driver has gone, since fields are dropped in this order.
    _driver: Process,
    _temporary: TempDir,
}

/// A cookie that the browser has for the page it shows.
#[derive(Clone, Debug)]
pub struct Cookie(Value);

impl Cookie {
    /// Its name.
    pub fn name(&self) -> &str {
        self.0["name"].as_str().unwrap()
    }

    /// Its value.
    pub fn value(&self) -> &str {
        self.0["value"].as_str().unwrap()
    }

    /// The same cookie with another value.
    pub fn with_value(&self, value: &str) -> Cookie {
        let mut cookie = self.clone();
        cookie.0["value"] = json!(value);
        cookie
    }

    /// Whether it ends with the browser.
    pub fn ends_with_browser(&self) -> bool {
        self.0.get("expiry").is_none()
    }

    /// Whether it is Secure, HttpOnly, SameSite=Lax, Path=/ and for this host alone.
    pub fn has_default_attributes(&self) -> bool {
        let Value::Object(cookie) = &self.0 else {
            return false;
        };
        cookie["secure"] == true
            && cookie["httpOnly"] == true
            && cookie["sameSite"] == "Lax"
            && cookie["path"] == "/"
            && cookie["domain"] == "localhost"
    }
}

impl Browser {
    /// Starts chromedriver and a browser in it.
    pub fn start() -> Browser {
        Browser::start_in(None)
    }

    /// The same, with a profile that stays, trusting https of this certificate for all names that end in `.test`,
    /// and with keys in files in place of keys in the device.
    pub fn start_with_device(key_hash: &str, profile: &Path) -> Browser {
        Browser::start_with(&[
            format!("--user-data-dir={}", profile.display()),
            "--host-resolver-rules=MAP *.test 127.0.0.1".into(),
            format!("--ignore-certificate-errors-spki-list={key_hash}"),
            "--enable-features=DeviceBoundSessions,EnableBoundSessionCredentialsSoftwareKeysForManualTesting".into(),
        ])
    }

    /// The same, with a profile that stays.
    pub fn start_in(profile: Option<&Path>) -> Browser {
        let profile = profile.map(|profile| format!("--user-data-dir={}", profile.display()));
        Browser::start_with(profile.as_slice())
    }

    fn start_with(more: &[String]) -> Browser {
        // A driver that is killed leaves its directories, the browser's profile among them, in `TMPDIR`.
        let temporary = tempfile::tempdir().unwrap();
        let (driver, port) = Process::start(
            Command::new("chromedriver")
                .arg("--port=0")
                .env("TMPDIR", temporary.path()),
            "`apt-get install chromium chromium-driver` has it",
            |line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse::<u16>().ok()
            },
        );
        let agent =
            Agent::new_with_config(Agent::config_builder().http_status_as_error(false).build());
        // Without a sandbox, for containers: it sees nothing but pages of this repository. The others
        // keep it from looking for a network.
        let mut args = vec![
            "--headless".into(),
            "--no-sandbox".into(),
            "--disable-gpu".into(),
            "--disable-quic".into(),
            "--disable-dev-shm-usage".into(),
            "--no-first-run".into(),
            "--disable-background-networking".into(),
            "--disable-component-update".into(),
            "--disable-sync".into(),
        ];
        args.extend_from_slice(more);
        let mut options = json!({ "args": args });
        if let Some(chromium) = env::var_os("CHROMIUM") {
            options["binary"] = json!(chromium.to_str());
        }
        let mut browser = Browser {
            agent,
            session: format!("http://127.0.0.1:{port}"),
            _driver: driver,
            _temporary: temporary,
        };
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "timeouts": { "implicit": 60_000 },
            "goog:chromeOptions": options,
        } } });
        let started = browser.post("/session", &wanted);
        let id = started["sessionId"].as_str().unwrap().to_owned();
        browser.session.push_str("/session/");
        browser.session.push_str(&id);
        browser
    }

    /// Opens an address.
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// Where the browser is.
    pub fn path(&self) -> String {
        self.script("return location.pathname")
            .as_str()
            .unwrap()
            .into()
    }

    /// Clicks what a CSS selector finds.
    pub fn click(&self, css: &str) {
        let element = self.element(css);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Clicks what a CSS selector finds, and waits for the page that it leads to.
    pub fn follow(&self, css: &str) {
        self.script("window.left = true");
        self.click(css);
        let clicked = Instant::now();
        while self.script("return !window.left && document.readyState == 'complete'") != true {
            assert!(clicked.elapsed() < PATIENCE, "{css} leads nowhere");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types into a field.
    pub fn fill(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.post(
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        );
    }

    /// The texts of everything that a CSS selector finds now.
    pub fn texts(&self, css: &str) -> Vec<String> {
        let script =
            "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())";
        let texts = self.post("/execute/sync", &json!({ "script": script, "args": [css] }));
        serde_json::from_value(texts).unwrap()
    }

    /// The text of the one thing that a CSS selector finds.
    pub fn text(&self, css: &str) -> String {
        let mut texts = self.texts(css);
        assert_eq!(texts.len(), 1, "{css} finds {texts:?} on {}", self.path());
        texts.remove(0)
    }

    /// Runs a script in the page.
    pub fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Makes the window this large, in CSS pixels: smaller than a window of Chromium's own can be.
    pub fn resize(&self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        let command = json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": size });
        self.post("/goog/cdp/execute", &command);
    }

    /// The cookies for this page, HttpOnly ones among them, by name.
    pub fn cookies(&self) -> Vec<Cookie> {
        let Value::Array(cookies) = self.get("/cookie") else {
            panic!("no list")
        };
        let mut cookies: Vec<Cookie> = cookies.into_iter().map(Cookie).collect();
        cookies.sort_by(|a, b| a.name().cmp(b.name()));
        cookies
    }

    /// Puts a cookie back that the browser once had.
    pub fn put_cookie(&self, cookie: &Cookie) {
        let mut cookie = cookie.0.clone();
        // With it, the cookie would be for subdomains too.
        cookie.as_object_mut().unwrap().remove("domain");
        self.post("/cookie", &json!({ "cookie": cookie }));
    }

    /// Deletes one cookie for this page.
    pub fn delete_cookie(&self, name: &str) {
        let url = format!("{}/cookie/{name}", self.session);
        self.answer(self.agent.delete(url).call());
    }

    /// Deletes the cookies for this page.
    pub fn delete_cookies(&self) {
        self.answer(self.agent.delete(format!("{}/cookie", self.session)).call());
    }

    fn element(&self, css: &str) -> String {
        let found = self.post(
            "/element",
            &json!({ "using": "css selector", "value": css }),
        );
        let (_, id) = found.as_object().unwrap().iter().next().unwrap();
        id.as_str().unwrap().into()
    }

    fn get(&self, path: &str) -> Value {
        self.answer(self.agent.get(format!("{}{path}", self.session)).call())
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.answer(
            self.agent
                .post(format!("{}{path}", self.session))
                .send_json(body),
        )
    }

    fn answer(&self, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Value {
        let mut answer: Value = answer.unwrap().body_mut().read_json().unwrap();
        let value = answer["value"].take();
        assert!(value.get("error").is_none(), "chromedriver: {value:#}");
        value
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call();
    }
}
