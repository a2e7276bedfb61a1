//! The lines on standard error of a site without `tracing`, or whose `tracing` nobody listens to. Another process of
//! this program says them.

use crate::kit::{
    clock::Clock,
    keys::ring,
    site::{Site, finish, logged_in},
};
use hardtack::{
    Key, Keyring,
    session::{SaveError, Session, SessionData, SessionManager},
};
use serde::{Deserialize, Serialize};
use std::{env, process::Command};

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
    // The first, the second and the fourth.
    assert_eq!(said.matches(warning).count(), 3, "{said}");
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
