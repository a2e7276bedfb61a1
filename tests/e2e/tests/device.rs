//! Sessions that are bound to a device, in Chromium over https. Its keys are files: this machine may have no TPM.

use e2e::{Browser, KEYS, Proxy, Server};
use std::{
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

fn bound(example: &str) {
    let server = Server::start_device_bound(example, KEYS);
    let proxy = Proxy::start_https(&server);
    let browser = Browser::start_with_device(&proxy.key_hash());
    let site = |host: &str| format!("https://{host}:{}/", proxy.https);
    let home = || browser.open(&site("shop.test"));
    let cookie = |name: &str| {
        let cookies = browser.cookies().into_iter();
        cookies
            .filter(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
            .next()
    };
    let log_in = || {
        browser.open(&format!("{}login", site("shop.test")));
        browser.fill("#name", "ada");
        browser.fill("#password", "analytical engine");
        browser.follow("main form button");
        until("the registration", || cookie(PROOF).is_some());
    };
    let is_bound = || (browser.texts("#user"), browser.texts("#device").len());
    let bound = (vec!["ada".to_owned()], 1);

    log_in();
    home();
    assert_eq!(is_bound(), bound);

    // The attributes are those of the cookie: no page makes the browser fetch a proof.
    let asked = proxy.requests(ENDPOINT);
    for _ in 0..5 {
        home();
    }
    assert_eq!(proxy.requests(ENDPOINT), asked);

    // The proof has expired: five parallel requests wait for one refresh. The pages of the site forbid scripts
    // to fetch anything; this one is a text.
    browser.open(&format!("{}visits", site("shop.test")));
    browser.delete_cookie(PROOF);
    let answered = browser.script(
        "return Promise.all([1, 2, 3, 4, 5].map(() => fetch('/').then(answer => answer.text())))\
         .then(pages => pages.filter(page => page.includes('bound to your device')).length)\
         .catch(error => '' + error)",
    );
    assert_eq!(answered, 5, "{}", proxy.log());
    assert_eq!(
        proxy.requests(ENDPOINT),
        asked + 2,
        "a challenge and a proof"
    );

    // A link on another site, for which the browser fetches no proof.
    browser.delete_cookie(PROOF);
    browser.open(&site("other.test"));
    browser.script(&format!("location.href = '{}'", site("shop.test")));
    until("the page after the link", || is_bound() == bound);

    // A copy of the session cookie in another client.
    let copied = cookie(SESSION).unwrap();
    let page = ureq::get(format!("{}/", proxy.origin))
        .header("cookie", format!("{SESSION}={copied}"))
        .call();
    let page = page.unwrap().body_mut().read_to_string().unwrap();
    assert!(page.contains("not logged in"), "{page}");
    home();
    assert_eq!(is_bound(), bound);

    // Another login, another key.
    let before = cookie(PROOF);
    browser.open(&format!("{}login", site("shop.test")));
    browser.fill("#name", "ada");
    browser.fill("#password", "analytical engine");
    browser.follow("main form button");
    until("the second registration", || {
        cookie(PROOF).is_some_and(|proof| Some(proof) != before)
    });
    home();
    assert_eq!(is_bound(), bound);

    browser.follow("[action='/logout'] button");
    assert_eq!((cookie(PROOF), is_bound().0.len()), (None, 0));
    home();
    assert!(is_bound().0.is_empty());
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
