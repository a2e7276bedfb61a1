//! A cookie that does not count means no session, is never an error, and stays: an instance that
//! lacks a key or a version must not log anybody out.

use super::{NAME, NONE, a, line, token};
use crate::{
    handmade,
    kit::{
        clock::{Clock, T0},
        keys::{key, master},
    },
    server::Framework,
    site::{Site, ring, sealed, settings},
};
use hardtack::{
    Keyring, Timestamp,
    session::{FlashLevel, Refusal},
};
use std::time::Duration;

/// The session of a request with this Cookie line is new, for this reason; the cookie stays.
fn refused(site: &Site, cookie: &str, reason: Refusal) {
    let visit = site
        .request()
        .cookie(cookie)
        .visit(|session| Ok((session.is_new()?, session.is_empty()?)));
    assert_eq!(visit.refusals(), [reason], "{cookie}");
    assert_eq!(visit.opened(), None);
    assert_eq!(visit.response().status, 200);
    assert_eq!(visit.set_cookie(), NONE);
    assert!(visit.response().lists("vary", "cookie"));
    assert_eq!(visit.value(), (true, true));
}

pub fn absent(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site.request().visit(|session| session.is_new());
    assert_eq!(visit.events, []);
    assert_eq!(visit.set_cookie(), NONE);
    assert!(visit.response().lists("vary", "cookie"));
    assert!(visit.value());
}

pub fn empty(framework: &Framework) {
    refused(&Site::new(framework), &line(""), Refusal::Invalid);
}

pub fn malformed(framework: &Framework) {
    let site = Site::new(framework);
    let padded = format!("{}=", token(&site, 1));
    for text in ["h", "hello world", "=", "h.h.h", "1.h", "____", &padded] {
        refused(&site, &line(text), Refusal::Invalid);
    }
}

pub fn truncated(framework: &Framework) {
    let site = Site::new(framework);
    let token = token(&site, 1);
    for length in [1, 31, 32, 40, 53, token.len() - 1] {
        refused(&site, &line(&token[..length]), Refusal::Invalid);
    }
}

pub fn tampered(framework: &Framework) {
    let site = Site::new(framework);
    let token = token(&site, 1);
    assert_eq!(a(&site, line(&token)), Some(1));
    // Issued-at, random, ciphertext, tag: the last character has bits that must be zero.
    for place in [8, 20, 40, token.len() - 10] {
        let other = if token.as_bytes()[place] == b'A' {
            "B"
        } else {
            "A"
        };
        let mut changed = token.clone();
        changed.replace_range(place..=place, other);
        refused(&site, &line(&changed), Refusal::Invalid);
    }
}

pub fn another_cookies_token(framework: &Framework) {
    let site = Site::new(framework);
    let other = settings(ring(), &site.clock)
        .cookie_name("__Host-other")
        .build()
        .unwrap();
    let other = sealed(&other, |session| session.insert("a", 1));
    refused(&site, &line(&other.0["__Host-other"]), Refusal::Invalid);
}

pub fn realms(framework: &Framework) {
    let site = Site::with(framework, |settings| settings.realm("tenant-1"));
    let tenant = |realm| {
        let sessions = settings(ring(), &site.clock).realm(realm).build().unwrap();
        sealed(&sessions, |session| session.insert("a", 1)).header()
    };
    assert_eq!(a(&site, tenant("tenant-1")), Some(1));
    refused(&site, &tenant("tenant-2"), Refusal::Invalid);
    refused(&site, &tenant(""), Refusal::Invalid);
}

pub fn expired_idle(framework: &Framework) {
    let site = Site::new(framework);
    let cookie = line(&token(&site, 1));
    site.clock.pass(1800);
    assert_eq!(a(&site, cookie.as_str()), Some(1));
    site.clock.pass(1);
    refused(&site, &cookie, Refusal::IdleTimeout);
}

pub fn expired_absolute(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    browser.visit(|session| session.insert("a", 1));
    // Used every quarter of an hour, for twelve hours.
    for _ in 0..48 {
        site.clock.pass(900);
        let visit = browser.visit(|session| session.get::<u8>("a"));
        assert_eq!(visit.value(), Some(1));
    }
    site.clock.pass(1);
    refused(&site, &browser.jar.header(), Refusal::AbsoluteTimeout);
}

/// A token sealed by an instance whose clock is ahead by so much.
fn sealed_ahead(seconds: u32) -> String {
    let sessions = settings(ring(), &Clock::at(T0 + seconds)).build().unwrap();
    sealed(&sessions, |session| session.insert("a", 1)).header()
}

pub fn not_yet_valid(framework: &Framework) {
    refused(
        &Site::new(framework),
        &sealed_ahead(61),
        Refusal::NotYetValid,
    );
}

pub fn skew(framework: &Framework) {
    assert_eq!(a(&Site::new(framework), sealed_ahead(60)), Some(1));
}

pub fn unknown_key(framework: &Framework) {
    let site = Site::new(framework);
    let other = settings(Keyring::new(key(2)), &site.clock).build().unwrap();
    let other = sealed(&other, |session| session.insert("a", 1));
    refused(&site, &other.header(), Refusal::UnknownKey);
}

pub fn unknown_version(framework: &Framework) {
    let site = Site::new(framework);
    let token = token(&site, 1);
    for version in [0x00, 0x83, 0x86, 0x87, 0xff] {
        let other = handmade::with_version(&token, version);
        refused(&site, &line(&other), Refusal::UnknownVersion);
    }
    // Known, but not what the tag was made for.
    let other = handmade::with_version(&token, 0x85);
    refused(&site, &line(&other), Refusal::Invalid);
}

pub fn unknown_layout(framework: &Framework) {
    let site = Site::new(framework);
    let handmade = |layout| {
        let record = handmade::record(layout, T0);
        line(&handmade::seal(&master(1), NAME, T0, &record))
    };
    let known = site.request().cookie(handmade(1));
    let known = known.visit(|session| Ok(session.id()?.to_bytes()));
    assert_eq!(known.value(), [9; 16]);
    for layout in [0, 2, 255] {
        refused(&site, &handmade(layout), Refusal::UnknownLayout);
    }
}

pub fn unreadable_record(framework: &Framework) {
    let site = Site::new(framework);
    let record = handmade::record(1, T0);
    for length in [0, 1, 17, record.len() - 1] {
        let token = handmade::seal(&master(1), NAME, T0, &record[..length]);
        refused(&site, &line(&token), Refusal::Unreadable);
    }
}

pub fn revoked(framework: &Framework) {
    let site = Site::with(framework, |settings| {
        settings.reject_issued_before(Timestamp::from_unix(T0))
    });
    assert_eq!(a(&site, line(&token(&site, 1))), Some(1));
    let before = settings(ring(), &Clock::at(T0 - 1)).build().unwrap();
    let before = sealed(&before, |session| session.insert("a", 1));
    refused(&site, &before.header(), Refusal::Revoked);
}

pub fn too_long(framework: &Framework) {
    let site = Site::new(framework);
    refused(&site, &line(&"h".repeat(40_000)), Refusal::TooLong);
}

/// Lowering a limit acts at once, raising one revives nothing.
pub fn other_limits(framework: &Framework) {
    let idle = |seconds| {
        Site::with(framework, |settings| {
            settings.idle_timeout(Duration::from_secs(seconds))
        })
    };
    let (short, long) = (idle(60), idle(3600));
    let (from_short, from_long) = (line(&token(&short, 1)), line(&token(&long, 2)));
    for site in [&short, &long] {
        site.clock.pass(61);
    }
    refused(&short, &from_long, Refusal::IdleTimeout);
    refused(&long, &from_short, Refusal::IdleTimeout);
    assert_eq!(a(&long, from_long), Some(2));
}

/// The next write overwrites what was refused.
pub fn overwritten(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    browser.jar.0.insert(NAME.into(), "garbage".into());
    let visit = browser.visit(|session| session.flash(FlashLevel::Info, "hello"));
    assert_eq!(visit.set_cookie().len(), 1);
    let flashes = browser.visit(|session| session.take_flashes()).value();
    assert_eq!(flashes[0].text, "hello");
}
