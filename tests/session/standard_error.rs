//! The lines on standard error of a site without `tracing`. Another process of this program says them.

use hardtack::{Key, Keyring, session::SessionManager};
use std::{env, process::Command};

const SPEAKER: &str = "HARDTACK_TEST_SPEAKS";
const TEST: &str = "standard_error::the_warning_of_cookies_over_http_is_said_once";

#[test]
fn the_warning_of_cookies_over_http_is_said_once() {
    if env::var_os(SPEAKER).is_some() {
        for _ in 0..3 {
            let ring = Keyring::new(Key::generate().unwrap());
            SessionManager::builder(ring)
                .insecure_for_development()
                .build()
                .unwrap();
        }
        return;
    }
    let said = Command::new(env::current_exe().unwrap())
        .args(["--exact", "--nocapture", TEST])
        .env(SPEAKER, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    let warning = "hardtack: session cookies are sent over http: use `insecure_for_development` for development only";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
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
