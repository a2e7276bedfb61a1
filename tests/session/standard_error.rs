//! The lines on standard error of a site without `tracing`, or whose `tracing` nobody listens to. Another process of
//! this program says them.

use crate::kit::{
    clock::Clock,
    exchange::{NO_HEADERS, ready},
    keys::ring,
    site::{Site, finish, logged_in},
};
use hardtack::{
    Key, Keyring,
    session::{Exchange, RequestHead, SaveError, Session, SessionData, SessionManager},
};
use serde::{Deserialize, Serialize};
use std::{env, process::Command, thread};

const SPEAKER: &str = "HARDTACK_TEST_SPEAKS";

/// What a process says in which this test runs alone, and its part is this.
fn said(test: &str, part: &str) -> String {
    let said = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(format!("standard_error::{test}"))
        .env(SPEAKER, part)
        .output()
        .unwrap();
    assert!(said.status.success(), "{part}");
    String::from_utf8(said.stderr).unwrap()
}

#[test]
fn the_warning_of_cookies_over_http_is_rationed() {
    if env::var_os(SPEAKER).is_some() {
        for _ in 0..5 {
            let ring = Keyring::new(Key::generate().unwrap());
            SessionManager::builder(ring)
                .insecure_for_development()
                .build()
                .unwrap();
        }
        return;
    }
    let said = said("the_warning_of_cookies_over_http_is_rationed", "yes");
    let warning = "hardtack: session cookies are sent over http: use `insecure_for_development` for development only";
    let lines = said.lines().filter(|line| line.starts_with(warning));
    let endings: Vec<_> = lines.map(|line| line.split_once(" (number ")).collect();
    // The first, the second and the fourth.
    let [
        None,
        Some((_, "2 of its kind)")),
        Some((_, "4 of its kind)")),
    ] = endings[..]
    else {
        panic!("{said}");
    };
}

/// A site that stops to listen, as at its end, still has a log.
#[test]
fn a_line_that_no_subscriber_takes_is_on_standard_error() {
    if env::var_os(SPEAKER).is_some() {
        let quiet = tracing::subscriber::NoSubscriber::new();
        tracing::subscriber::with_default(quiet, || ());
        let builder = SessionManager::builder(ring(1)).insecure_for_development();
        builder.build().unwrap();
        return;
    }
    let said = said(
        "a_line_that_no_subscriber_takes_is_on_standard_error",
        "yes",
    );
    let line = "hardtack: session cookies are sent over http";
    assert_eq!(said.matches(line).count(), 1, "{said}");
}

/// Each would overwrite the cookie of the other, and their visitors lose a session at random.
#[test]
fn two_managers_of_one_cookie_have_a_line() {
    const TEST: &str = "two_managers_of_one_cookie_have_a_line";
    if let Ok(part) = env::var(SPEAKER) {
        let site = Site::new();
        let other = |name: &str| Site::with(&Clock::new(), |builder| builder.cookie_name(name));
        let set = |line: &str, used: bool| {
            let session = site.request("");
            if used {
                session.insert("user", "hunter2").unwrap();
            }
            drop(session.edits_beside(line));
        };
        let exchange = Exchange::begin(&site.sessions);
        match part.as_str() {
            "layer of the same" => assert!(exchange.covers(&site.sessions)),
            "layer of another" => assert!(!exchange.covers(&Site::new().sessions)),
            "layer of another name" => assert!(!exchange.covers(&other("sid").sessions)),
            "response" => set("__Host-session=h; Path=/", true),
            "response of an unused one" => set("__Host-session=h; Path=/", false),
            "response with another cookie" => {
                set("__Host-session2=h; Path=/", true);
                set("theme=__Host-session=", true);
            }
            part => panic!("{part}"),
        }
        return;
    }
    for (part, lines) in [
        ("layer of the same", 0),
        ("layer of another", 1),
        ("layer of another name", 0),
        ("response", 1),
        // In production this would cost every request.
        (
            "response of an unused one",
            usize::from(cfg!(debug_assertions)),
        ),
        ("response with another cookie", 0),
    ] {
        let said = said(TEST, part);
        let line = "hardtack: two `SessionManager`s with the cookie name `__Host-session` serve one request";
        assert_eq!(said.matches(line).count(), lines, "{part}: {said}");
    }
}

/// Writes its length, and reads only a text.
#[derive(Default, Deserialize)]
struct OneWay(String);

impl Serialize for OneWay {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0.len() as u64)
    }
}

impl SessionData for OneWay {
    const NAME: &'static str = "one way";
    const VERSION: u8 = 1;
}

/// A save that fails is a 500 with an empty body: what is wrong stands in the log, whatever the site has
/// configured.
#[test]
fn no_save_fails_without_a_line() {
    let test = "no_save_fails_without_a_line";
    let write = |session: &Session| session.insert("user", "hunter2").unwrap();
    match env::var(SPEAKER).as_deref() {
        Ok("too big") => {
            let site = Site::new();
            for _ in 0..5 {
                let session = site.request("");
                // Nobody looks at the result.
                let _ = session.insert("page", "hunter2".repeat(2_000));
                assert!(matches!(
                    finish(&session).failed,
                    Some(SaveError::TooBig { .. })
                ));
            }
        }
        Ok("clock") => {
            let site = Site::with(&Clock::at(u32::MAX), |builder| builder);
            let session = site.request("");
            write(&session);
            assert_eq!(finish(&session).failed, Some(SaveError::Clock));
        }
        Ok("in use") => {
            let site = Site::new();
            let session = site.request("");
            write(&session);
            let failed = session.with(|_| finish(&session).failed).unwrap();
            assert_eq!(failed, Some(SaveError::InUse));
        }
        Ok("unreadable") => {
            let site = Site::under(ring(1), &Clock::new(), |builder| builder.data::<OneWay>());
            let session = site.request("");
            session.modify(|data| data.0.push('x')).unwrap();
            let failed = finish(&session).failed;
            assert!(matches!(failed, Some(SaveError::Unreadable { .. })));
        }
        Ok("rivals") => {
            let site = Site::with(&Clock::new(), |builder| builder.cookie_name("sid"));
            let cookies = [logged_in(&site, "ada"), logged_in(&site, "eve")];
            let session = site.request(&cookies.map(|browser| browser.header()).join("; "));
            assert!(session.insert("user", "hunter2").is_err());
        }
        Ok(part) => panic!("{part}"),
        Err(_) => {
            for (part, lines) in [
                // The first, the second and the fourth.
                ("too big", vec!["the session needs "; 3]),
                ("clock", vec!["the clock is at the end of its range"]),
                ("in use", vec!["was not saved: "]),
                ("unreadable", vec!["was not saved: "]),
                (
                    "rivals",
                    vec!["two logins came under one session cookie name"],
                ),
            ] {
                let said = said(test, part);
                let mut left = said.as_str();
                for line in lines {
                    let (before, after) = left.split_once(line).unwrap_or_else(|| {
                        panic!("{part}: {line} in {said}");
                    });
                    assert!(before.contains("hardtack: "), "{said}");
                    left = after;
                }
                assert!(!said.contains("hunter2"), "{said}");
            }
        }
    }
}

/// A site that lists sessions and forgets one of its logins would miss it at "log out everywhere".
#[cfg(feature = "store")]
#[test]
fn a_login_that_drops_the_subject_has_a_line() {
    let test = "a_login_that_drops_the_subject_has_a_line";
    if let Ok(part) = env::var(SPEAKER) {
        let site = Site::with(&Clock::new(), |builder| {
            builder.store(hardtack::store::MemoryStore::new(1 << 20))
        });
        for _ in 0..3 {
            let mut browser = crate::kit::site::Browser::default();
            browser.send(&site, |session| {
                session.regenerate_for_login().unwrap();
                session.set_subject(Some("hunter2")).unwrap();
                session.insert("user", 7).unwrap();
            });
            browser.send(&site, |session| {
                session.regenerate_for_login().unwrap();
                match part.as_str() {
                    "sets" => session.set_subject(Some("hunter2")).unwrap(),
                    "takes back" => session.set_subject(None).unwrap(),
                    _ => {}
                }
            });
        }
        return;
    }
    for (part, lines) in [("forgets", 1), ("sets", 0), ("takes back", 0)] {
        let said = said(test, part);
        let line = "hardtack: a login dropped the subject of the session before and set none";
        assert_eq!(said.matches(line).count(), lines, "{part}: {said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

/// A request over http for a host that is not this machine, as a developer sends it.
fn over_http(site: &Site, (method, origin): (&str, Option<&str>)) {
    let exchange = Exchange::begin(&site.sessions);
    let session = ready(exchange.session(RequestHead {
        method,
        path: "/",
        authority: Some("shop.example"),
        headers: origin.map(|origin| ("origin", origin)),
    }));
    let _ = session.insert("user", "hunter2");
    let plan = ready(exchange.commit(exchange.close()));
    let _ = exchange.finish(plan, NO_HEADERS);
}

/// Each new session of such a request is a puzzle, if nothing says why.
#[test]
fn a_secure_cookie_over_http_is_told_once_while_a_site_is_made() {
    if let Ok(part) = env::var(SPEAKER) {
        let site = Site::with(&Clock::new(), |builder| match part.as_str() {
            "secure" => builder,
            _ => builder.cookie_name("sid").secure(false),
        });
        for _ in 0..3 {
            over_http(&site, ("GET", None));
        }
        return;
    }
    for (part, lines) in [("secure", usize::from(cfg!(debug_assertions))), ("open", 0)] {
        let said = said(
            "a_secure_cookie_over_http_is_told_once_while_a_site_is_made",
            part,
        );
        let line = "hardtack: a Secure cookie answers a request that seems to come over http";
        assert_eq!(said.matches(line).count(), lines, "{part}: {said}");
    }
}

/// What an operator has to see, whatever the site does with its events.
#[test]
fn what_loses_a_session_has_a_line() {
    let part = env::var(SPEAKER);
    match part.as_deref() {
        Ok("panic") => {
            let site = Site::new();
            let session = site.request("");
            session.insert("user", "hunter2").unwrap();
            let handler = session.give();
            let panicked = thread::spawn(move || {
                let _handler = handler;
                std::panic::resume_unwind(Box::new("hunter2"));
            });
            assert!(panicked.join().is_err());
            let _ = finish(&session);
        }
        Ok("another origin") => over_http(&Site::new(), ("POST", Some("https://evil.example"))),
        #[cfg(feature = "store")]
        Ok("store") => {
            let clock = Clock::new();
            let store = crate::kit::store::Scripted::new(&clock);
            let site = Site::with(&clock, |builder| builder.store(store.clone()));
            let browser = logged_in(&site, "hunter2");
            store.set_down(true);
            assert!(
                site.request(&browser.header())
                    .get::<String>("user")
                    .is_err()
            );
        }
        #[cfg(feature = "unstable-device-bound")]
        Ok("device") => {
            let bound = hardtack::session::DeviceBound::default();
            let site = Site::with(&Clock::new(), |builder| builder.device_bound(bound));
            crate::kit::site::foreign_registration(&site);
        }
        Ok(part) => panic!("{part}"),
        Err(_) => {
            let mut lines = vec![
                ("panic", "the session was not saved: the handler panicked"),
                (
                    "another origin",
                    "a request from https://evil.example to shop.example",
                ),
            ];
            if cfg!(feature = "store") {
                lines.push(("store", "the session store is unavailable: scripted"));
            }
            if cfg!(feature = "unstable-device-bound") {
                lines.push((
                    "device",
                    "a bound session was not proven: signed by another key",
                ));
            }
            for (part, line) in lines {
                let said = said("what_loses_a_session_has_a_line", part);
                let line = format!("hardtack: {line}");
                assert_eq!(said.matches(&line).count(), 1, "{part}: {said}");
                assert!(!said.contains("hunter2"), "{said}");
            }
        }
    }
}

#[test]
fn keys_that_were_not_replaced_are_in_the_log() {
    const TEST: &str = "standard_error::keys_that_were_not_replaced_are_in_the_log";
    if env::var_os(SPEAKER).is_some() {
        let ring = Keyring::new(Key::generate().unwrap());
        let sessions = SessionManager::builder(ring).build().unwrap();
        sessions.reload_keyring("no/such/file").unwrap_err();
        return;
    }
    let said = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", TEST])
        .env(SPEAKER, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    let line = "hardtack: the keys were not replaced: file no/such/file: cannot be read (";
    assert_eq!(said.matches(line).count(), 1, "{said}");
}
