//! A clock that is wrong for a while: between two requests, or in the middle of one.

use crate::kit::{
    clock::{Clock, DAY, HOUR, MINUTE, T0, at, seconds},
    site::{Browser, NAME, Site, finish, logged_in},
};
use hardtack::session::{Denylist, Event, Refusal, SaveError, Session, SessionError, SessionId};
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

const YEAR: u32 = 365 * DAY;

/// Right, a little off, and far off in both directions.
const TIMES: [u32; 11] = [
    0,
    T0 - YEAR,
    T0 - HOUR,
    T0 - 60,
    T0,
    T0 + 10 * MINUTE,
    T0 + HOUR,
    T0 + 12 * HOUR + 1,
    T0 + YEAR,
    u32::MAX - 1,
    u32::MAX,
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Act {
    Read,
    Write,
    Regenerate,
    LogIn,
    Remember,
    ExpireIn,
    Destroy,
}

const ACTS: [Act; 7] = [
    Act::Read,
    Act::Write,
    Act::Regenerate,
    Act::LogIn,
    Act::Remember,
    Act::ExpireIn,
    Act::Destroy,
];

impl Act {
    fn run(self, session: &Session) -> Result<(), SessionError> {
        match self {
            Act::Read => session.len().map(drop),
            Act::Write => session.insert("cart", 7),
            Act::Regenerate => session.regenerate(),
            Act::LogIn => session.regenerate_for_login(),
            Act::Remember => session.remember(true),
            Act::ExpireIn => session.expire_in(seconds(MINUTE)),
            Act::Destroy => session.destroy(),
        }
    }

    /// The last second of a session that was created or found with this creation time, after it was
    /// done at `now`.
    fn end(self, created_at: u32, now: u32) -> u32 {
        let (created_at, lifetime) = match self {
            Act::LogIn => (now, 12 * HOUR),
            Act::Remember => (created_at, 90 * DAY),
            Act::ExpireIn => {
                let left = now.saturating_add(MINUTE).saturating_sub(created_at);
                (created_at, left.min(12 * HOUR))
            }
            _ => (created_at, 12 * HOUR),
        };
        created_at.saturating_add(lifetime)
    }
}

#[test]
fn a_clock_that_is_wrong_during_a_request_makes_no_session_outlive_its_end() {
    let site = Site::new();
    let mut opened_at_least_once = [false; ACTS.len()];
    for (number, act) in ACTS.into_iter().enumerate() {
        // The time at opening, at the call and at the answer.
        for (opened, acted, answered) in TIMES
            .into_iter()
            .flat_map(|a| TIMES.map(|b| (a, b)))
            .flat_map(|(a, b)| [(a, a, b), (a, b, b), (T0, a, b)])
        {
            let case = format!("{act:?} {opened} {acted} {answered}");
            site.clock.set(T0);
            let right = logged_in(&site, "ada");
            site.clock.set(opened);
            let session = site.request(&right.header());
            let is_new = session.is_new().unwrap();
            let refused = !(T0 - 60..=T0 + 30 * MINUTE).contains(&opened);
            assert_eq!(is_new, refused, "{case}");
            site.clock.set(acted);
            act.run(&session).unwrap();
            site.clock.set(answered);
            let reply = finish(&session);
            let mut browser = right.clone();
            browser.take(&reply);

            // At the end of time nothing is sealed; a read is not worth an error, even then.
            match reply.failed {
                None => {}
                Some(SaveError::Clock) => {
                    assert!(answered == u32::MAX && act != Act::Read, "{case}")
                }
                Some(error) => panic!("{case}: {error}"),
            }
            // It is over for `remember` too, if it was one.
            let over = act == Act::Remember && !is_new && acted > T0 + 90 * DAY;
            if act == Act::Destroy || over {
                assert_eq!(browser, Browser::default(), "{case}");
                continue;
            }
            // What is refused stays, and so does what cannot be saved.
            assert_eq!(browser.names(), [NAME], "{case}");
            if reply.set_cookie.is_empty() {
                assert_eq!(browser, right, "{case}");
                continue;
            }
            let end = act.end(if is_new { opened } else { T0 }, acted);
            for now in [T0, answered, end, end.saturating_add(1), u32::MAX] {
                site.clock.set(now);
                let opens = !browser.peek(&site, |session| session.is_new().unwrap());
                assert!(!opens || now <= end, "{case}: opens at {now}, after {end}");
                opened_at_least_once[number] |= opens;
            }
        }
    }
    // A new session that nothing is written to is not saved; every act of an old one is.
    assert_eq!(opened_at_least_once, ACTS.map(|act| act != Act::Destroy));
}

#[test]
fn a_session_that_was_ended_stays_ended_whatever_the_clock_does() {
    let clock = Clock::new();
    let ended = Arc::new(Mutex::new(BTreeSet::<SessionId>::new()));
    let (fed, asked) = (ended.clone(), ended);
    let site = Site::with(&clock, |builder| {
        builder
            .on_event(move |event| {
                if let Event::Destroyed { id, .. } = event {
                    fed.lock().unwrap().insert(*id);
                }
            })
            .validate(move |view| !asked.lock().unwrap().contains(&view.id()))
    });
    let mut ends = 0;
    for opened in TIMES {
        for answered in TIMES {
            clock.set(T0);
            let browser = logged_in(&site, "ada");
            // A slow request of another tab, which is answered after the logout.
            let slow = site.request(&browser.header());
            slow.insert("cart", 7).unwrap();
            clock.set(opened);
            let session = site.request(&browser.header());
            let known = !session.is_new().unwrap();
            clock.set(answered);
            session.destroy().unwrap();
            let _ = finish(&session);
            if !known {
                // Refused, so there was nothing to end: it is told so, and the copy is what it was.
                continue;
            }
            ends += 1;
            for now in TIMES {
                clock.set(now);
                assert_eq!(browser.user(&site), None, "{opened} {answered} {now}");
            }
            clock.set(answered);
            assert_eq!(finish(&slow).set_cookie, [""; 0], "{opened} {answered}");
        }
    }
    assert_eq!(ends, 3 * TIMES.len());
}

#[test]
fn a_session_begun_while_the_clock_was_wrong_is_refused_and_left_alone_when_it_is_right() {
    for (wrong, reason) in [
        (0, Refusal::AbsoluteTimeout),
        (T0 - YEAR, Refusal::AbsoluteTimeout),
        (T0 - HOUR, Refusal::IdleTimeout),
        (T0 + HOUR, Refusal::NotYetValid),
        (T0 + YEAR, Refusal::NotYetValid),
        (u32::MAX - 1, Refusal::NotYetValid),
    ] {
        let site = Site::new();
        site.clock.set(wrong);
        let mut browser = logged_in(&site, "ada");
        let before = browser.clone();
        site.clock.set(T0);
        browser.send(&site, |session| assert!(session.is_new().unwrap()));
        assert_eq!(browser, before);
        let events = site.events();
        assert!(
            matches!(events[..], [Event::Refused { reason: told, .. }] if told == reason),
            "{wrong} {events:?}"
        );
        // The next write replaces it, although it seems to be the newer one.
        browser.send(&site, |session| session.insert("user", "eve").unwrap());
        assert_eq!(browser.user(&site).as_deref(), Some("eve"));
        assert_eq!(browser.names(), [NAME]);
    }
}

/// The clock was ahead when it was sealed, and is right now. Or it is refused by a floor that a restart forgets. Then a
/// copy opens.
#[test]
fn the_end_of_a_cookie_that_is_refused_by_its_time_is_that_of_its_copies() {
    let ends: [fn(&Session); 2] = [
        |session| session.destroy().unwrap(),
        |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", "eve").unwrap();
        },
    ];
    for (ahead, end) in [HOUR, 0]
        .into_iter()
        .flat_map(|ahead| ends.map(|end| (ahead, end)))
    {
        let (clock, denylist) = (Clock::at(T0 + ahead), Denylist::new());
        let with = || Site::with(&clock, |builder| builder.denylist(denylist.clone()));
        let site = with();
        let mut browser = Browser::default();
        browser.send(&site, |session| {
            session.regenerate_for_login().unwrap();
            session.insert("user", "ada").unwrap();
        });
        let copy = browser.clone();
        clock.set(T0);
        if ahead == 0 {
            site.sessions.reject_issued_before(at(T0 + 1));
            clock.set(T0 + 1);
        }
        let (_, reply) = browser.visit(&site, end);
        assert_eq!(reply.failed, None);
        clock.set(T0 + ahead + 1);
        assert_eq!(copy.user(&with()), None, "{ahead}");
    }
}
