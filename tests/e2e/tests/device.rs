//! Sessions that are bound to a device, in Chromium over https. Its keys are files: this machine may have no TPM.

use e2e::{Browser, Cookie, KEYS, Proxy, Server};
use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

const SESSION: &str = "__Host-session";
const PROOF: &str = "__Host-session-bound";
const ENDPOINT: &str = "POST /.hardtack/device/session";

/// Waits for what a browser does by itself.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// A person's browser, and the site that it looks at.
struct Visit<'p> {
    browser: Browser,
    proxy: &'p Proxy,
}

impl Visit<'_> {
    fn start<'p>(proxy: &'p Proxy, profile: &Path) -> Visit<'p> {
        let browser = Browser::start_with_device(&proxy.key_hash(), profile);
        Visit { browser, proxy }
    }

    fn address(&self, host: &str, path: &str) -> String {
        format!("https://{host}:{}{path}", self.proxy.https)
    }

    fn open(&self, path: &str) {
        self.browser.open(&self.address("shop.test", path));
    }

    fn cookie(&self, name: &str) -> Option<Cookie> {
        let mut cookies = self.browser.cookies().into_iter();
        cookies.find(|cookie| cookie.name() == name)
    }

    /// Logs in, and waits until the browser has registered a new key.
    fn log_in(&self, remember: bool) {
        let proof = || self.cookie(PROOF).map(|proof| proof.value().to_owned());
        self.open("/login");
        let before = proof();
        self.browser.fill("#name", "ada");
        self.browser.fill("#password", "analytical engine");
        if remember {
            self.browser.click("[name=remember]");
        }
        self.browser.follow("main form button");
        until("the registration", || {
            proof().is_some_and(|proof| Some(proof) != before)
        });
    }

    /// Whether the page shows a session that is logged in and bound.
    fn is_bound(&self) -> bool {
        self.browser.texts("#user") == ["ada"] && self.browser.texts("#device").len() == 1
    }

    fn is_bound_at_home(&self) -> bool {
        self.open("/");
        self.is_bound()
    }

    /// How often the browser asked the endpoint for a key that counts. It may also ask for the key of a former login,
    /// and hears that this one is over. When it does so depends on which comes first after a login: the next page, or
    /// the registration of the new key.
    fn asked(&self) -> usize {
        let over = r#"{"continue":false}"#.len();
        let over = format!("{ENDPOINT} HTTP/1.1\" 200 {over} ");
        self.proxy.requests(ENDPOINT) - self.proxy.requests(&over)
    }
}

fn bound(example: &str) {
    let server = Server::start_device_bound(example, KEYS);
    let proxy = Proxy::start_https(&server.origin);
    let profile = tempfile::tempdir().unwrap();
    let visit = Visit::start(&proxy, profile.path());
    visit.open("/safe");
    assert!(visit.browser.texts("#safe").is_empty());
    visit.log_in(false);
    assert!(visit.is_bound_at_home());
    visit.open("/safe");
    assert_eq!(visit.browser.texts("#safe").len(), 1);

    // The attributes are those of the cookie: no page makes the browser fetch a proof.
    let asked = visit.asked();
    for _ in 0..5 {
        visit.open("/");
    }
    assert_eq!(visit.asked(), asked);

    // The proof has expired: five parallel requests wait for one refresh. The pages of the site forbid scripts
    // to fetch anything; this one is a text.
    visit.open("/visits");
    visit.browser.delete_cookie(PROOF);
    let answered = visit.browser.script(
        "return Promise.all([1, 2, 3, 4, 5].map(() => fetch('/').then(answer => answer.text())))\
         .then(pages => pages.filter(page => page.includes('bound to your device')).length)\
         .catch(error => '' + error)",
    );
    assert_eq!(answered, 5, "{}", proxy.log());
    assert_eq!(visit.asked(), asked + 2, "a challenge and a proof");

    // A link on another site, for which the browser fetches no proof.
    visit.browser.delete_cookie(PROOF);
    visit.browser.open(&visit.address("other.test", "/"));
    let home = visit.address("shop.test", "/");
    visit.browser.script(&format!("location.href = '{home}'"));
    until("the page after the link", || visit.is_bound());

    // A copy of the session cookie in another client.
    let copied = visit.cookie(SESSION).unwrap();
    let page = ureq::get(format!("{}/", proxy.origin))
        .header("cookie", format!("{SESSION}={}", copied.value()))
        .call();
    let page = page.unwrap().body_mut().read_to_string().unwrap();
    assert!(page.contains("not logged in"), "{page}");
    assert!(visit.is_bound_at_home());

    // The operator sees all of it.
    visit.open("/operator");
    let events = visit.browser.text("#events");
    for event in ["DeviceBound", "DeviceProven", "NoDeviceProof"] {
        assert!(events.contains(event), "{event}: {events}");
    }

    // Another login, another key. It is remembered, and survives a restart of the browser.
    visit.log_in(true);
    assert!(visit.is_bound_at_home());
    let session = visit.cookie(SESSION).unwrap();
    assert!(!session.ends_with_browser());
    drop(visit);
    let visit = Visit::start(&proxy, profile.path());
    let asked = visit.asked();
    assert!(visit.is_bound_at_home());
    visit.browser.delete_cookie(PROOF);
    assert!(visit.is_bound_at_home());
    assert_eq!(visit.asked(), asked + 2, "{}", proxy.log());
    assert_eq!(visit.cookie(SESSION).unwrap().value(), session.value());

    visit.browser.follow("[action='/logout'] button");
    assert!(visit.cookie(PROOF).is_none());
    assert!(visit.browser.texts("#user").is_empty());
    visit.open("/");
    assert!(visit.browser.texts("#user").is_empty());
}

#[test]
fn axum() {
    bound("axum");
}

#[test]
fn actix() {
    bound("actix");
}

#[test]
fn rocket() {
    bound("rocket");
}
