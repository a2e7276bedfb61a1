//! One person at two browsers: one of them logs the other out. Each framework has another engine.

use e2e::{Browser, KEYS, Server};

struct Device<'s> {
    browser: Browser,
    server: &'s Server,
}

impl Device<'_> {
    fn new(server: &Server) -> Device<'_> {
        Device {
            browser: Browser::start(),
            server,
        }
    }

    fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.server.origin));
    }

    fn log_in(&self) {
        self.open("/login");
        self.browser.fill("#name", "ada");
        self.browser.fill("#password", "analytical engine");
        self.browser.follow("main form button");
        assert!(self.is_logged_in());
    }

    fn is_logged_in(&self) -> bool {
        self.open("/");
        !self.browser.texts("#user").is_empty()
    }
}

fn one_device_logs_out_the_other(example: &str, store: &str) {
    let server = Server::start_on(example, store, KEYS);
    let [laptop, phone] = [Device::new(&server), Device::new(&server)];
    laptop.log_in();
    phone.log_in();

    laptop.open("/devices");
    assert_eq!(laptop.browser.texts("#devices tr").len(), 2);
    assert_eq!(laptop.browser.text("#own"), "(this device)");
    let marked =
        "return [...document.querySelectorAll('[aria-current=page]')].map(a => a.pathname)";
    assert_eq!(
        laptop.browser.script(marked),
        serde_json::json!(["/devices"])
    );
    laptop.browser.follow("#devices button");
    assert_eq!(
        laptop.browser.texts(".flash"),
        ["That device is logged out."]
    );
    assert_eq!(laptop.browser.texts("#devices tr").len(), 1);

    assert!(!phone.is_logged_in());
    assert_eq!(phone.browser.texts(".flash"), ["You were logged out."]);
    assert!(laptop.is_logged_in());

    // And the other way round.
    phone.log_in();
    phone.open("/devices");
    phone.browser.follow("[action='/devices/others'] button");
    assert!(!laptop.is_logged_in());
    assert!(phone.is_logged_in());

    // A page of another origin ends nothing.
    laptop.log_in();
    let form = format!(
        "<form method=post action={}/devices/others><button>",
        server.origin
    );
    phone.browser.open(&format!("data:text/html,{form}"));
    phone.browser.follow("button");
    assert!(phone.browser.text("body").contains("403"));
    assert!(laptop.is_logged_in());
}

#[test]
fn axum_in_sqlite() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("sessions.db");
    one_device_logs_out_the_other("axum", &format!("sqlite://{}", file.display()));
}

#[test]
fn actix_on_redis() {
    let Some(redis) = servers::redis(&[]) else {
        return;
    };
    one_device_logs_out_the_other("actix", &format!("redis://127.0.0.1:{}/", redis.port()));
}

#[test]
fn rocket_on_postgres() {
    let Some(postgres) = servers::postgres() else {
        return;
    };
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", postgres.port());
    one_device_logs_out_the_other("rocket", &url);
}
