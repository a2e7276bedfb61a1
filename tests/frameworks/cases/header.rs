//! The Cookie header as bytes: which cookie counts, and what hides none.

use super::{NAME, NONE, a, line, token};
use crate::{
    client,
    kit::clock::{Clock, T0},
    server::Framework,
    site::{Site, ring, sealed, settings},
};
use hardtack::session::Refusal;

/// A session of this number, sealed so many seconds before the start.
fn older(a: u8, seconds: u32) -> String {
    let sessions = settings(ring(), &Clock::at(T0 - seconds)).build().unwrap();
    sealed(&sessions, |session| session.insert("a", a)).header()
}

pub fn duplicates_newest_first(framework: &Framework) {
    let site = Site::new(framework);
    let cookie = format!("{}; {}", older(2, 1), older(1, 2));
    assert_eq!(a(&site, cookie), Some(2));
}

pub fn duplicates_newest_last(framework: &Framework) {
    let site = Site::new(framework);
    let cookie = format!("{}; {}", older(1, 2), older(2, 1));
    assert_eq!(a(&site, cookie), Some(2));
}

pub fn duplicates_of_one_second(framework: &Framework) {
    let site = Site::new(framework);
    let cookie = format!("{}; {}", older(1, 2), older(2, 2));
    assert_eq!(a(&site, cookie), Some(1));
}

/// A sibling domain plants the attacker's own session and rubbish, before and behind the victim's.
pub fn attackers_older_session(framework: &Framework) {
    let site = Site::new(framework);
    let (victims, attackers) = (older(7, 10), older(66, 100));
    let rubbish = format!("{NAME}=; {NAME}=hhhh; {NAME}; {NAME}=2.hhhh");
    for [first, second, third] in [
        [&victims, &attackers, &rubbish],
        [&attackers, &rubbish, &victims],
        [&rubbish, &victims, &attackers],
    ] {
        assert_eq!(a(&site, format!("{first}; {second}; {third}")), Some(7));
        let lines = site
            .request()
            .cookie(first.as_str())
            .cookie(second.as_str())
            .cookie(third.as_str());
        assert_eq!(lines.visit(|session| session.get("a")).value(), Some(7u8));
    }
}

/// Another cookie's value may hold anything, and ours is not decoded.
pub fn percent_and_quotes(framework: &Framework) {
    let site = Site::new(framework);
    let token = token(&site, 1);
    for neighbour in [
        "a=%zz",
        "a=%",
        "a=\"x",
        "a=\"x; y\"",
        "a=%3B%00",
        "=",
        "a",
        "\"=\"",
    ] {
        for cookie in [
            format!("{neighbour}; {}", line(&token)),
            format!("{}; {neighbour}", line(&token)),
        ] {
            assert_eq!(a(&site, cookie.as_str()), Some(1), "{cookie}");
        }
    }
    let percent = token.replacen('h', "%68", 1);
    for ours in [format!("\"{token}\""), percent] {
        let visit = site.request().cookie(line(&ours));
        let visit = visit.visit(|session| session.is_new());
        assert_eq!(visit.refusals(), [Refusal::Invalid], "{ours}");
        assert_eq!(visit.set_cookie(), NONE);
        assert!(visit.value());
    }
}

pub fn white_space(framework: &Framework) {
    let site = Site::new(framework);
    let token = token(&site, 1);
    for cookie in [
        format!("a=b;{NAME}={token};c=d"),
        format!("a=b; \t {NAME}={token} \t;c=d"),
        format!(";;; ;{NAME}={token};"),
    ] {
        assert_eq!(a(&site, cookie.as_str()), Some(1), "{cookie}");
    }
}

/// A sibling domain may set a cookie named U+00A0 `__Host-session`: no browser takes it for ours.
pub fn unicode_space_before_the_name(framework: &Framework) {
    let site = Site::new(framework);
    let token = token(&site, 1);
    for space in ["\u{a0}", "\u{2003}", "\u{85}"] {
        assert_eq!(a(&site, format!("{space}{}", line(&token))), None);
        assert_eq!(a(&site, format!("a=b; {space}{}; c=d", line(&token))), None);
    }
    assert_eq!(a(&site, line(&token).replace("__Host", "__host")), None);
}

pub fn neighbour_outside_ascii(framework: &Framework) {
    let site = Site::new(framework);
    let cookie = format!("name=Zoë; {}; name=日本", line(&token(&site, 1)));
    assert_eq!(a(&site, cookie), Some(1));
}

/// Where the framework passes such a line on. Where it drops it: no session, and the cookie stays.
pub fn neighbour_not_utf8(framework: &Framework) {
    let site = Site::new(framework);
    let ours = line(&token(&site, 1));
    let cookie = [b"name=\xff\xfe; ", ours.as_bytes()].concat();
    let visit = site.request().cookie(cookie);
    let visit = visit.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.response().status, 200);
    assert_eq!(visit.set_cookie(), NONE);
    assert_eq!(visit.value(), framework.takes_bytes.then_some(1));
    // A line of its own hides nothing anywhere.
    let visit = site.request().cookie(b"name=\xff\xfe").cookie(ours);
    assert_eq!(visit.visit(|session| session.get("a")).value(), Some(1u8));
}

pub fn two_cookie_lines(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site.request().cookie("a=b").cookie(line(&token(&site, 1)));
    assert_eq!(visit.visit(|session| session.get("a")).value(), Some(1u8));
}

pub fn thousands_of_pairs(framework: &Framework) {
    let site = Site::new(framework);
    let parts: String = (0..399).map(|k| format!("{NAME}.{k}=x; ")).collect();
    let before = |pairs: usize| "a=b; ".repeat(pairs) + &parts;
    let ours = line(&token(&site, 1));
    let after = "a=b; ".repeat(6000);
    assert_eq!(a(&site, format!("{}{ours}; {after}", before(600))), Some(1));
    // No browser sends as many.
    assert_eq!(a(&site, format!("{}{ours}; {after}", before(601))), None);
    let counts = [0, 1, 9, 255].map(|count| format!("{NAME}={count}.hhhh; {NAME}.{count}=h.h; "));
    assert_eq!(a(&site, format!("{}{ours}", counts.concat())), Some(1));
}

/// Bytes that no HTTP client sends: whatever the server says to them, it stands.
pub fn control_bytes(framework: &Framework) {
    let site = Site::new(framework);
    for byte in [0x00, 0x01, 0x0b, 0x7f] {
        let mut request = b"GET /untouched HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".to_vec();
        request.extend_from_slice(format!("Cookie: {NAME}=h").as_bytes());
        request.push(byte);
        request.extend_from_slice(b"h\r\n\r\n");
        let answer = client::raw(site.address(), &request);
        assert!(!answer.starts_with(b"HTTP/1.1 5"), "{byte}");
    }
    assert_eq!(a(&site, line(&token(&site, 1))), Some(1));
}
