//! When a session is saved, and when it is not.

use super::{NONE, session};
use crate::{
    app::Answer,
    server::Framework,
    site::{Site, Visit},
};
use hardtack::session::{Event, SaveReason, SessionError, SkipReason, testing};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Saved for this reason, in one line.
fn saved<R>(visit: &Visit<R>, reason: SaveReason) {
    assert_eq!(visit.saved(), Some(reason));
    let [line] = visit.set_cookie()[..] else {
        panic!("{:?}", visit.set_cookie());
    };
    assert!(line.starts_with("__Host-session=h"), "{line}");
    assert_eq!(visit.response().values("cache-control"), ["no-store"]);
}

/// Not saved, for this reason if there was one to save.
fn not_saved<R>(visit: &Visit<R>, reason: Option<SkipReason>) {
    assert_eq!(visit.saved(), None);
    assert_eq!(visit.set_cookie(), NONE);
    let said = visit.events.iter().find_map(|event| match event {
        Event::NotSaved { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(said, reason);
}

pub fn untouched(framework: &Framework) {
    let site = Site::new(framework);
    let cookie = session(&site, 1).header();
    site.take_events();
    let response = site.get("/untouched", &[("cookie", cookie.as_bytes())]);
    assert_eq!(response.text(), "untouched");
    for name in ["set-cookie", "vary", "cache-control"] {
        assert_eq!(response.values(name), NONE, "{name}");
    }
    assert_eq!(site.take_events(), []);
}

/// The handler takes the session and asks it nothing.
pub fn extracted_only(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site.browser_with(&session(&site, 1)).visit(|_| Ok(()));
    assert_eq!(visit.events, []);
    assert_eq!(visit.set_cookie(), NONE);
    assert_eq!(visit.response().values("vary"), NONE);
}

pub fn read_only(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site
        .browser_with(&session(&site, 1))
        .visit(|session| session.get::<u8>("a"));
    not_saved(&visit, None);
    assert_eq!(visit.response().values("vary"), ["Cookie"]);
    assert_eq!(visit.response().values("cache-control"), ["private"]);
    assert_eq!(visit.value(), Some(1));
}

/// Presence is content too: a shared cache must not answer "logged in" to everybody.
pub fn presence_only(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site.browser().visit(|session| session.contains_key("a"));
    not_saved(&visit, None);
    assert_eq!(visit.response().values("vary"), ["Cookie"]);
    assert_eq!(visit.response().values("cache-control"), ["private"]);
}

pub fn empty_new_session(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site.browser().visit(|session| {
        session.insert("a", 1)?;
        session.remove("a")?;
        session.id()
    });
    not_saved(&visit, None);
}

pub fn changed(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let visit = browser.visit(|session| session.insert("a", 1));
    saved(&visit, SaveReason::Created);
    let visit = browser.visit(|session| session.insert("a", 2));
    saved(&visit, SaveReason::Changed);
    let visit = browser.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.value(), Some(2));
}

/// Every operation that changes something is there afterwards.
pub fn every_mutation(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    saved(
        &browser.visit(|session| session.insert("b", [1, 2])),
        SaveReason::Changed,
    );
    saved(
        &browser.visit(|session| session.update("b", |b: &mut Vec<u8>| b.push(3))),
        SaveReason::Changed,
    );
    let visit = browser.visit(|session| session.take::<Vec<u8>>("b"));
    saved(&visit, SaveReason::Changed);
    assert_eq!(visit.value(), Some(vec![1, 2, 3]));
    let keys = browser.visit(|session| session.keys()).value();
    assert_eq!(keys, ["a"]);
    saved(
        &browser.visit(|session| session.remove("a")),
        SaveReason::Changed,
    );
    let visit = browser.visit(|session| Ok((session.is_new()?, session.len()?)));
    assert_eq!(visit.value(), (false, 0));
}

pub fn same_value_written(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site
        .browser_with(&session(&site, 1))
        .visit(|session| session.insert("a", 1));
    not_saved(&visit, None);
}

/// There and back again.
pub fn changed_and_restored(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site.browser_with(&session(&site, 1)).visit(|session| {
        session.insert("a", 2)?;
        session.insert("b", 3)?;
        session.remove("b")?;
        session.insert("a", 1)
    });
    not_saved(&visit, None);
}

pub fn several_writes_one_line(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let visit = browser.visit(|session| {
        for n in 0..10 {
            session.insert(&format!("key {n}"), n)?;
        }
        Ok(())
    });
    saved(&visit, SaveReason::Created);
    let keys = browser.visit(|session| session.len());
    assert_eq!(keys.value(), 10);
}

pub fn renewed(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    // A tenth of half an hour, so that nobody who is active is cut off before nine tenths of it.
    site.clock.pass(179);
    not_saved(&browser.visit(|session| session.get::<u8>("a")), None);
    site.clock.pass(1);
    let visit = browser.visit(|session| session.get::<u8>("a"));
    saved(&visit, SaveReason::Renewed);
    assert_eq!(visit.value(), Some(1));
}

/// A mere renewal that comes late could bring back a session that was ended meanwhile.
pub fn late_renewal(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    site.clock.pass(180);
    let clock = site.clock.clone();
    let late = move |seconds| {
        let clock = clock.clone();
        move |session: &hardtack::session::Session| {
            session.get::<u8>("a")?;
            clock.pass(seconds);
            Ok::<_, SessionError>(())
        }
    };
    not_saved(&browser.visit(late(2)), Some(SkipReason::TooLate));
    saved(&browser.visit(late(1)), SaveReason::Renewed);
}

/// A write is saved however late: what is to become of it, `validate` says.
pub fn late_write(framework: &Framework) {
    let site = Site::new(framework);
    let clock = site.clock.clone();
    let visit = site.browser_with(&session(&site, 1)).visit(move |session| {
        session.insert("a", 2)?;
        clock.pass(600);
        Ok(())
    });
    saved(&visit, SaveReason::Changed);
}

/// The session ends while the handler works: nothing is sealed that nobody could open.
pub fn ended_meanwhile(framework: &Framework) {
    let site = Site::new(framework);
    let clock = site.clock.clone();
    let visit = site.browser_with(&session(&site, 1)).visit(move |session| {
        session.insert("a", 2)?;
        clock.pass(43_201);
        Ok(())
    });
    not_saved(&visit, Some(SkipReason::Ended));
}

/// A site that asks this flag whether a session is good.
fn validated(framework: &Framework) -> (Site, Arc<AtomicBool>) {
    let good = Arc::new(AtomicBool::new(true));
    let ask = good.clone();
    let site = Site::with(framework, |settings| {
        settings.validate(move |_| ask.load(Ordering::Relaxed))
    });
    (site, good)
}

pub fn validate_at_opening(framework: &Framework) {
    let (site, good) = validated(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(1u8));
    good.store(false, Ordering::Relaxed);
    let visit = browser.visit(|session| session.get::<u8>("a"));
    assert_eq!(visit.refusals(), [hardtack::session::Refusal::NotValidated]);
    not_saved(&visit, None);
    assert_eq!(visit.value(), None);
}

pub fn validate_at_saving(framework: &Framework) {
    let (site, good) = validated(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let before = browser.jar.clone();
    let visit = browser.visit(move |session| {
        session.insert("a", 2)?;
        good.store(false, Ordering::Relaxed);
        Ok(())
    });
    not_saved(&visit, Some(SkipReason::NotValidated));
    assert_eq!(visit.response().status, 200);
    assert_eq!(browser.jar, before);
}

pub fn saved_on_4xx(framework: &Framework) {
    saved_with_status(framework, 404);
}

pub fn saved_on_5xx(framework: &Framework) {
    saved_with_status(framework, 503);
}

fn saved_with_status(framework: &Framework, status: u16) {
    let site = Site::new(framework);
    let mut browser = site.browser();
    let visit = browser.run(move |mut handles| {
        handles.take_session().insert("a", 1)?;
        Ok(((), Answer::new().status(status).text("sorry")))
    });
    assert_eq!(visit.response().status, status);
    assert_eq!(visit.response().text(), "sorry");
    saved(&visit, SaveReason::Created);
}

/// What a handler wrote before it gave up with `?`.
pub fn saved_on_a_session_error(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let visit = browser.visit(|session| {
        session.insert("b", 2)?;
        session.get::<String>("a")
    });
    assert_eq!(visit.response().status, 500);
    saved(&visit, SaveReason::Changed);
    assert_eq!(browser.visit(|session| session.get("b")).value(), Some(2u8));
}

pub fn panic_saves_nothing(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let before = browser.jar.clone();
    let visit = browser.visit(|session| {
        session.insert("a", 2)?;
        session.regenerate_for_login()?;
        // A panic without the message on standard error.
        std::panic::resume_unwind(Box::new("the handler panics"));
        #[expect(unreachable_code, reason = "names the type")]
        Ok(())
    });
    assert_eq!(visit.result, None);
    assert_eq!(visit.answer.is_some(), framework.answers_panics);
    if let Some(response) = &visit.answer {
        assert_eq!(response.status, 500);
        not_saved(&visit, Some(SkipReason::Panicked));
    }
    assert_eq!(browser.jar, before);
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(1u8));
}

/// A task beside the handler panics with a clone of the session. The handler has gone on, and so does what it
/// wrote.
pub fn panic_beside_the_handler(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let visit = browser.visit(|session| {
        session.insert("a", 2)?;
        let clone = session.clone();
        let task = std::thread::spawn(move || {
            let _clone = clone;
            std::panic::resume_unwind(Box::new("the task panics"));
        });
        Ok(task.join().is_err())
    });
    assert_eq!(visit.response().status, 200);
    saved(&visit, SaveReason::Changed);
    assert!(visit.value());
    assert_eq!(browser.visit(|session| session.get("a")).value(), Some(2u8));
}

/// A session that is used inside its own closure is an error, and never a hang.
pub fn used_in_its_own_closure(framework: &Framework) {
    let site = Site::new(framework);
    let visit = site.browser().visit(|session| {
        let inside = session.update("a", |a: &mut u8| {
            *a = 1;
            session.get::<u8>("a")
        })?;
        Ok((inside, session.get::<u8>("a")?))
    });
    assert_eq!(visit.value(), (Err(SessionError::InUse), Some(1)));
}

/// Requests side by side do not see each other.
pub fn concurrent_requests(framework: &Framework) {
    let site = Site::new(framework);
    std::thread::scope(|scope| {
        for browser in 0..6u8 {
            let site = &site;
            scope.spawn(move || {
                let mut jar = session(site, browser);
                for visits in 1..=10u32 {
                    let line = jar.header();
                    let visit = site.request().cookie(line).visit(|session| {
                        let visits = session.update("visits", |visits: &mut u32| {
                            *visits += 1;
                            *visits
                        })?;
                        Ok((session.get::<u8>("a")?, visits))
                    });
                    jar.store(visit.set_cookie()[0]);
                    assert_eq!(visit.value(), (Some(browser), visits));
                }
            });
        }
    });
}

/// A release changed the type of a value. The page fails, and does not keep the session alive that it fails
/// for; one call reads the value or drops it.
pub fn value_of_another_type(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    // A renewal is due.
    site.clock.pass(180);
    let visit = browser.visit(|session| session.get::<String>("a"));
    assert_eq!(visit.response().status, 500);
    not_saved(&visit, None);
    let told = |event: &Event| matches!(event, Event::WrongType { removed: false, .. });
    assert!(visit.events.iter().any(told), "{:?}", visit.events);
    let visit = browser.visit(|session| session.get_or_remove::<String>("a"));
    assert_eq!(visit.response().status, 200);
    assert_eq!(visit.value(), None);
    let visit = browser.visit(|session| Ok((session.is_new()?, session.get::<String>("a")?)));
    assert_eq!(visit.value(), (false, None));
}

/// Two requests with one cookie, one within the other: neither sees what the other writes, no request waits
/// for another, and the answer that comes last wins as a whole.
pub fn parallel_writes_last_wins(framework: &Framework) {
    let site = Site::new(framework);
    let mut browser = site.browser_with(&session(&site, 1));
    let (sessions, cookie) = (site.sessions.clone(), browser.jar.header());
    let outer = browser.request().visit(move |session| {
        session.insert("b", 2)?;
        let inner = testing::session_from_cookie(&sessions, &cookie);
        let seen_within = inner.get::<u8>("b")?;
        inner.insert("c", 3)?;
        let lines = testing::set_cookie(&inner).unwrap();
        Ok((lines, seen_within, session.get::<u8>("c")?))
    });
    let outer = browser.keep(outer);
    assert_eq!(browser.visit(|session| session.keys()).value(), ["a", "b"]);
    let (lines, seen_within, seen_outside) = outer.value();
    assert_eq!((seen_within, seen_outside), (None, None));
    let [line] = &lines[..] else {
        panic!("{lines:?}");
    };
    browser.jar.store(line);
    assert_eq!(browser.visit(|session| session.keys()).value(), ["a", "c"]);
}
