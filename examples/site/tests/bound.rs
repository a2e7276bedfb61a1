//! A session that is bound to the browser's device, and the page that only such a session opens.

use crate::{
    instance::{Instance, Response, Result, key, request},
    store::Store,
};
use std::collections::BTreeMap;

#[path = "../../../tests/kit/device.rs"]
mod device;
use device::Device;

/// A browser that keeps all cookies.
struct Browser<'s> {
    site: &'s Instance,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        form: &str,
    ) -> Result<Response> {
        let pairs = self.cookies.iter();
        let pairs: Vec<String> = pairs
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = pairs.join("; ");
        let headers = [headers, &[("Cookie", cookies.as_str())]].concat();
        let response = request(self.site.address, method, path, &headers, form)?;
        for line in response.headers("set-cookie") {
            let (pair, _) = line.split_once(';').ok_or("no attributes")?;
            let (name, value) = pair.split_once('=').ok_or("no name")?;
            self.cookies.insert(name.into(), value.into());
        }
        Ok(response)
    }

    fn endpoint(&mut self, headers: &[(&str, &str)]) -> Result<Response> {
        self.ask("POST", "/.hardtack/device/session", headers, "")
    }

    fn status(&mut self, path: &str) -> Result<u16> {
        Ok(self.ask("GET", path, &[], "")?.status)
    }
}

/// Returns the text in quotes that follows.
fn quoted<'t>(text: &'t str, before: &str) -> Result<&'t str> {
    let (_, after) = text.split_once(before).ok_or("not there")?;
    after.split('"').next().ok_or("no quotes".into())
}

fn bound(example: &str) -> Result<()> {
    let site = Instance::start_with(example, &["--device-bound".into()], &key())?;
    let mut browser = Browser {
        site: &site,
        cookies: BTreeMap::new(),
    };
    assert_eq!(browser.status("/safe")?, 403);
    let login = "name=ada&password=analytical+engine";
    let login = browser.ask("POST", "/login", &[], login)?;
    let offer = login
        .header("secure-session-registration")
        .ok_or("no offer")?;
    // Logged in is not enough.
    assert_eq!(browser.status("/safe")?, 403);

    let (own, foreign) = (Device::new(1), Device::new(2));
    let proof = own.register(quoted(offer, "challenge=\"")?);
    let answer = browser.endpoint(&[("Secure-Session-Response", &proof)])?;
    assert_eq!(answer.status, 200);
    let page = browser.ask("GET", "/safe", &[], "")?;
    assert!(page.status == 200 && page.body.contains("id=\"safe\""));

    // A thief's key, then the browser's own.
    let id = quoted(&answer.body, "\"session_identifier\":\"")?;
    let asked = browser.endpoint(&[("Sec-Secure-Session-Id", id)])?;
    let challenge = asked.header("secure-session-challenge");
    let challenge = quoted(challenge.ok_or("no challenge")?, "\"")?;
    for (device, status) in [(foreign, 403), (own, 200)] {
        let proof = device.prove(challenge);
        let headers = [
            ("Sec-Secure-Session-Id", id),
            ("Secure-Session-Response", &proof),
        ];
        assert_eq!(browser.endpoint(&headers)?.status, status);
    }

    // A copy of the session cookie alone.
    let mut thief = Browser {
        site: &site,
        cookies: browser.cookies.clone(),
    };
    thief
        .cookies
        .remove("__Host-session-bound")
        .ok_or("no proof")?;
    assert_eq!(thief.status("/safe")?, 403);

    let operator = browser.ask("GET", "/operator", &[], "")?.body;
    for (event, details) in [
        ("DeviceBound", ""),
        ("DeviceRefused", "ForeignKey"),
        ("DeviceProven", ""),
        ("Refused", "NoDeviceProof"),
    ] {
        let row =
            format!("<strong>{event}</strong></td><td>{details}</td><td class=\"wide\"><code>");
        assert_eq!(operator.matches(&row).count(), 1, "{row} {operator}");
    }

    // A site that binds nothing has no such page.
    let site = Instance::start(example, &Store::Cookie, &key())?;
    let mut browser = Browser {
        site: &site,
        cookies: BTreeMap::new(),
    };
    assert_eq!(browser.status("/safe")?, 404);
    assert!(!browser.ask("GET", "/", &[], "")?.body.contains("/safe"));
    Ok(())
}

#[cfg(feature = "axum")]
#[test]
fn only_a_bound_session_opens_the_safe_on_axum() -> Result<()> {
    bound("axum")
}

#[cfg(feature = "actix")]
#[test]
fn only_a_bound_session_opens_the_safe_on_actix() -> Result<()> {
    bound("actix")
}

#[cfg(feature = "rocket")]
#[test]
fn only_a_bound_session_opens_the_safe_on_rocket() -> Result<()> {
    bound("rocket")
}
