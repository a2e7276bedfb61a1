//! How a session begins, changes its id, and ends.

use super::{NAME, NONE, a, session};
use crate::{
    kit::clock::DAY,
    server::Framework,
    site::{Site, Visit, ring, settings},
};
use hardtack::{
    Timestamp,
    session::{Event, Refusal, SameSite, Session, SessionError, SessionId, SessionManagerBuilder},
};
use std::{collections::BTreeSet, time::Duration};

fn facts(session: &Session) -> Result<(SessionId, Timestamp), SessionError> {
    Ok((session.id()?, session.created_at()?))
}

/// Id and creation before and after `f`, and what is under `a` then.
fn around(
    framework: &Framework,
    f: impl FnOnce(&Session) -> Result<(), SessionError> + Send + 'static,
) -> [(SessionId, Timestamp); 2] {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let before = browser.visit(facts).value();
    site.clock.pass(100);
    let visit = browser.visit(f);
    assert_eq!(visit.set_cookie().len(), 1);
    let regenerated = visit.events.iter().find_map(|event| match event {
        Event::Regenerated { from, to, .. } => Some((*from, *to)),
        _ => None,
    });
    let (after, a) = browser
        .visit(|session| Ok((facts(session)?, session.get::<u8>("a")?)))
        .value();
    assert_eq!(a, Some(2));
    assert_eq!(regenerated, Some((before.0, after.0)));
    [before, after]
}

pub fn regenerate_before_writes(framework: &Framework) {
    let [before, after] = around(framework, |session| {
        session.regenerate()?;
        session.insert("a", 2)
    });
    assert_ne!(before.0, after.0);
    assert_eq!(before.1, after.1);
}

pub fn regenerate_after_writes(framework: &Framework) {
    let [before, after] = around(framework, |session| {
        session.insert("a", 2)?;
        session.regenerate()
    });
    assert_ne!(before.0, after.0);
    assert_eq!(before.1, after.1);
}

/// A login has a lifetime of its own.
pub fn regenerate_for_login(framework: &Framework) {
    let [before, after] = around(framework, |session| {
        session.insert("a", 2)?;
        session.regenerate_for_login()
    });
    assert_ne!(before.0, after.0);
    assert_eq!(after.1, before.1.saturating_add(Duration::from_secs(100)));
}

pub fn clear_keeps_the_session(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let before = browser.visit(facts).value();
    browser.visit(|session| session.clear());
    let visit = browser.visit(|session| Ok((facts(session)?, session.is_empty()?)));
    assert_eq!(visit.value(), (before, true));
}

/// The names of the cookies that these lines remove.
fn removed<R>(visit: &Visit<R>) -> Vec<&str> {
    visit
        .set_cookie()
        .iter()
        .filter(|line| line.contains("; Max-Age=0"))
        .map(|line| line.split_once('=').unwrap().0)
        .collect()
}

pub fn destroy(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let visit = browser.visit(|session| {
        let id = session.id()?;
        session.destroy()?;
        Ok(id)
    });
    assert_eq!(removed(&visit), [NAME]);
    assert_eq!(visit.set_cookie().len(), 1);
    assert_eq!(visit.response().values("cache-control"), ["no-store"]);
    assert!(browser.jar.0.is_empty());
    let destroyed = visit.events.iter().find_map(|event| match event {
        Event::Destroyed { id, .. } => Some(*id),
        _ => None,
    });
    assert_eq!(Some(visit.value()), destroyed);
}

/// Whatever was received is removed, whether it opens or not: the browser is to be rid of it.
pub fn destroy_with_a_cookie_that_does_not_open(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    for name in ["", ".1", ".7"] {
        browser
            .jar
            .0
            .insert(format!("{NAME}{name}"), "garbage".into());
    }
    browser.jar.0.insert(format!("{NAME}.x"), "not ours".into());
    let visit = browser.visit(|session| session.destroy());
    let names = [NAME, "__Host-session.1", "__Host-session.7"];
    assert_eq!(removed(&visit), names);
    assert_eq!(visit.set_cookie().len(), names.len());
}

/// The browser may have withheld the cookie, because a page of another site made the request.
pub fn destroy_without_a_cookie(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site.browser().visit(|session| session.destroy());
    assert_eq!(visit.set_cookie(), NONE);
}

pub fn destroy_then_write(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let visit = browser.visit(|session| {
        let id = session.id()?;
        session.destroy()?;
        session.insert("b", 2)?;
        Ok(id)
    });
    assert_eq!(visit.set_cookie().len(), 1);
    assert_eq!(removed(&visit), NONE);
    let before = visit.value();
    let (after, keys) = browser
        .visit(|session| Ok((session.id()?, session.keys()?)))
        .value();
    assert_ne!(before, after);
    assert_eq!(keys, ["b"]);
}

fn max_age<R>(visit: &Visit<R>) -> Option<&str> {
    let line = visit.set_cookie()[0];
    line.split("; ")
        .find_map(|part| part.strip_prefix("Max-Age="))
}

pub fn remember(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let visit = browser.visit(|session| session.insert("a", 1));
    assert_eq!(max_age(&visit), None);
    let visit = browser.visit(|session| session.remember(true));
    assert_eq!(max_age(&visit), Some("1209600"));
    // Fourteen days without use, ninety in all; the cookie lives as long as the session.
    for _ in 0..6 {
        site.clock.pass(14 * DAY);
        assert_eq!(browser.visit(|session| session.get("a")).value(), Some(1u8));
    }
    site.clock.pass(DAY);
    let visit = browser.visit(|session| session.insert("a", 2));
    assert_eq!(max_age(&visit), Some((5 * DAY).to_string().as_str()));
    site.clock.pass(5 * DAY + 1);
    let visit = browser.visit(|session| session.is_new());
    assert_eq!(visit.refusals(), [Refusal::AbsoluteTimeout]);
}

pub fn forget(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    browser.visit(|session| {
        session.insert("a", 1)?;
        session.remember(true)
    });
    let visit = browser.visit(|session| session.remember(false));
    assert_eq!(max_age(&visit), None);
    site.clock.pass(1801);
    let visit = browser.visit(|session| session.is_new());
    assert_eq!(visit.refusals(), [Refusal::IdleTimeout]);
}

pub fn expire_in(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let visit = browser.visit(|session| {
        session.expire_in(Duration::from_secs(60))?;
        session.expires_at()
    });
    let end = site.clock.now().saturating_add(Duration::from_secs(60));
    assert_eq!(visit.value(), end);
    let cookie = browser.jar.header();
    site.clock.pass(60);
    assert_eq!(a(&site, cookie.as_str()), Some(1));
    site.clock.pass(1);
    let visit = site
        .request()
        .cookie(cookie)
        .visit(|session| session.is_new());
    assert_eq!(visit.refusals(), [Refusal::AbsoluteTimeout]);
}

/// A Set-Cookie line: the name, and the attributes but those that say until when.
fn attributes(line: &str) -> (&str, BTreeSet<&str>) {
    let mut parts = line.split("; ");
    let (name, _) = parts.next().unwrap().split_once('=').unwrap();
    let until = |part: &&str| part.starts_with("Max-Age=") || part.starts_with("Expires=");
    (name, parts.filter(|part| !until(part)).collect())
}

/// A browser refuses a removal whose attributes are not the setter's, and the user stays logged in.
pub fn removal_has_the_setters_attributes(framework: &Framework) {
    let mut combinations = 0;
    for bits in 0..32u8 {
        for same_site in [SameSite::Strict, SameSite::Lax, SameSite::None] {
            let is = |bit: u8| bits & (1 << bit) != 0;
            let (secure, http_only, partitioned, domain, path) =
                (is(0), is(1), is(2), is(3), is(4));
            // Refused by `build`.
            if !secure && (partitioned || same_site == SameSite::None) {
                continue;
            }
            combinations += 1;
            let site = Site::with(framework, |mut settings| {
                settings = settings
                    .cookie_name("sid")
                    .secure(secure)
                    .http_only(http_only)
                    .partitioned(partitioned)
                    .same_site(same_site);
                if domain {
                    settings = settings.domain("example.org");
                }
                if path {
                    settings = settings.path("/app");
                }
                settings
            });
            let mut browser = site.browser();
            let set = browser.visit(|session| {
                session.insert("a", 1)?;
                session.remember(true)
            });
            let removal = browser.visit(|session| session.destroy());
            assert!(browser.jar.0.is_empty());
            let (name, attributes_set) = attributes(set.set_cookie()[0]);
            assert_eq!(name, "sid");
            assert_eq!(
                attributes(removal.set_cookie()[0]),
                (name, attributes_set.clone())
            );
            for (attribute, expected) in [
                ("Secure", secure),
                ("HttpOnly", http_only),
                ("Partitioned", partitioned),
                ("Domain=example.org", domain),
                ("Path=/app", path),
                ("Path=/", !path),
                ("SameSite=Strict", same_site == SameSite::Strict),
                ("SameSite=Lax", same_site == SameSite::Lax),
                ("SameSite=None", same_site == SameSite::None),
            ] {
                assert_eq!(attributes_set.contains(attribute), expected, "{attribute}");
            }
        }
    }
    assert_eq!(combinations, 64);
}

/// What a browser demands of a name that begins with `__Host-`, set and removed.
pub fn host_prefix(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let set = browser.visit(|session| session.insert("a", 1));
    let removal = browser.visit(|session| session.destroy());
    for visit in [&set, &removal] {
        let (name, attributes) = attributes(visit.set_cookie()[0]);
        assert_eq!(name, NAME);
        let expected = ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"];
        assert_eq!(attributes, BTreeSet::from(expected));
    }
    // What it would drop is not built.
    let refused = |settings: SessionManagerBuilder| settings.build().is_err();
    let settings = || settings(ring(), &site.clock);
    assert!(refused(settings().domain("example.org")));
    assert!(refused(settings().path("/app")));
    assert!(refused(settings().secure(false)));
    assert!(refused(
        settings().cookie_name("__hOST-a").domain("example.org")
    ));
    assert!(!refused(
        settings().cookie_name("__Secure-a").domain("example.org")
    ));
}
