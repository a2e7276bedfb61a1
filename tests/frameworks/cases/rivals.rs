//! Two logins under one name that a sibling domain can set.

use super::{NAME, NONE, a};
use crate::{
    kit::clock::{Clock, T0},
    server::Framework,
    site::{Site, ring, sealed, settings},
};
use hardtack::session::{Event, Refusal, SessionError};

/// A session of this number under this name, sealed so many seconds before the start.
fn older(name: &str, a: u8, seconds: u32) -> String {
    let settings = settings(ring(), &Clock::at(T0 - seconds));
    let sessions = settings.cookie_name(name).build().unwrap();
    sealed(&sessions, |session| session.insert("a", a)).header()
}

/// The attacker's own session, newer than the victim's: what the victim wrote next would be sealed into
/// it.
pub fn planted_session(framework: &Framework) {
    let site = Site::with(framework, |settings| settings.cookie_name("sid"));
    let cookies = format!("{}; {}", older("sid", 7, 10), older("sid", 66, 1));
    let request = || {
        let request = site.request().header("host", "www.shop.example");
        request.cookie(cookies.as_str())
    };
    let heals = |lines: &[&str]| {
        for place in [
            "; Path=/; Domain=www.shop.example;",
            "; Path=/; Domain=shop.example;",
            "; Path=/run;",
            "; Path=/run; Domain=shop.example;",
            "; Path=/run; Domain=shop.example; Partitioned;",
        ] {
            let is_one = |line: &&str| {
                let line = format!("{line};");
                let place = place.split(';').map(str::trim);
                line.starts_with("sid=;")
                    && line.contains("; Max-Age=0;")
                    && place
                        .filter(|part| !part.is_empty())
                        .all(|part| line.contains(&format!("; {part};")))
            };
            assert!(lines.iter().any(is_one), "{place} {lines:?}");
        }
        let bytes = lines
            .iter()
            .map(|line| "set-cookie: \r\n".len() + line.len());
        assert!(bytes.sum::<usize>() <= 3 * 1024, "{lines:?}");
    };

    // Nobody's session counts, and no write reaches either.
    let visit = request().visit(|session| Ok((session.is_new()?, session.get::<u8>("a")?)));
    heals(&visit.set_cookie());
    // The place of the settings is the victim's: it stays.
    let own = |line: &&str| {
        let differs = |other| line.contains(other);
        line.contains("; Path=/;") && !differs("; Domain=") && !differs("; Partitioned")
    };
    assert!(
        !visit.set_cookie().iter().any(own),
        "{:?}",
        visit.set_cookie()
    );
    assert_eq!(visit.refusals(), [Refusal::Rival, Refusal::Rival]);
    assert!(matches!(visit.events[0], Event::Rivals { .. }));
    assert_eq!(visit.value(), (true, None));
    let visit = request().visit(|session| session.insert("a", 2));
    assert_eq!(visit.response().status, 503);
    heals(&visit.set_cookie());
    assert_eq!(visit.result, Some(Err(SessionError::Rivals)));

    // A login starts anew.
    let visit = request().visit(|session| {
        session.regenerate_for_login()?;
        session.insert("a", 3)
    });
    assert_eq!(visit.response().status, 200);
    let set = visit
        .set_cookie()
        .into_iter()
        .find(|line| line.starts_with("sid=h"));
    let pair = set.and_then(|line| line.split("; ").next()).unwrap();
    assert_eq!(a(&site, pair), Some(3));

    // A logout ends both.
    let visit = request().visit(|session| session.destroy());
    let ended = |event: &&Event| matches!(event, Event::Destroyed { .. });
    assert_eq!(visit.events.iter().filter(ended).count(), 2);
}

/// No other domain sets a cookie of this name: the newest counts, as after a lost answer.
pub fn prefix_that_nobody_plants(framework: &Framework) {
    let site = Site::new(framework);
    let cookies = format!("{}; {}", older(NAME, 7, 10), older(NAME, 8, 1));
    let visit = site.request().cookie(cookies);
    let visit = visit.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.set_cookie(), NONE);
    assert_eq!(visit.value(), Some(8));
}
