//! What is said on standard error, for who has no `tracing`. A process of its own says it, and is listened to.

#![cfg(all(feature = "session", not(feature = "tracing")))]

use hardtack::{Key, Keyring, session::SessionManager};
use std::{env, process::Command};

const SPEAKER: &str = "HARDTACK_TEST_SPEAKS";

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
        .arg("--nocapture")
        .env(SPEAKER, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    let warning =
        "hardtack: session cookies are sent over http: insecure_for_development is for development";
    assert_eq!(said.matches(warning).count(), 1, "{said}");
}
