//! Failed logins are counted on the server, for attackers without a cookie too.

use crate::{
    instance::{Instance, Response, Result, key, request},
    store::Store,
};

const RIGHT: &str = "analytical engine";
const WRONG: &str = "difference engine";

fn log_in(site: &Instance, name: &str, password: &str) -> Result<Response> {
    let form = format!("name={name}&password={}", password.replace(' ', "+"));
    request(site.address, "POST", "/login", &[], &form)
}

fn limits(example: &str) -> Result<()> {
    let site = Instance::start(example, &Store::Cookie, &key())?;
    // Each login is a session of its own, because no cookie is sent back.
    for _ in 0..10 {
        let response = log_in(&site, "ada", RIGHT)?;
        assert_eq!(
            response.header("location"),
            Some("/"),
            "a login counts nothing"
        );
    }
    for _ in 0..5 {
        let response = log_in(&site, "ada", WRONG)?;
        assert_eq!(response.header("location"), Some("/login"));
    }
    for password in [WRONG, RIGHT] {
        let response = log_in(&site, "ada", password)?;
        assert_eq!(response.status, 429, "{password}");
        let seconds: u64 = response
            .header("retry-after")
            .ok_or("no Retry-After")?
            .parse()?;
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert!(
            response
                .body
                .contains(&format!("Try again in {seconds} second"))
        );
        assert!(response.cookie.is_none());
    }
    let response = log_in(&site, "nobody", WRONG)?;
    assert_eq!(response.status, 303, "another name is another one");

    request(site.address, "POST", "/operator/clock", &[], "minutes=1")?;
    let response = log_in(&site, "ada", RIGHT)?;
    assert_eq!(response.header("location"), Some("/"));
    Ok(())
}

#[cfg(feature = "axum")]
#[test]
fn failed_logins_are_limited_on_axum() -> Result<()> {
    limits("axum")
}

#[cfg(feature = "actix")]
#[test]
fn failed_logins_are_limited_on_actix() -> Result<()> {
    limits("actix")
}

#[cfg(feature = "rocket")]
#[test]
fn failed_logins_are_limited_on_rocket() -> Result<()> {
    limits("rocket")
}
