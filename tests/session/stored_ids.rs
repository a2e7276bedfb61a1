//! Requests that were on their way while another one gave the session in a store another id.

use crate::kit::{
    clock::{HOUR, MINUTE},
    exchange::ready,
    site::{Browser, Site, finish},
    stored::{instances, person, site_with},
};
use hardtack::session::{Event, SaveError, SessionError, SkipReason};

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
    let ([one, two], _store) = instances::<2>(|builder| builder);
    let mut browser = person(&one, "ada");
    let cart = two.request(&browser.header());
    regenerate(&mut browser, &one);
    cart.insert("cart", 7).unwrap();
    let reply = finish(&cart);
    assert_eq!(reply.failed, Some(SaveError::Contended));
    browser.take(&reply);
    browser.send(&two, |session| session.insert("cart", 7).unwrap());
    assert_eq!(
        browser.peek(&one, |session| session.get::<u32>("cart").unwrap()),
        Some(7)
    );
}

/// A form that only asks for another id was clicked twice: nothing is lost.
#[test]
fn a_new_id_that_is_asked_for_twice_is_no_failure() {
    let ([one, two], _store) = instances::<2>(|builder| builder);
    let mut browser = person(&one, "ada");
    let second = two.request(&browser.header());
    second.regenerate().unwrap();
    regenerate(&mut browser, &one);
    let reply = finish(&second);
    assert_eq!(reply.failed, None);
    browser.take(&reply);
    assert!(is_in(&browser, &one));
}

/// "Change my password" takes another id and ends all other sessions, and is clicked twice. The other id may be that of
/// a thief instead. So it is not spared, and the person is told that nothing has ended.
#[test]
fn an_end_of_the_others_by_a_session_with_another_id_ends_none() {
    let ([one, two], _store) = instances::<2>(|builder| builder);
    let mut browser = person(&one, "ada");
    let other = person(&one, "ada");
    let cookie = browser.header();
    let [first, second] = [&one, &two].map(|site| site.request(&cookie));
    for click in [&first, &second] {
        click.regenerate().unwrap();
    }
    assert_eq!(ready(first.end_others()), Ok(1));
    browser.take(&finish(&first));
    assert_eq!(ready(second.end_others()), Err(SessionError::Store));
    browser.take(&finish(&second));
    assert!(is_in(&browser, &one) && !is_in(&other, &one));
}

/// A thief sends the body of a form slowly. Meanwhile the person ends all sessions and logs in again.
#[test]
fn a_session_that_has_ended_ends_no_others() {
    type Ends = fn(&Site, &mut Browser);
    let ends: [(&str, Ends); 4] = [
        ("ended", |site, _| {
            _ = ready(site.sessions.end_all("ada")).unwrap()
        }),
        ("destroyed", |site, browser| {
            browser.send(site, |session| session.destroy().unwrap())
        }),
        ("logged in anew", |site, browser| {
            browser.send(site, |session| {
                session.regenerate_for_login().unwrap();
                session.set_subject(Some("ada")).unwrap();
            })
        }),
        ("idle", |site, _| site.clock.pass(13 * HOUR)),
    ];
    for (how, end) in ends {
        let ([one, two], _store) = instances::<2>(|builder| builder);
        let mut browser = person(&one, "ada");
        let slow = two.request(&browser.header());
        assert!(!slow.is_new().unwrap());
        end(&one, &mut browser);
        let again = person(&one, "ada");
        two.events();
        assert_eq!(ready(slow.end_others()), Err(SessionError::Store), "{how}");
        assert!(is_in(&again, &one), "{how}");
        let events = two.events();
        let told = events
            .iter()
            .any(|event| matches!(event, Event::StoreFailed { .. }));
        assert!(told, "{how} {events:?}");
    }
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
    let events = site.events();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, Event::StoreFailed { .. })),
        "{events:?}"
    );
}
