//! Sessions that are bound to a device, over HTTP. The rules are in `tests/session/device.rs`; here each framework
//! passes what it must pass, and answers the endpoint before any route.

use crate::{
    app,
    client::{Response, send},
    kit::{
        bound::{ENDPOINT, EXCLUDED, page, statuses_of_the_endpoint, which_cookie_counts},
        dbsc::{Answer, Outgoing},
        device::Device,
    },
    log,
    server::Framework,
    site::{self, Browser, Site},
};
use hardtack::session::{DeviceBound, Refusal, SessionError};
use std::panic::{self, AssertUnwindSafe};

/// Cases whose cookies no browser can bind: `build` says so.
const CANNOT_BE_BOUND: [&str; 6] = [
    "domain_added",
    "domain_or_path_changed",
    "host_prefix",
    "partitioned_removal",
    "partitioned_switched",
    "removal_has_the_setters_attributes",
];

/// Runs a case of browsers that bind nothing, on sites that offer it.
pub fn unnoticed(name: &str, case: impl FnOnce()) {
    let case = || site::set(|builder| builder.device_bound(Default::default()), case);
    if !CANNOT_BE_BOUND.contains(&name) {
        return case();
    }
    let panic = panic::catch_unwind(AssertUnwindSafe(case)).expect_err("it is refused");
    let text = panic.downcast_ref::<&str>().copied();
    let message = panic.downcast_ref::<String>().map(String::as_str).or(text);
    let message = message.unwrap_or_default();
    let is_refused = message.contains("device_bound")
        || message.contains("path of device")
        || message.contains("!refused(");
    assert!(is_refused, "{message}");
}

/// Runs a table on a site, whose pages are those of the table.
fn on_a_site(
    framework: &Framework,
    table: impl FnOnce(&Site, &mut dyn FnMut(&Outgoing) -> Option<Answer>),
) {
    let site = Site::with(framework, |settings| {
        settings.device_bound(DeviceBound::default().exclude(EXCLUDED))
    });
    table(&site, &mut |request| {
        let own = request.url.path.clone();
        let path = match own.as_str() {
            ENDPOINT => own,
            _ => {
                let folder = if own.starts_with(EXCLUDED) {
                    EXCLUDED
                } else {
                    "/run/"
                };
                let job = app::expect(Box::new(move |mut handles| {
                    Ok(app::Answer::new().text(page(&handles.take_session(), &own)?))
                }));
                format!("{folder}{job}")
            }
        };
        let headers = request.headers.iter().filter(|(name, _)| *name != "host");
        let headers: Vec<(&str, &[u8])> = headers
            .map(|(name, value)| (*name, value.as_bytes()))
            .collect();
        let body = (request.method == "POST").then_some("");
        let response = send(site.address(), request.method, &path, &headers, body)?;
        Some(Answer {
            status: response.status,
            headers: response.headers,
            body: response.body,
        })
    });
}

pub fn which_cookie_counts_is_what_the_table_says(framework: &Framework) {
    on_a_site(framework, |site, send| {
        which_cookie_counts(&site.clock, send)
    });
}

pub fn the_endpoint_answers_what_the_table_says(framework: &Framework) {
    on_a_site(framework, |site, send| {
        statuses_of_the_endpoint(&site.clock, send)
    });
}

/// Sends a request to the endpoint as the browser of this jar.
fn endpoint(site: &Site, browser: &mut Browser<'_>, headers: &[(&str, &str)]) -> Response {
    let cookie = browser.jar.header();
    let headers: Vec<(&str, &[u8])> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
        .chain([("cookie", cookie.as_bytes())])
        .chain([("sec-fetch-mode", &b"no-cors"[..])])
        // As in a browser. Rule 13 would refuse another origin.
        .chain([("origin", &b"https://shop.example"[..])])
        .collect();
    let answer = send(site.address(), "POST", ENDPOINT, &headers, Some("")).unwrap();
    for line in answer.set_cookie() {
        browser.jar.store(line);
    }
    answer
}

/// The text between the quotes after this.
fn quoted<'t>(text: &'t str, before: &str) -> &'t str {
    let (_, after) = text.split_once(before).expect("a quoted text");
    after.split('"').next().unwrap()
}

fn log_in(browser: &mut Browser<'_>) -> String {
    let visit = browser.visit(|session| {
        session.regenerate_for_login()?;
        session.insert("a", 1)
    });
    let offer = visit.response().values("secure-session-registration");
    assert_eq!(offer.len(), 1);
    quoted(offer[0], "challenge=\"").to_owned()
}

pub fn a_browser_binds_its_session(framework: &Framework) {
    let site = Site::with(framework, |settings| {
        settings.device_bound(Default::default())
    });
    let (device, mut browser) = (Device::new(1), site.browser());
    let challenge = log_in(&mut browser);
    let proof = device.register(&challenge);
    let answer = endpoint(&site, &mut browser, &[("secure-session-response", &proof)]);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.values("content-type"), ["application/json"]);
    assert_eq!(answer.values("cache-control"), ["no-store"]);
    assert_eq!(answer.set_cookie().len(), 2);
    let instructions: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let id = instructions["session_identifier"]
        .as_str()
        .unwrap()
        .to_owned();
    let bound = browser.visit(|session| session.is_device_bound()).value();
    assert!(bound);

    // The attributes that the browser compares are those of the cookie that it got.
    let proof = answer
        .set_cookie()
        .into_iter()
        .find(|line| line.contains("-bound="));
    let set: Vec<&str> = proof.unwrap().split("; ").skip(1).collect();
    let told = instructions["credentials"][0]["attributes"]
        .as_str()
        .unwrap();
    let set = set
        .into_iter()
        .filter(|attribute| !attribute.starts_with("Max-Age"));
    assert_eq!(told, set.collect::<Vec<_>>().join("; "));

    let asked = endpoint(&site, &mut browser, &[("sec-secure-session-id", &id)]);
    assert_eq!((asked.status, asked.text()), (403, ""));
    let challenge = quoted(asked.values("secure-session-challenge")[0], "\"").to_owned();
    let proof = device.prove(&challenge);
    let headers = [
        ("sec-secure-session-id", &*id),
        ("secure-session-response", &*proof),
    ];
    let answer = endpoint(&site, &mut browser, &headers);
    assert_eq!(
        (answer.status, answer.body),
        (200, instructions.to_string().into_bytes())
    );

    // Without a proof: nothing. The logout works, and the browser forgets its key.
    let mut thief = site.browser_with(&browser.jar);
    thief.jar.0.retain(|name, _| !name.ends_with("-bound"));
    let visit = thief.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.refusals(), [Refusal::NoDeviceProof]);
    assert_eq!(visit.value(), None);
    browser.visit(|session| session.destroy());
    assert_eq!(browser.jar.header(), "");
    let answer = endpoint(&site, &mut browser, &[("sec-secure-session-id", &id)]);
    assert_eq!(
        (answer.status, answer.text()),
        (200, r#"{"continue":false}"#)
    );
    // A registration without anything, and a route of the application beside the endpoint.
    assert_eq!(endpoint(&site, &mut browser, &[]).status, 400);
}

pub fn a_link_from_elsewhere_loads_itself_again(framework: &Framework) {
    log::collect();
    let site = Site::with(framework, |settings| {
        settings.device_bound(Default::default())
    });
    let (device, mut browser) = (Device::new(1), site.browser());
    let challenge = log_in(&mut browser);
    let proof = device.register(&challenge);
    endpoint(&site, &mut browser, &[("secure-session-response", &proof)]);
    browser.jar.0.retain(|name, _| !name.ends_with("-bound"));
    let before = browser.jar.clone();
    for (purpose, status, refresh) in [(None, 200, &["0"][..]), (Some("prefetch"), 503, &[])] {
        let mut request = browser
            .request()
            .header("sec-fetch-site", "cross-site")
            .header("sec-fetch-mode", "navigate")
            .header("sec-fetch-dest", "document");
        if let Some(purpose) = purpose {
            request = request.header("sec-purpose", purpose);
        }
        let visit = request.visit(|session| session.get::<u8>("a"));
        let answer = visit.response();
        assert_eq!((answer.status, answer.text()), (status, ""));
        assert_eq!(answer.values("refresh"), refresh);
        assert_eq!(answer.values("cache-control"), ["no-store"]);
        assert!(answer.set_cookie().is_empty());
    }
    // What a script asks for waits, and says so.
    let request = browser.request().header("sec-fetch-site", "same-origin");
    let visit = request
        .header("sec-fetch-mode", "cors")
        .visit(|session| session.insert("a", 2));
    assert_eq!(visit.response().status, 503);
    assert_eq!(visit.result, Some(Err(SessionError::NoDeviceProof)));
    // An event has told it: a line for each such request would ration the lines about mistakes away.
    let line = format!("message={}", SessionError::NoDeviceProof);
    assert!(!log::has(&line));
    assert!(browser.jar == before);
}
