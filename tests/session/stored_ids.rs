//! Requests that were on their way while another one gave the session in a store another id.

use crate::kit::{
    clock::{Clock, HOUR, MINUTE},
    exchange::ready,
    site::{Browser, Site, finish},
    store::Scripted,
    stored::{instances, person, site_with},
};
use hardtack::session::{Event, FlashLevel, Place, SaveError, Session, SessionError, SkipReason};
use std::time::Duration;

fn is_in(browser: &Browser, site: &Site) -> bool {
    browser.user(site).is_some()
}

/// A second factor, which another tab passes.
fn regenerate(browser: &mut Browser, site: &Site) {
    browser.send(site, |session| session.regenerate().unwrap());
}

/// Its answer comes within a second, and renews the session under the id of before.
#[test]
fn a_page_that_was_loading_at_a_new_id_does_not_log_out() {
    let (site, _store) = site_with(|builder| builder);
    let mut browser = person(&site, "ada");
    site.clock.pass(4 * MINUTE);
    let page = site.request(&browser.header());
    assert_eq!(page.get::<String>("user").unwrap().as_deref(), Some("ada"));
    regenerate(&mut browser, &site);
    site.events();
    browser.take(&finish(&page));
    assert!(is_in(&browser, &site));
    let skipped = |event: &Event| {
        let reason = SkipReason::LoginEnded;
        matches!(event, Event::NotSaved { reason: why, .. } if *why == reason)
    };
    assert!(site.events().iter().any(skipped));
}

/// It asks for news, and its answer waits until there are some. The computer had slept.
#[test]
fn a_long_poll_does_not_log_out_who_got_another_id_at_another_instance() {
    let ([one, two], _store) = instances::<2>(|builder| builder);
    let mut browser = person(&one, "ada");
    one.clock.pass(16 * MINUTE);
    let poll = two.request(&browser.header());
    assert_eq!(poll.get::<String>("user").unwrap().as_deref(), Some("ada"));
    one.clock.pass(5);
    regenerate(&mut browser, &one);
    one.clock.pass(20);
    browser.take(&finish(&poll));
    assert!(is_in(&browser, &one));
}

#[test]
fn a_long_poll_does_not_throw_out_a_login_at_another_instance() {
    let ([one, two], _store) = instances::<2>(|builder| builder);
    let mut browser = Browser::default();
    // The store drops the session of a robot early, and takes a guest for one at first.
    for pause in [0, 4, 16] {
        one.clock.pass(pause * MINUTE);
        browser.send(&one, |session| session.insert("cart", pause).unwrap());
    }
    one.clock.pass(16 * MINUTE);
    let poll = two.request(&browser.header());
    assert_eq!(poll.get::<u32>("cart").unwrap(), Some(16));
    one.clock.pass(5);
    browser.send(&one, |session| {
        session.regenerate_for_login().unwrap();
        session.set_subject(Some("ada")).unwrap();
        session.insert("user", "ada").unwrap();
    });
    one.clock.pass(20);
    browser.take(&finish(&poll));
    assert!(is_in(&browser, &one));
}

/// A renewal is one command with its read, and one more if its answer takes longer than a tenth of a second.
#[test]
fn a_slow_renewal_asks_the_store_once_more() {
    for (pause, calls) in [(0, &["load, keep"][..]), (1, &["load, keep", "load, keep"])] {
        let (site, store) = site_with(|builder| builder);
        let mut browser = person(&site, "ada");
        site.clock.pass(16 * MINUTE);
        store.calls();
        let poll = site.request(&browser.header());
        assert!(!poll.is_new().unwrap());
        site.clock.pass(pause);
        let reply = finish(&poll);
        assert_eq!((reply.set_cookie.len(), &store.calls()[..]), (1, calls));
        browser.take(&reply);
        assert!(is_in(&browser, &site));
    }
}

/// What it wrote is lost, and the page must not look as if it was kept. A second try works.
#[test]
fn a_write_beside_a_new_id_is_a_503() {
    type Write = fn(&Session);
    let writes: [(&str, Write); 5] = [
        ("data", |session| session.insert("cart", 7).unwrap()),
        ("times", |session| {
            session.expire_in(Duration::from_secs(60)).unwrap();
        }),
        ("remember", |session| session.remember(true).unwrap()),
        ("subject", |session| {
            session.set_subject(Some("bob")).unwrap();
        }),
        ("a message", |session| {
            session.flash(FlashLevel::Info, "saved").unwrap();
        }),
    ];
    for (what, write) in writes {
        let ([one, two], _store) = instances::<2>(|builder| builder);
        let mut browser = person(&one, "ada");
        let slow = two.request(&browser.header());
        write(&slow);
        regenerate(&mut browser, &one);
        let reply = finish(&slow);
        assert_eq!(reply.failed, Some(SaveError::Contended), "{what}");
        browser.take(&reply);
        let (_, reply) = browser.visit(&two, write);
        assert_eq!(reply.failed, None, "{what}");
        assert!(is_in(&browser, &one), "{what}");
    }
}

/// A second try would find no session.
#[test]
fn a_write_behind_a_new_id_and_a_logout_is_left_out() {
    let ([one, two], _store) = instances::<2>(|builder| builder);
    let mut browser = person(&one, "ada");
    let slow = two.request(&browser.header());
    slow.insert("cart", 7).unwrap();
    regenerate(&mut browser, &one);
    browser.send(&one, |session| session.destroy().unwrap());
    assert_eq!(finish(&slow).failed, None);
}

/// A form that only asks for another id was clicked twice, or a page has shown a message: nothing is lost.
#[test]
fn a_new_id_that_is_asked_for_twice_is_no_failure() {
    type Write = fn(&Session);
    let writes: [Write; 2] = [
        |session| session.regenerate().unwrap(),
        |session| drop(session.take_flashes().unwrap()),
    ];
    for write in writes {
        let ([one, two], _store) = instances::<2>(|builder| builder);
        let mut browser = person(&one, "ada");
        browser.send(&one, |session| {
            session.flash(FlashLevel::Info, "welcome").unwrap();
        });
        let second = two.request(&browser.header());
        write(&second);
        regenerate(&mut browser, &one);
        let reply = finish(&second);
        assert_eq!(reply.failed, None);
        browser.take(&reply);
        assert!(is_in(&browser, &one));
    }
}

/// An instance that keeps sessions in cookies, and two that move them into the store.
fn moving() -> [Site; 3] {
    let clock = Clock::new();
    let store = Scripted::new(&clock);
    [Place::Cookie, Place::Store, Place::Store]
        .map(|place| Site::with(&clock, |builder| builder.store(store.clone()).place(place)))
}

/// "Change my password" takes another id and ends all other sessions, and is clicked twice. The other id may be that of
/// a thief instead. So it is not spared, and the person is told that nothing has ended.
#[test]
fn an_end_of_the_others_by_a_session_with_another_id_ends_none() {
    let in_store = instances::<3>(|builder| builder).0;
    for [old, one, two] in [in_store, moving()] {
        let mut browser = person(&old, "ada");
        let other = person(&one, "ada");
        let cookie = browser.header();
        let [first, second] = [&one, &two].map(|site| site.request(&cookie));
        for click in [&first, &second] {
            click.regenerate().unwrap();
        }
        assert_eq!(ready(first.end_others()), Ok(1));
        browser.take(&finish(&first));
        let another = person(&one, "ada");
        two.events();
        assert_eq!(ready(second.end_others()), Err(SessionError::Ended));
        browser.take(&finish(&second));
        let in_now = [&browser, &other, &another].map(|browser| is_in(browser, &one));
        assert_eq!(in_now, [true, false, true]);
        assert_eq!(
            two.events()
                .iter()
                .filter(|event| is_failure(event))
                .count(),
            0
        );
    }
}

fn is_failure(event: &Event) -> bool {
    matches!(event, Event::StoreFailed { .. })
}

/// A thief sends the body of a form slowly. Meanwhile the person ends all sessions and logs in again.
#[test]
fn a_session_that_has_ended_ends_no_others() {
    type Ends = fn(&Site, &mut Browser);
    let ends: [(&str, Ends); 3] = [
        ("destroyed", |site, browser| {
            browser.send(site, |session| session.destroy().unwrap());
        }),
        ("logged in anew", |site, browser| {
            browser.send(site, log_in);
        }),
        ("ended", |site, _| {
            ready(site.sessions.end_all("ada")).unwrap();
        }),
    ];
    let end = |[old, one, two]: [Site; 3], how: &str, end: Ends| {
        let mut browser = person(&old, "ada");
        let slow = two.request(&browser.header());
        assert!(!slow.is_new().unwrap());
        end(&one, &mut browser);
        let again = person(&one, "ada");
        two.events();
        assert_eq!(ready(slow.end_others()), Err(SessionError::Ended), "{how}");
        assert!(is_in(&again, &one), "{how}");
        assert!(!two.events().iter().any(is_failure), "{how}");
    };
    for (how, ends) in ends {
        end(instances::<3>(|builder| builder).0, how, ends);
    }
    // A list has no session that is in its cookie still.
    for (how, ends) in &ends[..2] {
        end(moving(), how, *ends);
    }
    end(instances::<3>(|builder| builder).0, "idle", |site, _| {
        site.clock.pass(13 * HOUR);
    });
}

fn log_in(session: &Session) {
    session.regenerate_for_login().unwrap();
    session.set_subject(Some("ada")).unwrap();
    session.insert("user", "ada").unwrap();
}

/// A site allows one session for each person. A login does not keep the others if another tab ends the session of before,
/// and a double click loses nothing.
#[test]
fn a_login_ends_the_others_whatever_became_of_the_session_of_before() {
    type Ends = fn(&Site, &mut Browser, &Scripted);
    let ends: [Ends; 4] = [
        |site, browser, _| browser.send(site, log_in),
        |site, browser, _| browser.send(site, |session| session.regenerate().unwrap()),
        |site, browser, _| browser.send(site, |session| session.destroy().unwrap()),
        |_, _, store| store.forget(),
    ];
    for end in ends {
        let ([one, two], store) = instances::<2>(|builder| builder);
        let mut browser = Browser::default();
        browser.send(&one, |session| session.insert("cart", 7).unwrap());
        let login = two.request(&browser.header());
        assert!(!login.is_new().unwrap());
        end(&one, &mut browser, &store);
        let other = person(&one, "ada");
        log_in(&login);
        assert!(ready(login.end_others()).is_ok());
        browser.take(&finish(&login));
        assert!(is_in(&browser, &one) && !is_in(&other, &one));
    }
}

/// The record may be too new for the replica that a proxy asks.
#[test]
fn an_end_of_the_others_asks_the_primary_for_the_own_session() {
    let (site, store) = site_with(|builder| builder);
    let browser = person(&site, "ada");
    let other = person(&site, "ada");
    let request = site.request(&browser.header());
    assert!(!request.is_new().unwrap());
    store.calls();
    assert_eq!(ready(request.end_others()), Ok(1));
    assert!(store.calls().contains(&"load, keep"));
    assert!(!is_in(&other, &site));
}

#[test]
fn an_end_of_the_others_that_fails_is_told() {
    let (site, store) = site_with(|builder| builder);
    let browser = person(&site, "ada");
    let request = site.request(&browser.header());
    assert!(!request.is_new().unwrap());
    site.events();
    store.set_down(true);
    assert_eq!(ready(request.end_others()), Err(SessionError::Store));
    assert_eq!(
        site.events()
            .iter()
            .filter(|event| is_failure(event))
            .count(),
        1
    );
}
