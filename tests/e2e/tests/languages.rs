//! One site in Rust, Python and JavaScript behind one nginx, with one keyring: a browser does not notice.

use e2e::{Browser, Cookie, KEYS, Proxy, Server};
use hardtack::{
    Codec, Keyring, Timestamp,
    session::{SessionManager, testing},
};
use std::time::Duration;

/// The other two, by the path under which they stand.
const OTHERS: [&str; 2] = ["/fastapi/", "/hono/"];

/// Axum at the root, and the other two under their paths.
struct Site {
    proxy: Proxy,
    _servers: [Server; 3],
}

impl Site {
    fn start(keys: &str) -> Site {
        let servers = [
            Server::start("axum", keys),
            Server::fastapi(keys),
            Server::hono(keys),
        ];
        let [axum, fastapi, hono] = &servers;
        let [first, second] = OTHERS;
        let proxy = Proxy::start_with(&[axum], &[(first, fastapi), (second, hono)]);
        Site {
            proxy,
            _servers: servers,
        }
    }

    fn open(&self, browser: &Browser, path: &str) {
        browser.open(&format!("{}{path}", self.proxy.origin));
    }

    fn log_in(&self, browser: &Browser) {
        self.open(browser, "/login");
        browser.fill("#name", "ada");
        browser.fill("#password", "analytical engine");
        browser.follow("main form button");
    }

    /// The user who is logged in, as this page has it. Nobody is empty, or is not shown.
    fn user(&self, browser: &Browser, path: &str) -> String {
        self.open(browser, path);
        browser.texts("#user").concat()
    }
}

fn session_cookie(browser: &Browser) -> Cookie {
    let mut cookies = browser.cookies();
    cookies.retain(|cookie| cookie.name() == "__Host-session");
    assert_eq!(cookies.len(), 1);
    cookies.remove(0)
}

fn key_id(cookie: &Cookie) -> String {
    Codec::inspect(cookie.value()).unwrap().key.to_string()
}

#[test]
fn a_login_on_axum_goes_on_in_python_and_javascript_and_back() {
    let site = Site::start(KEYS);
    let browser = Browser::start();
    site.log_in(&browser);
    site.open(&browser, "/cart");
    browser.follow("[value=Biscuit]");
    for round in 0..3 {
        for (place, path) in OTHERS.into_iter().enumerate() {
            assert_eq!(site.user(&browser, path), "ada");
            browser.follow("[value=Biscuit]");
            assert_eq!(
                browser.text("#count-Biscuit"),
                (3 * round + place + 2).to_string()
            );
            assert_eq!(browser.texts(".flash"), ["It is in your cart."]);
            assert!(session_cookie(&browser).has_default_attributes());
        }
        site.open(&browser, "/cart");
        browser.follow("[value=Biscuit]");
        assert_eq!(browser.text("#count-Biscuit"), (3 * round + 4).to_string());
        assert_eq!(browser.texts(".flash"), ["It is in your cart."]);
        assert_eq!(site.user(&browser, "/"), "ada");
    }
    let servers = ["/", "/fastapi/", "/hono/"].map(|path| {
        site.open(&browser, path);
        browser.text("#server")
    });
    assert_eq!(servers, ["Axum", "FastAPI", "Hono"]);

    // A logout in any language ends it everywhere.
    for path in OTHERS {
        assert_eq!(site.user(&browser, path), "ada");
        browser.follow(&format!("[action='{path}logout'] button"));
        assert!(browser.cookies().is_empty());
        assert_eq!(site.user(&browser, "/"), "");
        site.log_in(&browser);
    }
}

#[test]
fn each_language_ends_and_renews_a_session_at_the_same_time() {
    let site = Site::start(KEYS);
    let browser = Browser::start();
    site.log_in(&browser);
    let cookie = session_cookie(&browser);
    // The session of somebody that was last seen this many minutes ago.
    let seen_before = |minutes: u64| {
        let time = Timestamp::now().saturating_sub(Duration::from_secs(60 * minutes));
        let manager = SessionManager::builder(KEYS.parse::<Keyring>().unwrap());
        let session = testing::new_session(&manager.clock(move || time).build().unwrap());
        session.insert("user", "ada").unwrap();
        let header = testing::cookie_header(&session).unwrap();
        cookie.with_value(header.split_once('=').unwrap().1)
    };
    for path in ["/", "/fastapi/", "/hono/"] {
        browser.put_cookie(&seen_before(31));
        assert_eq!(site.user(&browser, path), "", "{path}");
        let old = seen_before(28);
        browser.put_cookie(&old);
        assert_eq!(site.user(&browser, path), "ada", "{path}");
        // It is renewed, and the others read it.
        let renewed = session_cookie(&browser);
        assert_ne!(renewed.value(), old.value(), "{path}");
        let age = Timestamp::now()
            .saturating_duration_since(Codec::inspect(renewed.value()).unwrap().issued_at);
        assert!(age < Duration::from_secs(28 * 60), "{path}");
        for other in ["/", "/fastapi/", "/hono/"] {
            assert_eq!(site.user(&browser, other), "ada", "{path} to {other}");
        }
    }
}

#[test]
fn each_language_seals_with_the_new_key_and_the_others_read_it() {
    let (old, new) = KEYS.split_once(',').unwrap();
    let browser = Browser::start();
    let before = Site::start(KEYS);
    before.log_in(&browser);
    let cookie = session_cookie(&browser);
    let ids: Vec<_> = [old, new]
        .map(|key| key.parse::<hardtack::Key>().unwrap().id().to_string())
        .into();
    assert_eq!(key_id(&cookie), ids[0]);

    let retired = format!("{new},{old}@{}", Timestamp::now());
    let during = Site::start(&retired);
    let after = Site::start(new);
    for path in ["/", "/fastapi/", "/hono/"] {
        browser.put_cookie(&cookie);
        assert_eq!(during.user(&browser, path), "ada", "{path}");
        assert_eq!(key_id(&session_cookie(&browser)), ids[1], "{path}");
        // The same host: a cookie knows no port.
        for other in ["/", "/fastapi/", "/hono/"] {
            assert_eq!(after.user(&browser, other), "ada", "{path} to {other}");
        }
    }
    // Without the old key it is over, in each of them.
    for path in ["/", "/fastapi/", "/hono/"] {
        browser.put_cookie(&cookie);
        assert_eq!(after.user(&browser, path), "", "{path}");
    }
}
